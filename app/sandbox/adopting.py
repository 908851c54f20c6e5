"""Two stewards of the sandbox, who adopt whatever policy stands on a branch."""

from __future__ import annotations

from app.db.database import Database
from app.db.tx import Tx
from app.rebuild.memory import Memory
from app.standing import adopting, store
from integrations.github.simulator.server import GitHubSimulator
from manifests.canonical import sha256_hex
from manifests.policy import POLICY_PATH

TENANT = "acme"
STEWARDS = ("steward:one", "steward:two")


async def adopt_standing(
    database: Database, github: GitHubSimulator, repository: str, branch: str, at: int, tenant: str = TENANT
) -> None:
    """Through the service's own steps; nothing to do where there is no policy, or it counts already."""
    found = github.world.repository(repository)
    text = github.world.objects[found.branches[branch]].files.get(POLICY_PATH)
    if text is None:
        return
    sha256 = sha256_hex(text)

    def unit(tx: Tx) -> None:
        memory = Memory()
        newest = store.branch(tx, memory, tenant, found.id, branch).newest
        if newest is not None and newest.sha256 == sha256:
            return
        for steward in STEWARDS:
            adopting.step(tx, memory, tenant, (found.id, branch), sha256, steward, at)

    await database.write(unit)
