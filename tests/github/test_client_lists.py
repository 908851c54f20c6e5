"""Long lists: whole trees, the checks of others, members, and who may do what."""

from __future__ import annotations

import pytest

from integrations.errors import NotFoundError, RefusedError
from integrations.github.port import ChangedFile, CheckRun, OtherCheck
from tests.github.support import REPOSITORY, House


async def test_a_tree_is_every_file_below_it(house: House) -> None:
    commit = house.simulator.push(REPOSITORY, "main", {"a/b/c": b"1", "a/d": b"2", "e": b"1"}, author="alice")
    tree = await house.github.tree_sha(REPOSITORY, commit.sha)
    entries = await house.github.tree_entries(REPOSITORY, tree)
    assert entries is not None
    assert [entry.path for entry in entries] == ["README.md", "a/b/c", "a/d", "e"]
    assert entries[1].sha == entries[3].sha != entries[2].sha


async def test_a_tree_that_github_does_not_show_whole_is_none(house: House) -> None:
    commit = house.simulator.push(REPOSITORY, "main", {"a": b"1", "b": b"2"}, author="alice")
    house.simulator.lists.tree_entries = 2
    assert await house.github.tree_entries(REPOSITORY, await house.github.tree_sha(REPOSITORY, commit.sha)) is None


async def test_of_each_check_of_others_the_newest_counts(house: House) -> None:
    pull = house.open_pull()
    head = pull.head_sha
    house.simulator.report_check(REPOSITORY, head, "tests", "failure")
    house.simulator.report_check(REPOSITORY, head, "tests", "success")
    house.simulator.report_check(REPOSITORY, head, "tests", "failure", app="other-ci")
    house.simulator.report_check(REPOSITORY, head, "lint", None)
    house.simulator.set_status(REPOSITORY, head, "tests", "success", by="alice")
    house.simulator.set_status(REPOSITORY, head, "tests", "error", by="alice")
    house.simulator.set_status(REPOSITORY, head, "slow", "pending", by="alice")
    await house.github.create_check_run(REPOSITORY, CheckRun("ours", head, "success", "t", "s", "e"))
    assert await house.github.other_checks(REPOSITORY, head) == (
        OtherCheck("lint", "github-actions"),
        OtherCheck("slow", "status"),
        OtherCheck("tests", "github-actions", "success"),
        OtherCheck("tests", "other-ci", "failure"),
        OtherCheck("tests", "status", "failure"),
    )


async def test_a_check_that_starts_anew_has_no_conclusion(house: House) -> None:
    head = house.open_pull().head_sha
    run = house.simulator.report_check(REPOSITORY, head, "tests")
    run.status = "in_progress"
    assert await house.github.other_checks(REPOSITORY, head) == (OtherCheck("tests", "github-actions"),)


async def test_every_page_of_checks_and_statuses_is_read(house: House) -> None:
    head = house.open_pull().head_sha
    for number in range(101):
        house.simulator.report_check(REPOSITORY, head, f"check {number}")
        house.simulator.set_status(REPOSITORY, head, f"status {number}", "success", by="alice")
    assert len(await house.github.other_checks(REPOSITORY, head)) == 202


async def test_a_role_counts_for_what_it_permits_whatever_it_is_called(house: House) -> None:
    roles = {"alice": ("admin", None), "bob": ("security-lead", "write"), "carol": ("read", None)}
    for login, (role, base) in roles.items():
        house.simulator.set_role(REPOSITORY, login, role, by="alice", base=base)  # type: ignore[arg-type]
    found = await house.github.collaborators(REPOSITORY)
    assert {one.account.login: one.permission for one in found} == {"alice": "admin", "bob": "write", "carol": "read"}


NOTHING_SAID = [(b"", ""), (b',"role_name":"maintain"', "maintain"), (b',"role_name":"admins"', "")]


@pytest.mark.parametrize(("more", "permission"), NOTHING_SAID)
async def test_a_role_without_permissions_counts_only_by_a_name_of_githubs_own(
    house: House, more: bytes, permission: str
) -> None:
    house.simulator.fail_next("GET", "collaborators", 200, b'[{"id":1,"login":"alice"%s}]' % more)
    (found,) = await house.github.collaborators(REPOSITORY)
    assert found.permission == permission


async def test_every_member_of_an_organisation_is_read(house: House) -> None:
    for number in range(101):
        house.simulator.add_organisation_member("acme", f"member-{number}")
    house.simulator.create_team("acme", "risk", members=["alice"])
    found = await house.github.organisation_members("acme")
    assert len(found) == 102
    with pytest.raises(NotFoundError):
        await house.github.organisation_members("elsewhere")


async def test_a_pull_request_says_which_branch_it_comes_from_and_how_it_is_labelled(house: House) -> None:
    pull = house.open_pull()
    house.simulator.label(REPOSITORY, pull.number, "risk: high", by="alice")
    own = await house.github.pull(REPOSITORY, pull.number)
    assert (own.head_ref, own.labels) == (pull.head_ref, ("risk: high",))
    fork = house.simulator.fork(REPOSITORY, "dave")
    house.simulator.push(fork.full_name, "main", {"m": b""}, author="dave")
    other = house.simulator.open_pull(REPOSITORY, "dave:main", author="dave")
    assert (await house.github.pull(REPOSITORY, other.number)).head_ref == "dave:main"


async def test_lines_are_counted_and_those_of_binary_files_are_not(house: House) -> None:
    house.simulator.push(REPOSITORY, "main", {"text": b"1\n2\n3\n", "gone": b"1\n"}, author="alice")
    files = {"text": b"1\n2b\n3\n4\n", "binary": b"\0\n\n"}
    house.simulator.push(REPOSITORY, "work", files, author="alice", delete=["gone"])
    number = house.simulator.open_pull(REPOSITORY, "work", author="alice").number
    assert await house.github.pull_files(REPOSITORY, number) == (
        ChangedFile("binary", "added"),
        ChangedFile("gone", "removed", None, 0, 1),
        ChangedFile("text", "modified", None, 2, 1),
    )


async def test_the_checks_of_a_commit_that_is_not_there_are_refused(house: House) -> None:
    with pytest.raises((RefusedError, NotFoundError)):
        await house.github.other_checks(REPOSITORY, "0" * 40)
