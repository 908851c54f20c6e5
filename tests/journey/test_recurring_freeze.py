"""A freeze that comes again stops deployments while it is under way, and says until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.journey.played import GREEN, Played

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def policy(days_from_now: int, duration: str) -> bytes:
    """With a freeze that begins on the same weekday each week, at midnight in Zurich."""
    day = (datetime.now(UTC) + timedelta(days=days_from_now)).date()
    rule = f"FREQ=WEEKLY;BYDAY={WEEKDAYS[day.weekday()]}"
    start = day - timedelta(weeks=30)
    return f"""\
schema: countersign/policy/v1
groups:
  senior-developers: {{github_team: acme/senior-developers}}
  risk-managers: {{github_team: acme/risk}}
freezes:
  - name: weekend
    environments: [production]
    recurrence: {{rule: "{rule}", start: "{start}T00:00:00", duration: {duration}, timezone: Europe/Zurich}}
rules:
  - name: anything to production
    seats:
      - {{group: senior-developers, signature: attested, accept: [review, command]}}
      - {{group: risk-managers, signature: attested, accept: [review, command]}}
    gates: [rationale, freeze]
""".encode()


@pytest.mark.parametrize(
    ("begins", "duration", "decision", "said"),
    [(-2, "5d", "wait", "the freeze weekend lasts until"), (2, "1d", "allow", "No freeze")],
)
async def test_a_weekly_freeze_stops_deployments_only_while_it_is_under_way(
    short: Played, begins: int, duration: str, decision: str, said: str
) -> None:
    await short.world.put_policy(policy(begins, duration))
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    commit = await short.merge(pull)
    answer = await short.ask(commit)
    assert (answer.decision, said in answer.text()) == (decision, True), answer.text()
