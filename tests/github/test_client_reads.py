"""What the client reads, and that it reads all of it."""

from __future__ import annotations

import pytest

from integrations.errors import NeighbourError, NotFoundError, RefusedError, UnavailableError
from integrations.github.port import CheckRun, GitHub, GitHubApp
from tests.github.support import REPOSITORY, House


async def test_commits_carry_accounts_only_where_the_address_is_linked(house: House) -> None:
    pull = house.open_pull()
    house.simulator.push(REPOSITORY, pull.head_ref, {"e": b""}, author="Eve <eve@nowhere.example>", pusher="alice")
    house.simulator.push(REPOSITORY, pull.head_ref, {"f": b""}, author="alice", committer="bob", co_authors=["carol"])
    commits = await house.github.pull_commits(REPOSITORY, pull.number)
    assert [one.author.login if one.author else None for one in commits] == ["alice", None, "alice"]
    assert commits[1].author_email == "eve@nowhere.example"
    assert commits[2].committer is not None
    assert commits[2].committer.login == "bob"
    assert "Co-authored-by: carol <carol@users.example>" in commits[2].message
    assert commits[2].parents == (commits[1].sha,)


@pytest.mark.parametrize(("count", "complete"), [(101, True), (249, True), (250, False), (260, False)])
async def test_commits_that_github_may_hide_are_an_error(house: House, count: int, complete: bool) -> None:
    pull = house.open_pull()
    for number in range(count - 1):
        house.simulator.push(REPOSITORY, pull.head_ref, {"n": b"%d" % number}, author="alice")
    if complete:
        commits = await house.github.pull_commits(REPOSITORY, pull.number)
        assert len({commit.sha for commit in commits}) == count
        return
    with pytest.raises(NeighbourError, match="250"):
        await house.github.pull_commits(REPOSITORY, pull.number)


async def test_every_page_of_check_runs_is_read_newest_first(house: House) -> None:
    pull = house.open_pull()
    for number in range(101):
        check = CheckRun("four eyes: main", pull.head_sha, None, "t", "s", str(number))
        await house.github.create_check_run(REPOSITORY, check)
    await house.github.create_check_run(REPOSITORY, CheckRun("other", pull.head_sha, None, "t", "s", "x"))
    runs = await house.github.check_runs(REPOSITORY, pull.head_sha, "four eyes: main")
    assert [run.external_id for run in runs] == [str(number) for number in reversed(range(101))]


async def test_a_run_that_github_made_stale_is_none_of_ours(house: House) -> None:
    pull = house.open_pull()
    made = await house.github.create_check_run(REPOSITORY, CheckRun("c", pull.head_sha, None, "t", "s", "e"))
    assert made.id is not None
    house.simulator.world.repository(REPOSITORY).check_runs_by_id[made.id].conclusion = "stale"
    assert await house.github.check_runs(REPOSITORY, pull.head_sha, "c") == ()


async def test_check_runs_of_another_app_are_left_out(house: House) -> None:
    pull = house.open_pull()
    await house.github.create_check_run(REPOSITORY, CheckRun("c", pull.head_sha, "success", "t", "s", "e"))
    imposter = house.simulator.create_app("imposter", house.app.key)
    house.simulator.checks(REPOSITORY, pull.head_sha)[0].app = imposter
    assert await house.github.check_runs(REPOSITORY, pull.head_sha, "c") == ()


async def test_direct_members_leave_out_whoever_is_also_below_or_only_invited(house: House) -> None:
    simulator = house.simulator
    simulator.create_team("acme", "risk", members=["alice", "bob"])
    simulator.create_team("acme", "desk", parent="risk", members=["carol"])
    simulator.create_team("acme", "night-desk", parent="desk", members=["bob"])
    simulator.add_team_member("acme", "risk", "dave", pending=True)
    team = await house.github.team("acme", "risk")
    assert [member.login for member in await house.github.direct_members(team)] == ["alice"]


async def test_another_team_under_the_old_name_is_not_the_team(house: House) -> None:
    house.simulator.create_team("acme", "risk", members=["alice"])
    team = await house.github.team("acme", "risk")
    house.simulator.rename_team("acme", "risk", "market-risk")
    house.simulator.create_team("acme", "risk", members=["dave"])
    with pytest.raises(NotFoundError, match="renamed"):
        await house.github.direct_members(team)


FILES = [
    ("a.txt", b"hello"),
    ("empty", b""),
    ("dir with space/ümlaut {x}?#%25.yaml", b"\x00\xff\r\n"),
    ("large.bin", b"z" * (1 << 20) + b"y"),
]


@pytest.mark.parametrize(("path", "data"), FILES)
async def test_a_file_is_read_byte_for_byte(house: House, path: str, data: bytes) -> None:
    commit = house.simulator.push(REPOSITORY, "main", {path: data}, author="alice")
    assert await house.github.file(REPOSITORY, path, commit.sha, len(data)) == data
    if data:
        with pytest.raises(RefusedError, match="at most"):
            await house.github.file(REPOSITORY, path, commit.sha, len(data) - 1)


@pytest.mark.parametrize("path", ["", "/a", "a//b", "../a", "a/./b", "a/.."])
async def test_a_path_that_could_lead_elsewhere_is_refused_unasked(house: House, path: str) -> None:
    with pytest.raises(RefusedError):
        await house.github.file(REPOSITORY, path, "main", 10)
    assert house.called("GET", "contents") == 0


async def test_a_directory_is_no_file(house: House) -> None:
    commit = house.simulator.push(REPOSITORY, "main", {"d/a": b"1"}, author="alice")
    with pytest.raises(RefusedError, match="dir"):
        await house.github.file(REPOSITORY, "d", commit.sha, 10)


async def test_bytes_that_do_not_match_their_object_id_are_refused(house: House) -> None:
    commit = house.simulator.push(REPOSITORY, "main", {"a": b"good"}, author="alice")
    body = b'{"type":"file","encoding":"base64","size":4,"sha":"%s","content":"ZXZpbA=="}' % (b"0" * 40)
    house.simulator.fail_next("GET", "contents", 200, body)
    with pytest.raises(RefusedError, match="not those of object"):
        await house.github.file(REPOSITORY, "a", commit.sha, 10)


async def test_a_missing_file_and_a_missing_branch_are_not_found(house: House) -> None:
    with pytest.raises(NotFoundError):
        await house.github.file(REPOSITORY, "none", "main", 10)
    with pytest.raises(NotFoundError):
        await house.github.branch_sha(REPOSITORY, "none")


async def test_contains_is_about_reaching(house: House) -> None:
    first = house.simulator.push(REPOSITORY, "main", {"a": b"1"}, author="alice")
    side = house.simulator.push(REPOSITORY, "side/branch", {"b": b"1"}, author="alice", start=first.sha)
    tip = house.simulator.push(REPOSITORY, "main", {"a": b"2"}, author="alice")
    answers = [await house.github.contains(REPOSITORY, one.sha, "main") for one in (first, tip, side)]
    assert answers == [True, True, False]
    assert await house.github.contains(REPOSITORY, side.sha, "side/branch")
    with pytest.raises(NotFoundError):
        await house.github.contains(REPOSITORY, "0" * 40, "main")


async def test_changes_are_named_with_the_old_path_of_a_rename(house: House) -> None:
    base = house.simulator.push(REPOSITORY, "main", {"old": b"same", "gone": b"1", "kept": b"1"}, author="alice")
    head = house.simulator.push(
        REPOSITORY, "main", {"new": b"same", "kept": b"2", "more": b"3"}, author="alice", delete=["old", "gone"]
    )
    files = await house.github.changed_between(REPOSITORY, base.sha, head.sha)
    assert {(file.path, file.status, file.previous_path) for file in files} == {
        ("gone", "removed", None),
        ("kept", "modified", None),
        ("more", "added", None),
        ("new", "renamed", "old"),
    }


async def test_a_comparison_that_may_hide_files_is_an_error(house: House) -> None:
    base = await house.github.branch_sha(REPOSITORY, "main")
    head = house.simulator.push(REPOSITORY, "main", {f"f{n}": b"" for n in range(300)}, author="alice")
    with pytest.raises(NeighbourError, match="300"):
        await house.github.changed_between(REPOSITORY, base, head.sha)


async def test_open_pulls_can_be_asked_by_base(house: House) -> None:
    house.simulator.push(REPOSITORY, "next", {"n": b""}, author="bob")
    pulls = [house.open_pull() for _ in range(3)]
    house.simulator.retarget(REPOSITORY, pulls[0].number, "next", by="alice")
    house.simulator.close_pull(REPOSITORY, pulls[1].number, by="alice")
    main = await house.github.open_pulls(REPOSITORY, "main")
    everything = await house.github.open_pulls(REPOSITORY)
    assert [pull.number for pull in main] == [pulls[2].number]
    assert {pull.number for pull in everything} == {pulls[0].number, pulls[2].number}


async def test_a_merged_commit_leads_back_to_its_pull_request(house: House) -> None:
    pull = house.open_pull()
    merged = house.simulator.merge_pull(REPOSITORY, pull.number, by="bob", method="squash")
    (found,) = await house.github.pulls_of_commit(REPOSITORY, merged.sha)
    assert (found.number, found.merged, found.state) == (pull.number, True, "closed")
    assert (await house.github.pull(REPOSITORY, pull.number)).merge_commit_sha == merged.sha


@pytest.mark.parametrize("name", ["models", "acme/", "/models", "acme/models/pulls", "acme/..", "../models"])
async def test_a_name_that_is_no_repository_is_refused_unasked(house: House, name: str) -> None:
    with pytest.raises(RefusedError, match="owner/name"):
        await house.github.pull(name, 1)
    assert house.called("GET", ".") == 0


async def test_a_renamed_repository_has_moved(house: House) -> None:
    pull = house.open_pull()
    house.simulator.rename_repository(REPOSITORY, "policies", by="alice")
    with pytest.raises(NotFoundError, match="moved"):
        await house.github.pull(REPOSITORY, pull.number)
    assert (await house.github.pull("acme/policies", pull.number)).number == pull.number


async def test_a_link_in_an_answer_is_never_followed(house: House) -> None:
    link = {"link": '<https://evil.example/steal?page=2>; rel="next"'}
    house.simulator.fail_next("GET", "installations$", 200, b'[{"id":1}]', link)
    assert await house.app_client.installation_ids() == (1,)


async def test_pending_environments_are_those_not_answered(house: House) -> None:
    run, _ = house.simulator.start_deployment(REPOSITORY, "staging", by="alice")
    house.simulator.start_deployment(REPOSITORY, "production", by="alice", run_id=run.id)
    await house.github.answer_protection_rule(REPOSITORY, run.id, "staging", "rejected", "no")
    assert await house.github.pending_environments(REPOSITORY, run.id) == ("production",)
    with pytest.raises(RefusedError):
        await house.github.answer_protection_rule(REPOSITORY, run.id, "staging", "approved", "yes")
    assert (await house.github.workflow_run(REPOSITORY, run.id)).event == "push"


UNREADABLE = [
    (200, b"<html>Unicorn!</html>", {"content-type": "text/html"}),
    (200, b"<html>Unicorn!</html>", {"content-type": "application/json"}),
    (200, b'{"number":', {}),
    (200, b"{}", {}),
    (200, b"[" * 100_000, {}),
    (200, b"\xff\xfe", {}),
    (502, b"<html>Bad gateway</html>", {"content-type": "application/json"}),
    (520, b"", {}),
    (599, b"?", {}),
]


@pytest.mark.parametrize(("status", "body", "headers"), UNREADABLE, ids=range(len(UNREADABLE)))
async def test_an_unreadable_answer_is_unavailable(
    house: House, status: int, body: bytes, headers: dict[str, str]
) -> None:
    house.open_pull()
    house.simulator.fail_next("GET", "pulls", status, body, headers, times=3)
    with pytest.raises(UnavailableError):
        await house.github.pull(REPOSITORY, 1)


REFUSALS = [
    (401, b'{"message":"Bad credentials"}', RefusedError),
    (403, b'{"message":"Resource not accessible by integration"}', RefusedError),
    (404, b"{}", NotFoundError),
    (409, b"[]", RefusedError),
    (410, b"gone", NotFoundError),
    (422, b"{}", RefusedError),
    (422, b'{"message":null,"errors":[{"code":"custom","message":"x"}]}', RefusedError),
    (422, b"<html>", RefusedError),
    (301, b'{"url":"https://evil.example"}', NotFoundError),
    (418, b"", RefusedError),
]


@pytest.mark.parametrize(("status", "body", "error"), REFUSALS)
async def test_a_refusal_is_ours_and_not_repeated(
    house: House, status: int, body: bytes, error: type[NeighbourError]
) -> None:
    house.open_pull()
    house.simulator.fail_next("GET", "pulls", status, body, times=2 if status == 401 else 1)
    with pytest.raises(error) as caught:
        await house.github.pull(REPOSITORY, 1)
    assert caught.value.status == status
    assert house.called("GET", "pulls") == (2 if status == 401 else 1)


async def test_the_client_is_what_the_port_asks_for(house: House) -> None:
    app: GitHubApp = house.app_client
    github: GitHub = app.installation(house.installation.id)
    assert (await github.account("alice")).type == "User"
    assert await app.repositories(house.installation.id) == (
        (house.simulator.world.repository(REPOSITORY).id, REPOSITORY),
    )
