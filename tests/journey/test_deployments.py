"""Deployments at GitHub that wait for an answer, more than once."""

from __future__ import annotations

from app.sandbox.world import REPOSITORY
from tests.journey.played import GREEN, Played


async def test_a_run_that_is_started_again_after_a_rejection_is_answered_again(short: Played) -> None:
    pull = await short.propose()
    run, _ = short.github.start_deployment(REPOSITORY, "production", by="bob", ref=pull.head_ref)
    await short.until(lambda: [answer.state for answer in run.answers], ["rejected"].__eq__, "a rejection")
    await short.settled()
    short.github.start_deployment(REPOSITORY, "production", by="bob", run_id=run.id)
    await short.until(lambda: len(run.answers), (2).__eq__, "an answer to the second attempt")


async def test_a_run_that_is_started_again_after_an_approval_has_a_decision_of_its_own(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    await short.merge(pull)
    run, first = short.github.start_deployment(REPOSITORY, "production", by="bob")
    await short.until(lambda: [answer.state for answer in run.answers], ["approved"].__eq__, "an approval")
    short.github.finish_deployment(REPOSITORY, first.id, "failure")
    await short.settled()
    _, second = short.github.start_deployment(REPOSITORY, "production", by="bob", run_id=run.id)
    await short.until(lambda: [answer.state for answer in run.answers], (["approved"] * 2).__eq__, "a second approval")
    short.github.finish_deployment(REPOSITORY, second.id, "success")
    await short.settled()
    records = await short.trace(pull)
    assert [record.outcome for record in records if record.event == "deployment.recorded"] == ["failure", "success"]
    redeemed = [record.resource for record in records if record.event == "decision.redeemed"]
    assert len(set(redeemed)) == len(redeemed) == 2


async def test_a_question_told_twice_is_answered_once(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    await short.merge(pull)
    short.github.double_next(1)
    run, _ = short.github.start_deployment(REPOSITORY, "production", by="bob")
    await short.until(lambda: len(run.answers), bool, "an answer")
    await short.settled()
    assert [answer.state for answer in run.answers] == ["approved"]
