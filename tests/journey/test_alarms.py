"""What the numbers say about decisions: alarms where tables and log disagree, and what became of allows."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from tests.journey.played import GREEN, Played

RESULTS = ("ok", "redeemed", "not_allowed", "expired")


def behind_the_triggers(played: Played, sql: str, table: str = "grants") -> None:
    with contextlib.closing(sqlite3.connect(played.world.folder / "countersign.db", timeout=5)) as database, database:
        for verb in ("update", "delete"):
            database.execute(f"DROP TRIGGER {table}_no_{verb}")
        assert database.execute(sql).rowcount


def counted(played: Played, metric: str, **labels: str) -> float:
    return played.service.metrics.registry.get_sample_value(f"countersign_{metric}", labels) or 0.0


@pytest.mark.parametrize(
    "sql", ["UPDATE grants SET consent_json = replace(consent_json, 'production', 'elsewhere')", "DELETE FROM grants"]
)
async def test_a_consent_that_its_record_does_not_bear_out_denies_and_alarms(short: Played, sql: str) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    commit = await short.merge(pull)
    assert (await short.ask(commit)).decision == "allow"
    assert counted(short, "alarms_total", kind="difference") == 0
    behind_the_triggers(short, sql)
    assert (await short.ask(commit)).decision == "deny"
    assert counted(short, "alarms_total", kind="difference") >= 1


async def test_redemptions_are_counted_by_how_they_ended(short: Played) -> None:
    pull = await short.propose()
    denied = await short.ask(pull.head_sha)
    await short.approve(pull)
    await short.says(pull, GREEN)
    allowed = await short.ask(await short.merge(pull))
    for decision in (denied, allowed, allowed):
        await short.call("POST", f"/api/v1/decisions/{decision.decision_id}/redemption", {})
    found = {result: counted(short, "redemptions_total", result=result) for result in RESULTS}
    assert found == {"ok": 1, "redeemed": 1, "not_allowed": 1, "expired": 0}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE decisions SET outcome = 'allow', expires_at = at + 900000000"
        " WHERE outcome <> 'allow' AND question = 'deploy'",
        "UPDATE decisions SET environment = 'staging' WHERE question = 'deploy'",
        "UPDATE decisions SET expires_at = at + 900000001, outcome = 'allow' WHERE question = 'deploy'",
    ],
)
async def test_a_decision_that_its_record_does_not_bear_out_is_not_redeemed_and_alarms(short: Played, sql: str) -> None:
    pull = await short.propose()
    denied = "<> 'allow'" in sql
    if not denied:
        await short.approve(pull)
        await short.says(pull, GREEN)
    commit = await short.merge(pull)
    answer = await short.ask(commit)
    assert (answer.decision == "allow") is not denied
    behind_the_triggers(short, sql, "decisions")
    status, problem = await short.call("POST", f"/api/v1/decisions/{answer.decision_id}/redemption", {})
    assert (status, problem["code"]) == (409, "decision.altered")
    assert counted(short, "alarms_total", kind="difference") >= 1


async def test_an_allow_whose_redemption_was_removed_from_the_table_is_not_used_again(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    allowed = await short.ask(await short.merge(pull))
    path = f"/api/v1/decisions/{allowed.decision_id}/redemption"
    assert (await short.call("POST", path, {}))[0] == 200
    behind_the_triggers(short, "DELETE FROM redemptions", "redemptions")
    status, problem = await short.call("POST", path, {})
    assert (status, problem["code"]) == (409, "decision.redeemed")
