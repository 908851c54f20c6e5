"""A log that cannot be written stops releases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.sandbox.world import World
from tests.journey.played import GREEN, Played

PROBLEMS = {
    "the log has lost its head": "DELETE FROM log_heads WHERE log = 'acme'",
    "the log's tables are gone": "ALTER TABLE checkpoints RENAME TO elsewhere",
}


@pytest.fixture
async def played(tmp_path: Path) -> AsyncIterator[Played]:
    world = World(tmp_path, change=False)
    playing = Played(world)
    await world.start()
    yield playing
    await playing.close()
    await world.stop()


@pytest.mark.parametrize("statement", PROBLEMS.values(), ids=PROBLEMS)
async def test_without_a_log_nothing_is_allowed_and_somebody_is_called(played: Played, statement: str) -> None:
    pull = await played.propose()
    await played.approve(pull, "bob", "carol")
    await played.says(pull, GREEN)
    commit = await played.merge(pull)
    allowed = await played.allowed(commit)
    await played.service.database.write(lambda tx: tx.run(text(statement)))
    before = _alarms(played)
    subject = {"name": "policy.json", "digest": {"sha256": "0" * 64}}
    question = {"environment": "production", "repository": "acme/models", "commit": commit, "subjects": [subject]}
    status, answer = await played.call("POST", "/api/v1/decisions", question)
    assert (status, answer["code"]) == (503, "database.unavailable")
    status, answer = await played.call("POST", f"/api/v1/decisions/{allowed.decision_id}/redemption", {})
    assert (status, answer["code"]) == (503, "database.unavailable"), "what was allowed before is not used up either"
    records = {"records": [{"trace": "run-1", "action": "training.ended"}]}
    status, answer = await played.call("POST", "/api/v1/records", records)
    assert (status, answer["code"]) == (503, "database.unavailable")
    assert _alarms(played) >= before + 3


def _alarms(played: Played) -> float:
    registry = played.service.metrics.registry
    return registry.get_sample_value("countersign_alarms_total", {"kind": "log"}) or 0
