"""What pipelines are told, and what they may do with it."""

from __future__ import annotations

import pytest

from app.gate.service import Asked, ConsentChangedError
from app.sandbox import documents
from app.sandbox.world import REPOSITORY, TENANT
from app.tokens.model import Permission, Scope
from gates.model import NamedDigest
from integrations.github.simulator.model import Pull
from tests.journey.played import GREEN, Played


async def merged(played: Played) -> tuple[Pull, str]:
    pull = await played.propose()
    await played.approve(pull)
    await played.says(pull, GREEN)
    return pull, await played.merge(pull)


async def test_a_decision_is_redeemed_once_and_its_outcome_recorded_once(short: Played) -> None:
    pull, commit = await merged(short)
    decision = (await short.ask(commit)).decision_id
    path = f"/api/v1/decisions/{decision}"
    status, problem = await short.call("POST", f"{path}/outcome", {"outcome": "success"})
    assert (status, problem["code"]) == (409, "decision.not_redeemed")
    assert (await short.call("POST", f"{path}/redemption", {}))[0] == 200
    status, problem = await short.call("POST", f"{path}/redemption", {})
    assert (status, problem["code"]) == (409, "decision.redeemed")
    for _ in range(2):
        assert (await short.call("POST", f"{path}/outcome", {"outcome": "success"}))[0] == 200
    events = [record.event for record in await short.trace(pull)]
    assert (events.count("decision.redeemed"), events.count("deployment.recorded")) == (1, 1)


async def test_a_denial_cannot_be_redeemed(short: Played) -> None:
    pull = await short.propose()
    denied = await short.ask(pull.head_sha)
    status, problem = await short.call("POST", f"/api/v1/decisions/{denied.decision_id}/redemption", {})
    assert (status, problem["code"]) == (409, "decision.not_allowed")


async def test_an_allow_cannot_be_redeemed_by_another_tenants_or_an_unknown_id(short: Played) -> None:
    status, problem = await short.call("POST", "/api/v1/decisions/no-such/redemption", {})
    assert (status, problem["code"]) == (404, "decision.unknown")


async def test_a_workflow_that_the_tenant_does_not_list_is_rejected(short: Played) -> None:
    await merged(short)
    run, _ = short.github.start_deployment(REPOSITORY, "production", by="mallory", path=".github/workflows/evil.yml")
    answers = await short.until(lambda: list(run.answers), bool, "an answer")
    assert answers[0].state == "rejected"
    assert ".github/workflows/evil.yml" in answers[0].comment


async def test_a_listed_workflow_on_the_released_commit_is_approved_and_its_end_closes_the_deployment(
    short: Played,
) -> None:
    pull, _ = await merged(short)
    run, deployment = short.github.start_deployment(REPOSITORY, "production", by="bob")
    answers = await short.until(lambda: list(run.answers), bool, "an answer")
    assert answers[0].state == "approved", answers
    short.github.finish_deployment(REPOSITORY, deployment.id, "success")
    await short.settled()
    outcomes = [record.outcome for record in await short.trace(pull) if record.event == "deployment.recorded"]
    assert outcomes == ["success"]


async def test_a_deployment_past_the_gate_is_an_alarm(short: Played) -> None:
    pull = await short.propose()
    short.github.world.repository(REPOSITORY)
    _, deployment = short.github.start_deployment(REPOSITORY, "production", by="mallory", ref=pull.head_ref)
    short.github.finish_deployment(REPOSITORY, deployment.id, "success")
    await short.settled()
    assert "deployment.violated" in [record.event for record in await short.records()]


async def test_a_commit_that_is_not_in_the_base_is_refused(short: Played) -> None:
    pull, _ = await merged(short)
    answer = await short.ask(pull.head_sha)
    assert answer.decision == "deny"
    assert "is not part of main" in answer.text()


async def test_a_changed_release_on_main_is_refused_under_the_old_digest(short: Played) -> None:
    await merged(short)
    manifest = short.files()["releases/intraday/release.yaml"].replace(b"ten minutes", b"no minutes")
    commit = short.push({"releases/intraday/release.yaml": manifest}, branch="main", by="mallory")
    await short.settled()
    answer = await short.ask(commit)
    assert answer.decision == "deny"
    assert "is the one of this release" in answer.text()


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        (Scope((Permission.GATE_DECIDE,)), 200),
        (Scope((Permission.GATE_DECIDE,), REPOSITORY, ("production",)), 200),
        (Scope((Permission.GATE_DECIDE,), "acme/other"), 403),
        (Scope((Permission.GATE_DECIDE,), REPOSITORY, ("staging",)), 403),
        (Scope((Permission.RELEASE_READ,)), 403),
    ],
)
async def test_a_token_reaches_no_further_than_its_scope(short: Played, scope: Scope, status: int) -> None:
    made = await short.service.tokens.create(TENANT, "narrow", scope, by="service:test", days=1)
    question = {
        "environment": "production", "repository": REPOSITORY, "commit": "0" * 40,
        "subjects": [{"name": "policy.json", "digest": {"sha256": "0" * 64}}],
    }  # fmt: skip
    found, _ = await short.call("POST", "/api/v1/decisions", question, token=made.text)
    assert found == status


async def test_a_narrow_token_cannot_redeem_the_decision_of_another_repository(short: Played) -> None:
    _, commit = await merged(short)
    decision = (await short.ask(commit)).decision_id
    scope = Scope((Permission.GATE_REDEEM,), "acme/other")
    made = await short.service.tokens.create(TENANT, "narrow", scope, by="service:test", days=1)
    status, _ = await short.call("POST", f"/api/v1/decisions/{decision}/redemption", {}, token=made.text)
    assert status == 403
    assert (await short.call("POST", f"/api/v1/decisions/{decision}/redemption", {}))[0] == 200


async def test_a_consent_withdrawn_while_the_answer_is_written_is_not_counted(short: Played) -> None:
    pull, commit = await merged(short)
    service = short.world.service
    assert service is not None
    tenant = service.tenants.get(TENANT)
    assert tenant is not None
    digest = documents.train().sha256
    asked = Asked("production", REPOSITORY, commit, (NamedDigest("policy.json", digest),), "token:test")
    judged = await service.gate.judge(tenant, asked)
    assert judged.verdict.outcome == "allow"
    await short.next_second()
    short.github.comment(REPOSITORY, pull.number, by="bob", body="/revoke")
    await short.settled()
    before = len(await short.records())
    with pytest.raises(ConsentChangedError):
        await service.gate.record(tenant, asked, judged)
    assert len(await short.records()) == before
    assert (await service.gate.decide(tenant, asked)).verdict.outcome != "allow"
