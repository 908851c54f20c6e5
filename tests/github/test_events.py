"""What people do at GitHub, as the events that arrive for it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.github.events import (
    CheckRunEvent,
    CommentEvent,
    DeploymentStatusEvent,
    Event,
    EventError,
    InstallationEvent,
    MembershipEvent,
    MergeGroupEvent,
    Other,
    ProtectionRuleEvent,
    PullRequestEvent,
    PushEvent,
    RepositoryEvent,
    ReviewEvent,
    StatusEvent,
    parse_event,
)
from integrations.github.port import Account, CheckRun
from tests.github.support import REPOSITORY, House


def login(account: Account | None) -> str | None:
    return account.login if account else None


async def last(house: House, kind: type[Any]) -> Any:
    found = [event for _, event in await house.events() if isinstance(event, kind)]
    assert found, f"no {kind.__name__} arrived"
    return found[-1]


async def test_a_push_to_a_pull_request_names_both_heads_and_the_pusher(house: House) -> None:
    pull = house.open_pull()
    before = pull.head_sha
    commit = house.simulator.push(REPOSITORY, pull.head_ref, {"b": b"2"}, author="alice", pusher="bob")
    event: PullRequestEvent = await last(house, PullRequestEvent)
    assert (event.action, event.before, event.after, event.head_sha) == ("synchronize", before, commit.sha, commit.sha)
    assert (login(event.sender), login(event.author), event.number) == ("bob", "alice", pull.number)
    assert (event.repository, event.installation_id) == (REPOSITORY, house.installation.id)


async def test_a_retarget_keeps_the_head_and_names_the_old_base(house: House) -> None:
    house.simulator.push(REPOSITORY, "next", {"n": b""}, author="bob")
    pull = house.open_pull()
    house.simulator.retarget(REPOSITORY, pull.number, "next", by="alice")
    event: PullRequestEvent = await last(house, PullRequestEvent)
    assert (event.action, event.base_from, event.base_ref, event.head_sha) == ("edited", "main", "next", pull.head_sha)


async def test_a_title_edit_is_no_retarget(house: House) -> None:
    pull = house.open_pull()
    house.simulator.edit_pull(REPOSITORY, pull.number, by="alice", title="Better")
    event: PullRequestEvent = await last(house, PullRequestEvent)
    assert (event.action, event.title, event.base_from) == ("edited", "Better", None)


async def test_a_fork_is_known_by_its_repository(house: House) -> None:
    fork = house.simulator.fork(REPOSITORY, "dave")
    house.simulator.push(fork.full_name, "mine", {"m": b""}, author="dave")
    house.simulator.open_pull(REPOSITORY, "dave:mine", author="dave")
    event: PullRequestEvent = await last(house, PullRequestEvent)
    assert event.head_repository_id == fork.id != event.repository_id


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
async def test_a_merge_closes_the_pull_request_and_pushes_the_base(house: House, method: Any) -> None:
    pull = house.open_pull()
    merged = house.simulator.merge_pull(REPOSITORY, pull.number, by="bob", method=method)
    closed: PullRequestEvent = await last(house, PullRequestEvent)
    assert (closed.action, closed.merged, closed.merge_commit_sha) == ("closed", True, merged.sha)
    push: PushEvent = await last(house, PushEvent)
    assert (push.ref, push.after, push.forced) == ("refs/heads/main", merged.sha, False)
    assert push.changed_paths == frozenset({"change-0.txt"})


async def test_draft_close_and_reopen_arrive(house: House) -> None:
    pull = house.open_pull()
    house.simulator.set_draft(REPOSITORY, pull.number, True, by="alice")
    house.simulator.set_draft(REPOSITORY, pull.number, False, by="alice")
    house.simulator.close_pull(REPOSITORY, pull.number, by="alice")
    house.simulator.reopen_pull(REPOSITORY, pull.number, by="alice")
    pulls = [event for _, event in await house.events() if isinstance(event, PullRequestEvent)]
    assert [(event.action, event.draft) for event in pulls] == [
        ("opened", False),
        ("converted_to_draft", True),
        ("ready_for_review", False),
        ("closed", False),
        ("reopened", False),
    ]
    assert pulls[3].closed_at is not None
    assert not pulls[3].merged


async def test_a_force_push_says_so_and_hides_what_changed(house: House) -> None:
    pull = house.open_pull()
    house.simulator.force_push(REPOSITORY, pull.head_ref, "main", pusher="alice")
    event: PushEvent = await last(house, PushEvent)
    assert (event.forced, event.changed_paths) == (True, None)


async def test_a_review_is_of_the_head_it_was_given_for(house: House) -> None:
    pull = house.open_pull()
    reviewed = pull.head_sha
    review = house.simulator.review(REPOSITORY, pull.number, by="bob", state="APPROVED", body="fine")
    house.simulator.push(REPOSITORY, pull.head_ref, {"c": b""}, author="alice")
    house.simulator.dismiss_review(REPOSITORY, pull.number, review.id, by="carol")
    event: ReviewEvent = await last(house, ReviewEvent)
    assert (event.action, event.state, event.commit_sha) == ("dismissed", "dismissed", reviewed)
    assert (login(event.author), login(event.sender)) == ("bob", "carol")
    assert event.head_sha == pull.head_sha != reviewed


async def test_a_comment_edited_by_another_names_both_people_and_both_texts(house: House) -> None:
    pull = house.open_pull()
    comment = house.simulator.comment(REPOSITORY, pull.number, by="alice", body="nice")
    house.simulator.edit_comment(REPOSITORY, comment.id, by="bob", body="/approve")
    event: CommentEvent = await last(house, CommentEvent)
    assert (event.action, event.body_from, event.body) == ("edited", "nice", "/approve")
    assert (login(event.author), login(event.sender), event.is_pull) == ("alice", "bob", True)
    house.simulator.delete_comment(REPOSITORY, comment.id, by="alice")
    gone: CommentEvent = await last(house, CommentEvent)
    assert gone.action == "deleted"


@pytest.mark.parametrize(("via", "through_app"), [(None, False), ("countersign", True)])
async def test_a_comment_made_through_an_app_is_marked(house: House, via: str | None, through_app: bool) -> None:
    pull = house.open_pull()
    house.simulator.comment(REPOSITORY, pull.number, by="alice", body="x", via_app=via)
    event: CommentEvent = await last(house, CommentEvent)
    assert event.via_app is through_app


async def test_buttons_of_a_check_name_who_pressed_them(house: House) -> None:
    pull = house.open_pull()
    made = await house.github.create_check_run(
        REPOSITORY, CheckRun("four eyes", pull.head_sha, "action_required", "t", "s", "ref-7")
    )
    assert made.id is not None
    house.simulator.rerequest_check(REPOSITORY, made.id, by="bob")
    house.simulator.request_action(REPOSITORY, made.id, "approve", by="carol")
    runs = [event for _, event in await house.events() if isinstance(event, CheckRunEvent)]
    assert [(event.action, login(event.sender), event.requested_action) for event in runs] == [
        ("created", "countersign[bot]", None),
        ("completed", "countersign[bot]", None),
        ("rerequested", "bob", None),
        ("requested_action", "carol", "approve"),
    ]
    assert {(event.external_id, event.app_id, event.head_sha) for event in runs} == {
        ("ref-7", house.app.id, pull.head_sha)
    }


async def test_a_deployment_asks_and_reports(house: House) -> None:
    run, deployment = house.simulator.start_deployment(REPOSITORY, "production", by="alice")
    asked: ProtectionRuleEvent = await last(house, ProtectionRuleEvent)
    assert (asked.run_id, asked.environment, asked.sha) == (run.id, "production", run.head_sha)
    assert asked.deployment_id == deployment.id
    await house.github.answer_protection_rule(REPOSITORY, run.id, "production", "approved", "ok")
    house.simulator.finish_deployment(REPOSITORY, deployment.id, "success")
    states = [event.state for _, event in await house.events() if isinstance(event, DeploymentStatusEvent)]
    assert states == ["in_progress", "success"]


async def test_a_merge_group_is_asked_about_and_ends_with_a_reason(house: House) -> None:
    pulls = [house.open_pull(), house.open_pull("bob")]
    group = house.simulator.enqueue(REPOSITORY, [pull.number for pull in pulls], by="bob")
    house.simulator.finish_merge_group(REPOSITORY, group.head_sha, "merged", by="bob")
    groups = [event for _, event in await house.events() if isinstance(event, MergeGroupEvent)]
    assert [(event.action, event.reason, event.base_ref) for event in groups] == [
        ("checks_requested", None, "main"),
        ("destroyed", "merged", "main"),
    ]
    assert {pull.state for pull in pulls} == {"closed"}
    assert await house.github.branch_sha(REPOSITORY, "main") == group.head_sha


async def test_membership_installation_and_rename_arrive(house: House) -> None:
    house.simulator.create_team("acme", "risk")
    house.simulator.add_team_member("acme", "risk", "bob", by="carol")
    member: MembershipEvent = await last(house, MembershipEvent)
    assert (member.action, member.team_slug, member.member.login) == ("added", "risk", "bob")
    house.simulator.rename_repository(REPOSITORY, "policies", by="alice")
    renamed: RepositoryEvent = await last(house, RepositoryEvent)
    assert (renamed.old_name, renamed.repository) == (REPOSITORY, "acme/policies")
    house.simulator.suspend_installation(house.installation.id)
    suspended: InstallationEvent = await last(house, InstallationEvent)
    assert (suspended.action, login(suspended.account)) == ("suspend", "acme")


def body(**fields: object) -> bytes:
    about = {"repository": {"id": 1, "full_name": "acme/models"}, "action": "requested"}
    return msgspec.json.encode({**about, **fields})


CALLBACKS = [
    ("https://api.github.com/repos/acme/models/actions/runs/12/deployment_protection_rule", 12),
    ("https://ghes.example/api/v3/repos/Acme/Models/actions/runs/12/deployment_protection_rule", 12),
    ("https://evil.example/repos/acme/models/actions/runs/12/deployment_protection_rule", 12),
    ("https://api.github.com/repos/acme/other/actions/runs/12/deployment_protection_rule", None),
    ("https://api.github.com/repos/acme/models/actions/runs/12/cancel", None),
    ("https://api.github.com/?/repos/acme/models/actions/runs/12/deployment_protection_rule", None),
    ("", None),
]


@pytest.mark.parametrize(("url", "run_id"), CALLBACKS)
def test_only_the_path_of_the_callback_is_read(url: str, run_id: int | None) -> None:
    payload = body(environment="production", deployment_callback_url=url, sha="a" * 40, ref="main", deployment=None)
    if run_id is None:
        with pytest.raises(EventError):
            parse_event("deployment_protection_rule", payload)
        return
    event = parse_event("deployment_protection_rule", payload)
    assert isinstance(event, ProtectionRuleEvent)
    assert (event.run_id, event.deployment_id) == (run_id, None)


PUSH = {"ref": "refs/heads/main", "before": "b", "after": "a"}
COMMIT = {"added": ["a"], "removed": ["r"], "modified": ["m"]}
PUSHES: list[tuple[dict[str, object], frozenset[str] | None]] = [
    ({"commits": [COMMIT, {"added": [], "removed": [], "modified": ["x"]}]}, frozenset("armx")),
    ({"commits": [COMMIT] * 20}, None),
    ({"commits": []}, None),
    ({"commits": [{"added": ["a"]}]}, None),
    ({"commits": [COMMIT], "forced": True}, None),
    ({"commits": [COMMIT], "created": True}, None),
    ({"commits": [], "deleted": True}, None),
]


@pytest.mark.parametrize(("fields", "paths"), PUSHES)
def test_changed_paths_are_told_only_when_all_are_known(
    fields: dict[str, object], paths: frozenset[str] | None
) -> None:
    event = parse_event("push", body(**PUSH, **fields))
    assert isinstance(event, PushEvent)
    assert event.changed_paths == paths


def test_a_deleted_account_is_nobody() -> None:
    comment = {"id": 1, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "user": None}
    event = parse_event("issue_comment", body(comment=comment | {"body": None}, issue={"number": 1}))
    assert isinstance(event, CommentEvent)
    assert (event.author, event.body, event.is_pull) == (None, "", False)


def test_an_unused_event_is_other() -> None:
    assert parse_event("star", body()) == Other(
        event="star", action="requested", repository_id=1, repository="acme/models"
    )


@given(st.binary(max_size=100), st.sampled_from(["pull_request", "push", "check_run", "star"]))
def test_anything_unreadable_is_an_event_error(junk: bytes, name: str) -> None:
    try:
        event: Event = parse_event(name, junk)
    except EventError:
        return
    assert isinstance(event, Other)


async def test_what_another_app_reports_of_a_commit_names_the_app(house: House) -> None:
    pull = house.open_pull()
    house.simulator.report_check(REPOSITORY, pull.head_sha, "tests", "failure")
    event: CheckRunEvent = await last(house, CheckRunEvent)
    assert (event.action, event.name, event.app, event.conclusion) == (
        "completed",
        "tests",
        "github-actions",
        "failure",
    )
    assert event.app_id != house.app.id


async def test_a_status_names_its_commit_and_context(house: House) -> None:
    pull = house.open_pull()
    house.simulator.set_status(REPOSITORY, pull.head_sha, "ci/build", "pending", by="alice")
    event: StatusEvent = await last(house, StatusEvent)
    assert (event.sha, event.context, event.state) == (pull.head_sha, "ci/build", "pending")
    assert event.repository == REPOSITORY
