"""The main job: from pull request to closed change, over real HTTP, on both databases."""

from __future__ import annotations

import asyncio

from app.clock import now
from app.decisions import store as decisions
from app.sandbox.world import REPOSITORY, TENANT
from app.verification.verify import verify
from manifests import dsse, vsa
from tests.journey.played import GREEN, WAITS, Played, in_order

STAGES = ("propose", "verify", "approve", "authorise", "deploy", "close")


async def test_a_release_goes_live_after_four_eyes_and_its_trace_is_complete(either: Played) -> None:
    pull = await either.propose()
    # The change request is open before anybody approves, as the order of the trace below has it.
    await either.says(
        pull, WAITS, "1 approval from risk-managers and 1 approval from senior-developers are missing", "CHG"
    )
    number = await either.ready(pull)
    commit = await either.merge(pull)

    answer = await either.allowed(commit)
    status, _ = await either.call("POST", f"/api/v1/decisions/{answer.decision_id}/redemption", {})
    assert status == 200
    await either.until(lambda: either.servicenow.change(number), lambda c: c.state == "implement", "implementation")
    status, _ = await either.call("POST", f"/api/v1/decisions/{answer.decision_id}/outcome", {"outcome": "success"})
    assert status == 200
    change = await either.until(lambda: either.servicenow.change(number), lambda c: c.state == "closed", "its end")
    await either.settled()

    assert change.close_code == "successful"
    assert commit in change.close_notes
    assert [one.number for one in either.servicenow.changes()] == [number]
    assert {row.approver: row.state for row in change.approvals} == {"erin": "approved", "frank": "approved"}
    assert len(either.ours(pull)) == 1
    check = either.check(pull)
    assert check is not None
    assert (check.conclusion, check.title) == (GREEN, "Allowed: production")
    await _trace_is_in_order(either)
    await _everything_replays(either)
    await _log_verifies(either)
    _summary_is_signed(either, answer.attestation)


async def _trace_is_in_order(played: Played) -> None:
    trace = await played.trace(played.github.pull(REPOSITORY, 1))
    events = [record.event for record in trace]
    assert in_order(STAGES, [record.stage for record in trace])
    assert trace[-1].event == "change.closed"
    assert [record.stage for record in trace if record.event == "release.proposed"] == ["propose"]
    assert trace[0].event == "release.proposed"
    assert in_order(
        (
            "verdict.recorded", "change.opened", "grant.recorded", "grant.recorded", "decision.recorded",
            "decision.redeemed", "deployment.recorded", "change.closed",
        ),
        events,
    )  # fmt: skip
    for once in ("change.opened", "decision.redeemed", "deployment.recorded", "change.closed"):
        assert events.count(once) == 1, events
    assert [record.tseq for record in trace] == list(range(len(trace)))


async def _everything_replays(played: Played) -> None:
    release = (await played.call("GET", "/api/v1/releases"))[1]["releases"][0]["id"]
    known = await played.service.database.read(lambda tx: decisions.of_release(tx, TENANT, release))
    assert {decision.question for decision in known} == {"merge", "deploy"}
    for decision in known:
        status, found = await played.call("GET", f"/api/v1/decisions/{decision.id}/explanation")
        assert (status, found["same"], found["wording"]) == (200, True, "same"), found


async def _log_verifies(played: Played) -> None:
    url = played.service.settings.database.url.get_secret_value()
    keys = [played.service.keys.log.public]
    report = await asyncio.to_thread(lambda: verify(url, keys, clock=now, thorough=True))
    assert report.findings == ()
    assert report.records > 20


def _summary_is_signed(played: Played, envelope: object) -> None:
    import msgspec

    parsed = dsse.parse(msgspec.json.encode(envelope))
    key = played.service.keys.gate.public
    assert dsse.verified_signers(parsed, [key]) == {key.fingerprint}
    assert vsa.PREDICATE_TYPE.encode() in parsed.payload
