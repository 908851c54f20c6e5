"""A whole journey: people read names, and nothing that is kept for years holds one in clear."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from app.sandbox.world import World
from tests.journey.conftest import github_key, started
from tests.journey.played import WAITS

__all__ = ["github_key"]

PEOPLE = ("alice", "bob", "carol", "erin")


async def test_names_are_shown_and_not_kept(tmp_path: Path, github_key: rsa.RSAPrivateKey) -> None:
    async for played in started(World(tmp_path, github_key=github_key)):
        pull = await played.propose()
        await played.approve(pull, "carol")
        await played.says(pull, WAITS, "Filled by carol")
        await played.shows(pull, "carol")
        await played.ready(pull)
        commit = await played.merge(pull)
        answer = await played.allowed(commit)
        _, explained = await played.call("GET", f"/api/v1/decisions/{answer.decision_id}/explanation")
        assert explained["same"]
        assert "carol" in str(explained["verdict"])
        await played.settled()
        await played.service.privacy.deliveries.seal()
        for kept in (
            "SELECT body FROM blobs WHERE kind = 'verdict' OR kind LIKE 'snapshot%' AND kind <> 'snapshot/policies'",
            "SELECT body FROM records",
            "SELECT consent_json FROM grants",
            "SELECT payload FROM effects WHERE wanted = done",
            "SELECT facts_json FROM changes",
            "SELECT body FROM deliveries",
            "SELECT body_json FROM observations",
        ):
            rows = await played.service.database.read(lambda tx, kept=kept: tx.all(text(kept)))  # type: ignore[misc]
            assert rows, kept
            for (body,) in rows:
                said = body if isinstance(body, bytes) else str(body).encode()
                assert not [name for name in PEOPLE if f'"{name}"'.encode() in said or f" {name} ".encode() in said], (
                    kept, said[:2000],
                )  # fmt: skip
