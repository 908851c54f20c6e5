"""Every refusal has its reason, and is gone when its cause is."""

from __future__ import annotations

from app.sandbox import documents
from app.sandbox.world import REPOSITORY
from tests.journey.played import DENIED, GREEN, WAITS, Played


async def test_own_approval_never_counts_and_another_persons_does(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull, "carol", "alice")
    await short.says(pull, WAITS, "alice's approval does not count: they asked for this release")
    await short.approve(pull, "bob")
    await short.says(pull, GREEN, "2 different persons")


async def test_whoever_pushed_to_the_pull_request_cannot_approve_it(short: Played) -> None:
    pull = await short.propose()
    short.push({"notes.md": b"A word.\n"}, by="bob")
    await short.prompted(pull)
    await short.approve(pull, "bob", "carol")
    await short.says(pull, WAITS, "bob's approval does not count: they wrote part of it")
    await short.approve(pull, "dana")
    await short.says(pull, GREEN)


async def test_one_person_in_both_groups_fills_one_seat_until_a_second_signs(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull, "dana")
    await short.says(pull, WAITS, "fills one seat only", "A second person must sign.")
    await short.approve(pull, "bob")
    await short.says(pull, GREEN, "2 different persons", without="fills one seat only")


async def test_a_push_voids_approvals_until_they_are_given_again(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    short.push({"notes.md": b"After the fact.\n"})
    await short.prompted(pull)
    await short.says(pull, WAITS, "bob's approval does not count: it is void: a push replaced")
    await short.approve(pull)
    await short.says(pull, GREEN)


async def test_an_altered_artifact_is_refused_until_the_approved_bytes_are_back(short: Played) -> None:
    files = short.files()
    pull = await short.propose(files)
    short.push({documents.MODEL: documents.train(shift=0.5).model})
    await short.says(pull, DENIED, "The manifest names policy.json with SHA-256")
    short.push({documents.MODEL: files[documents.MODEL]})
    await short.says(pull, WAITS, without="The manifest names policy.json with SHA-256")


async def test_other_bytes_than_approved_are_refused_by_the_gate(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    commit = await short.merge(pull)
    other = await short.ask(commit, documents.train(shift=0.5).model)
    assert other.decision == "deny"
    assert other.attestation is None
    renamed = await short.ask(commit, name="other.json")
    assert (renamed.decision, "not those of the manifest" in renamed.text()) == ("deny", True)
    right = await short.ask(commit)
    assert (right.decision, right.attestation is not None) == ("allow", True)


async def test_evidence_signed_by_the_requester_is_refused_until_an_outsider_signs(short: Played) -> None:
    own = documents.back_test(documents.train(), short.world.alice)
    pull = await short.propose(short.files() | {documents.BACK_TEST: own})
    await short.says(pull, DENIED, "signed by somebody who had a hand in this release")
    short.push({documents.BACK_TEST: documents.back_test(documents.train(), short.world.testing)})
    await short.prompted(pull)
    await short.says(pull, WAITS, without="signed by somebody")
    await short.approve(pull)
    await short.says(pull, GREEN)


async def test_the_same_evidence_counts_when_somebody_else_asks_for_the_release(short: Played) -> None:
    evidence = documents.back_test(documents.train(), short.world.alice)
    pull = await short.propose(short.files() | {documents.BACK_TEST: evidence}, by="mallory")
    await short.approve(pull)
    await short.says(pull, GREEN)


async def test_a_failed_back_test_is_refused(short: Played) -> None:
    failed = documents.back_test(documents.train(), short.world.testing, passed=False)
    pull = await short.propose(short.files() | {documents.BACK_TEST: failed})
    await short.says(pull, DENIED, "says FAILED")


async def test_a_lax_policy_on_another_branch_is_not_asked(short: Played) -> None:
    lax = {".github/countersign.yaml": documents.lax_policy()}
    short.push(lax, branch="fast-lane", by="mallory")
    pull = await short.propose(by="mallory", base="fast-lane")
    await short.says(pull, DENIED, "The tenant policy lists no branch fast-lane")
    short.comment(pull, "mallory", short.line(pull))
    await short.settled()
    await short.says(pull, DENIED, "The tenant policy lists no branch fast-lane")

    short.github.retarget(REPOSITORY, pull.number, "main", by="mallory")
    await short.says(pull, WAITS, "1 approval from senior-developers", without="lists no branch")
    await short.next_second()
    await short.approve(pull)
    await short.says(pull, GREEN)


async def test_a_lax_policy_in_the_pull_request_itself_is_not_asked(short: Played) -> None:
    lax = {".github/countersign.yaml": documents.lax_policy()}
    pull = await short.propose(short.files() | lax, by="mallory")
    short.comment(pull, "mallory", f"/approve {pull.head_sha} production")
    await short.settled()
    await short.says(pull, DENIED)
    assert "repository/anything goes" not in short.text(pull)


async def test_nothing_is_deployed_without_approval_and_it_is_with_it(short: Played) -> None:
    pull = await short.propose()
    early = await short.ask(pull.head_sha)
    assert early.decision == "deny"
    assert {"release", "approvals"} <= set(early.verdict.failing())
    run, _ = short.github.start_deployment(REPOSITORY, "production", by="mallory", ref="release-3.2.0")
    await short.until(lambda: [a.state for a in run.answers], lambda states: states == ["rejected"], "a rejection")

    await short.approve(pull)
    await short.says(pull, GREEN)
    commit = await short.merge(pull)
    run, _ = short.github.start_deployment(REPOSITORY, "production", by="bob")
    await short.until(lambda: [a.state for a in run.answers], lambda states: states == ["approved"], "an approval")
    assert (await short.ask(commit)).decision == "allow"


async def test_merging_past_the_check_does_not_let_it_go_live(short: Played) -> None:
    pull = await short.propose()
    commit = await short.merge(pull)
    answer = await short.ask(commit)
    assert answer.decision in ("deny", "wait")
    assert "approvals" in answer.verdict.failing()
