"""What happens to pull requests: closed, reopened, retargeted, drafted, shared, forked, pushed back and forth."""

from __future__ import annotations

from sqlalchemy import text

from app.sandbox import documents
from app.sandbox.world import REPOSITORY
from integrations.github.simulator.model import Pull
from integrations.github.simulator.world import World as GitHub
from tests.journey.played import DENIED, GREEN, WAITS, Played


async def test_a_pull_request_that_touches_no_release_gets_a_green_check_that_says_so(short: Played) -> None:
    short.push({"README.md": b"# Our models\n"}, branch="docs")
    pull = short.github.open_pull(REPOSITORY, "docs", author="alice")
    await short.says(pull, GREEN, "No release, artifact or policy is touched")
    await short.settled()
    assert short.ours(pull) == []
    assert short.servicenow.changes() == ()


async def test_several_releases_in_one_pull_request_are_each_judged(short: Played) -> None:
    second = short.files(folder="releases/overnight", name="overnight-policy", shift=0.3)
    broken = second | {"releases/overnight/policy.json": b"{}"}
    pull = await short.propose(short.files() | broken)
    await short.approve(pull)
    await short.says(pull, DENIED, "The manifest names policy.json with SHA-256")
    assert "releases/intraday/release.yaml" in short.shown(pull)
    assert "releases/overnight/release.yaml" in short.shown(pull)
    short.push(second)
    await short.prompted(pull)
    await short.approve(pull)
    await short.says(pull, GREEN)
    assert len(short.ours(pull)) == 1


async def test_changing_only_the_model_file_is_a_release_too(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    await short.merge(pull)
    later = await short.propose({documents.MODEL: documents.train(shift=0.5).model}, branch="sneaky", by="mallory")
    await short.says(later, DENIED, "The manifest names policy.json with SHA-256")


async def test_a_manifest_with_a_mistake_is_told_with_line_and_column(short: Played) -> None:
    files = short.files()
    broken = files[documents.MANIFEST].replace(b"kind: model", b"kind: modell")
    short.push(files | {documents.MANIFEST: broken})
    pull = short.github.open_pull(REPOSITORY, "release-3.2.0", author="alice")
    await short.says(pull, DENIED, "releases/intraday/release.yaml:2:")


async def test_a_release_that_is_taken_out_of_the_pull_request_is_over(world: Played) -> None:
    pull = await world.propose()
    await world.until(world.servicenow.changes, bool, "a change")
    world.push({"README.md": b"# Nothing else\n"}, delete=tuple(world.files()))
    await world.says(pull, GREEN, "No release, artifact or policy is touched")
    await world.until(
        lambda: [c.state for c in world.servicenow.changes()], lambda s: set(s) == {"canceled"}, "its end"
    )


async def test_closing_unmerged_cancels_the_change_and_reopening_needs_fresh_consent(world: Played) -> None:
    pull = await world.propose()
    await world.approve(pull)
    await world.until(lambda: world.open_change("erin"), bool, "a change that asks erin")
    world.github.close_pull(REPOSITORY, pull.number, by="alice")
    await world.until(lambda: [c.state for c in world.servicenow.changes()], lambda s: s == ["canceled"], "its end")
    await world.settled()

    world.github.reopen_pull(REPOSITORY, pull.number, by="alice")
    await world.says(pull, WAITS, "bob's approval does not count: it is void: the pull request was closed")
    await world.next_second()
    await world.ready(pull)
    assert sorted(change.state for change in world.servicenow.changes()) == ["canceled", "scheduled"]


async def test_a_head_that_comes_back_is_not_approved_any_more_and_cannot_be(short: Played) -> None:
    pull = await short.propose()
    first = pull.head_sha
    await short.approve(pull)
    await short.says(pull, GREEN)
    short.push({documents.MODEL: documents.train(shift=0.5).model})
    await short.says(pull, DENIED)
    short.github.force_push(REPOSITORY, "release-3.2.0", first, pusher="alice")
    await short.says(pull, WAITS, "bob's approval does not count: it is void: a push replaced")
    short.comment(pull, "bob", short.line(pull))
    await short.shows(pull, "This head was replaced by a push and came back")
    await short.says(pull, WAITS, "bob's approval does not count")


async def test_another_base_needs_fresh_consent_and_has_a_check_of_its_own(short: Played) -> None:
    short.push({"README.md": b"# Trial\n"}, branch="trial", by="bob")
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    short.github.retarget(REPOSITORY, pull.number, "trial", by="alice")
    await short.says(pull, DENIED, "The tenant policy lists no branch trial")
    names = {run.name for run in short.github.checks(REPOSITORY, pull.head_sha)}
    assert names == {"countersign: main", "countersign: trial"}
    short.github.retarget(REPOSITORY, pull.number, "main", by="alice")
    await short.says(pull, WAITS, "it is void: the base was changed")
    await short.next_second()
    await short.approve(pull)
    await short.says(pull, GREEN)


async def test_two_pull_requests_with_one_head_share_the_stricter_check(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    twin = short.github.open_pull(REPOSITORY, "release-3.2.0", author="mallory", title="The same")
    await short.says(pull, WAITS)
    await short.prompted(twin)
    await short.approve(twin)
    await short.says(twin, GREEN)
    assert short.check(pull) is short.check(twin)


async def test_a_draft_waits_and_passes_once_it_is_ready(short: Played) -> None:
    pull = await short.propose(draft=True)
    await short.approve(pull)
    await short.says(pull, WAITS, "The pull request is still a draft")
    short.github.set_draft(REPOSITORY, pull.number, False, by="alice")
    await short.says(pull, GREEN)


async def test_a_renamed_user_is_the_same_person_and_whoever_takes_the_name_is_not(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull, "bob")
    _rename(short.github.world, "bob", "robert")
    short.github.create_user("bob", email="somebody.else@users.example")
    short.comment(pull, "bob", "/revoke")
    await short.shows(pull, "there is nothing to revoke")
    await short.approve(pull, "carol")
    await short.says(pull, GREEN, "2 different persons")
    short.comment(pull, "robert", "/revoke")
    await short.says(pull, WAITS, "1 approval from senior-developers is missing")


def _rename(github: GitHub, old: str, new: str) -> None:
    user = github.users.pop(old)
    user.login = new
    github.users[new] = user
    for team in github.teams.values():
        if old in team.members:
            team.members[new] = team.members.pop(old)


async def test_a_pull_request_from_a_fork_is_judged_like_any_other(short: Played) -> None:
    short.github.fork(REPOSITORY, "mallory")
    short.github.push("mallory/models", "from-afar", short.files(), author="mallory")
    pull = short.github.open_pull(REPOSITORY, "mallory:from-afar", author="mallory")
    await short.prompted(pull)
    await short.says(pull, WAITS, "1 approval from senior-developers")
    await short.approve(pull)
    await short.says(pull, GREEN)


async def test_a_check_that_is_requested_again_is_made_again(short: Played) -> None:
    pull = await short.propose()
    check = await short.says(pull, WAITS)
    short.github.rerequest_check(REPOSITORY, check.id, by="alice")
    runs = await short.until(lambda: short.checks(pull), lambda runs: runs[-1].id != check.id, "another run")
    assert (runs[-1].conclusion, runs[-1].title) == (check.conclusion, check.title)


async def test_a_policy_change_is_a_release_of_the_policy_and_is_judged_by_the_old_one(short: Played) -> None:
    pull = await _policy_change(short)
    await short.says(pull, DENIED)
    assert "repository/anything goes" not in short.text(pull)
    short.comment(pull, "mallory", f"/approve {pull.head_sha} policy")
    await short.settled()
    await short.says(pull, DENIED)


async def _policy_change(short: Played) -> Pull:
    short.push({".github/countersign.yaml": documents.lax_policy()}, branch="relax", by="mallory")
    return short.github.open_pull(REPOSITORY, "relax", author="mallory")


async def test_a_member_added_after_the_proposal_by_the_requester_does_not_count(short: Played) -> None:
    pull = await short.propose()
    short.github.add_team_member("acme", "risk", "mallory", by="alice")
    await short.settled()
    await short.approve(pull, "bob", "mallory")
    await short.says(pull, WAITS, "mallory's approval does not count: they were added to the group by the requester")
    await short.approve(pull, "carol")
    await short.says(pull, GREEN)


async def test_a_member_who_left_does_not_count_any_more(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    short.github.remove_team_member("acme", "risk", "carol")
    await short.says(pull, WAITS, "carol's approval does not count")


async def test_a_newer_release_supersedes_an_older_one_that_is_still_open(short: Played) -> None:
    older = await short.propose(branch="release-3.2.0")
    newer = await short.propose(short.files("3.3.0", shift=0.4), branch="release-3.3.0")
    for pull in (older, newer):
        await short.approve(pull)
        await short.says(pull, GREEN)
    await short.merge(newer)
    answer = await short.ask(
        short.github.world.repository(REPOSITORY).branches["main"], documents.train(shift=0.4).model
    )
    assert answer.decision == "allow", answer.text()
    commit = await short.merge(older)
    denied = await short.ask(commit)
    assert denied.decision == "deny"
    assert "superseded" in denied.text()


async def test_grants_are_never_deleted_only_voided(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    short.push({"notes.md": b"Later.\n"})
    await short.prompted(pull)
    await short.approve(pull)
    await short.says(pull, GREEN)
    rows = await short.service.database.read(
        lambda tx: tx.all(text("SELECT g.id, v.grant_id FROM grants g LEFT JOIN grant_voids v ON v.grant_id = g.id"))
    )
    assert sorted(row.grant_id is None for row in rows) == [False, False, True, True]
    events = [record.event for record in await short.trace(pull)]
    assert (events.count("grant.recorded"), events.count("grant.voided")) == (4, 2)
