"""Adoption: one steward says that the policy on a branch shall count, another confirms it, and the log says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.audit import heads
from app.blobs.store import BlobStore
from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.facts.gather import Gatherer
from app.pulls import store as pulls
from app.pulls.store import Repository
from app.rebuild import policies
from app.rebuild.memory import Memory
from app.rebuild.policies import PolicyRow
from app.repositories.keys import policy_key
from app.standing import store
from app.standing.errors import AdoptionError
from app.standing.messages import Adoption, Present, Step, VersionList
from app.standing.model import Branch
from app.standing.versions import Versions
from app.tenants.registry import Tenant
from app.tokens.distinct import distinct
from app.work import store as work
from gates.model import Policies
from integrations.github.port import GitHubApp
from manifests.canonical import sha256_hex
from manifests.policy import POLICY_PATH

_LOOK = "See `countersign policy versions`."


class Adoptions:
    """``on_adopted`` is told the repository whose policy counts from now on."""

    def __init__(
        self, database: Database, memory: Memory, github: GitHubApp, gatherer: Gatherer, versions: Versions,
        blobs: BlobStore, clock: Clock, on_adopted: Callable[[], None],
    ) -> None:  # fmt: skip
        self._database = database
        self._memory = memory
        self._github = github
        self._gatherer = gatherer
        self._versions = versions
        self._blobs = blobs
        self._clock = clock
        self._on_adopted = on_adopted

    async def present(self, tenant: Tenant, name: str, branch: str) -> Present:
        """Raises AdoptionError, NeighbourError."""
        repository = await self._repository(tenant, name)
        found, text = await self._read(tenant, repository, branch)
        sha256 = sha256_hex(text) if text is not None else ""
        known = await self._versions.branch(tenant.id, repository.id, branch)
        proposed = known.proposed(sha256)
        rules = tuple(rule.name for rule in found.repository.rules) if found.repository else ()
        return Present(
            repository.name, branch, found.commit, sha256, known.state(sha256), proposed.by if proposed else "", rules,
            found.problem, text.decode(errors="replace") if text is not None else "",
        )  # fmt: skip

    async def steps(self, tenant: Tenant, name: str) -> VersionList:
        """Every step of every version of a repository's policy. Raises AdoptionError, NeighbourError."""
        repository = await self._repository(tenant, name)
        refs = await self._database.read(lambda tx: policies.branches(tx, tenant.id, repository.id))
        known = [await self._versions.branch(tenant.id, repository.id, ref) for ref in refs]
        return VersionList(
            tuple(step for one in known for step in _steps(one)),
            tuple(difference for one in known for difference in one.differences),
        )

    async def adopt(self, tenant: Tenant, name: str, branch: str, sha256: str, by: str) -> Adoption:
        """Propose the version with this digest, or confirm it as the second steward.

        Raises AdoptionError: it is not what stands on the branch, counts already, or is confirmed by who proposed it;
        NeighbourError.
        """
        repository = await self._repository(tenant, name)
        found, text = await self._read(tenant, repository, branch)
        if text is None or found.problem:
            raise AdoptionError(
                "policy.unreadable", f"a readable {POLICY_PATH} on {branch}", found.problem or "none",
                "Correct it on the branch first; `countersign policy validate` shows every mistake.",
            )  # fmt: skip
        if sha256_hex(text) != sha256:
            raise AdoptionError(
                "policy.another_version", f"{POLICY_PATH} on {branch} with SHA-256 {sha256}", sha256_hex(text),
                "Look at the policy that is there now, and adopt that one if it is meant.",
            )  # fmt: skip
        known = await self._versions.branch(tenant.id, repository.id, branch)
        if known.differences:
            raise AdoptionError(
                "policy.differs", "versions that the log bears out", known.differences[0],
                "Run `countersign audit rebuild`: somebody wrote into the table policy_versions.",
            )  # fmt: skip

        def unit(tx: Tx) -> PolicyRow:
            row = step(tx, self._memory, tenant.id, (repository.id, branch), sha256, by, self._clock())
            self._blobs.put(tx, "policy", text)
            pulls.see_repository(tx, repository, row.at)
            work.mark(tx, policy_key(repository.id, branch), row.at)
            return row

        row = await self._database.write(unit)
        self._on_adopted()
        return _told(repository, branch, found.commit, row, known.proposed(sha256))

    async def _read(self, tenant: Tenant, repository: Repository, branch: str) -> tuple[Policies, bytes | None]:
        if not tenant.lists(repository.name, branch):
            listed = ", ".join(sorted(tenant.listed_refs(repository.name))) or "none"
            raise AdoptionError(
                "policy.branch", f"a branch of {repository.name} that the tenant policy lists: {listed}", branch,
                "Name a listed branch with --branch, or let an administrator list this one under base_refs.",
            )  # fmt: skip
        self._gatherer.forget_branch(repository.id, branch)
        return await self._gatherer.policies(
            tenant, self._github.installation(repository.installation_id), repository, branch
        )

    async def _repository(self, tenant: Tenant, name: str) -> Repository:
        """Known here, or else to an installation of the tenant: its first policy is adopted before anything happens."""
        known = await self._database.read(lambda tx: pulls.repository_named(tx, tenant.id, name))
        if known is not None:
            return known
        for installation_id in tenant.policy.installations:
            for repository_id, full_name in await self._github.repositories(installation_id):
                if full_name.casefold() == name.casefold():
                    return Repository(repository_id, tenant.id, full_name, installation_id)
        raise AdoptionError(
            "policy.repository", "a repository (owner/name) of the tenant's installations", name[:140],
            "Give its full name, or install the App there.", status=404,
        )  # fmt: skip


def step(
    tx: Tx, memory: Memory, tenant: str, where: tuple[int, str], sha256: str, by: str, at: int
) -> PolicyRow:  # fmt: skip
    """The next step of a version on a branch (``where``: the repository's id, and its name): proposed by the first,
    adopted by the second. What is open is judged again. Raises AdoptionError."""
    repository_id, branch = where
    heads.hold(tx, tenant)
    known = store.branch(tx, memory, tenant, repository_id, branch)
    if known.newest is not None and known.newest.sha256 == sha256:
        raise AdoptionError("policy.counts", "a version that does not count yet", "one that does", _LOOK)
    proposed = known.proposed(sha256)
    if proposed is not None and (same := distinct(tx, tenant, proposed.by, by)):
        raise AdoptionError(
            "policy.second_person", "a second steward: who proposed an adoption cannot confirm it", same,
            "Let another steward run the same command with a token of their own.",
        )  # fmt: skip
    row = PolicyRow(repository_id, branch, sha256, "adopted" if proposed else "proposed", by, "", at)
    store.add(tx, tenant, row, at)
    for number, _, _ in pulls.open_pulls(tx, repository_id):
        work.mark(tx, f"pull/{repository_id}/{number}", at)
    return row


def _steps(known: Branch) -> Iterator[Step]:
    newest = None if known.differences else known.newest
    for row in known.rows:
        yield Step(row.base_ref, row.sha256, row.state, row.by, row.release_id, row.at, row == newest)


def _told(repository: Repository, branch: str, commit: str, row: PolicyRow, proposed: PolicyRow | None) -> Adoption:
    if row.state == "adopted":
        by = proposed.by if proposed else ""
        return Adoption(repository.name, branch, commit, row.sha256, "adopted", by, row.by)
    text = (
        f"Now another steward runs the same command, with a token that was not made with {row.by} nor with the one "
        f"that made it: countersign policy adopt {repository.name} --branch {branch} --sha256 {row.sha256}"
    )
    return Adoption(repository.name, branch, commit, row.sha256, "proposed", row.by, next=text)
