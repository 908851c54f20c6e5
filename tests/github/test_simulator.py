"""The simulator behaves as GitHub does where it matters to us."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.errors import NotFoundError, RefusedError
from integrations.github.port import CheckRun
from integrations.github.simulator.objects import Identity, ObjectStore
from integrations.github.simulator.wire import Problem
from tests.github.support import REPOSITORY, SECOND, House
from tests.requirements import need

SOMEONE = Identity("A U Thor", "author@example.com")


def test_object_ids_are_those_of_git(tmp_path: Any) -> None:
    git = need("git")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": SOMEONE.name for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": SOMEONE.email for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_DATE": "1800000000 +0000" for who in ("AUTHOR", "COMMITTER")},
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [git, *arguments], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    files = {"a.txt": b"1\n", "a/b": b"2", "a-b": b"3", "a/c/d": b"\x00", "z": b""}
    for path, data in files.items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    run("init", "-q")
    run("add", ".")
    run("commit", "-q", "--no-gpg-sign", "--cleanup=verbatim", "-m", "Subject\n\nBody")
    store = ObjectStore()
    made = store.commit(files, (), SOMEONE, SOMEONE, "Subject\n\nBody\n", 1_800_000_000 * SECOND)
    assert made.tree == run("rev-parse", "HEAD^{tree}")
    assert made.sha == run("rev-parse", "HEAD")


@given(st.lists(st.lists(st.integers(0, 30), max_size=2), min_size=2, max_size=12), st.data())
def test_history_walks_agree_with_plain_sets(shape: list[list[int]], data: st.DataObject) -> None:
    store = ObjectStore()
    shas: list[str] = []
    above: dict[str, set[str]] = {}
    for number, parents in enumerate(shape):
        chosen = sorted({shas[parent % len(shas)] for parent in parents}) if shas else []
        made = store.commit({}, chosen, SOMEONE, SOMEONE, str(number), 0)
        shas.append(made.sha)
        above[made.sha] = {made.sha}.union(*(above[parent] for parent in chosen))
    left, right = data.draw(st.sampled_from(shas)), data.draw(st.sampled_from(shas))
    assert {commit.sha for commit in store.log(left, right)} == above[right] - above[left]
    assert store.reaches(left, right) == (right in above[left])
    base = store.merge_base(left, right)
    assert (base in above[left] & above[right]) if above[left] & above[right] else base is None


async def test_an_author_cannot_approve_their_own_pull_request(house: House) -> None:
    pull = house.open_pull("alice")
    for state in ("APPROVED", "CHANGES_REQUESTED"):
        with pytest.raises(Problem, match="Unprocessable"):
            house.simulator.review(REPOSITORY, pull.number, by="alice", state=state)
    house.simulator.review(REPOSITORY, pull.number, by="alice", state="COMMENTED")
    assert [one.state for one in await house.github.reviews(REPOSITORY, pull.number)] == ["commented"]


async def test_limits_of_texts_are_those_of_github(house: House) -> None:
    pull = house.open_pull()
    await house.github.create_comment(REPOSITORY, pull.number, "ü" * 65_536)
    with pytest.raises(RefusedError, match="too long"):
        await house.github.create_comment(REPOSITORY, pull.number, "x" * 65_537)
    check = CheckRun("c", pull.head_sha, None, "t", "x" * 65_535, "e")
    await house.github.create_check_run(REPOSITORY, check)
    for summary in ("x" * 65_536, "ü" * 40_000):
        check = CheckRun("c", pull.head_sha, None, "t", summary, "e")
        with pytest.raises(RefusedError, match="65535"):
            await house.github.create_check_run(REPOSITORY, check)


async def test_checks_belong_to_a_commit(house: House) -> None:
    pull = house.open_pull()
    await house.github.create_check_run(REPOSITORY, CheckRun("c", pull.head_sha, "success", "t", "s", "e"))
    twin = house.simulator.open_pull(REPOSITORY, pull.head_ref, author="bob")
    house.simulator.push(REPOSITORY, pull.head_ref, {"x": b""}, author="alice")
    assert twin.head_sha == pull.head_sha
    assert await house.github.check_runs(REPOSITORY, pull.head_sha, "c") == ()


async def test_a_lost_delivery_is_found_and_brought_again_under_its_guid(house: House) -> None:
    pull = house.open_pull()
    await house.simulator.settle()
    assert await house.app_client.failed_deliveries(0) == ()
    house.simulator.lose_next()
    house.simulator.comment(REPOSITORY, pull.number, by="bob", body="lost")
    await house.simulator.settle()
    before = len(house.receiver.got)
    (lost,) = await house.app_client.failed_deliveries(house.clock.now - SECOND)
    assert await house.app_client.failed_deliveries(house.clock.now + SECOND) == ()
    await house.app_client.redeliver(lost)
    await house.simulator.settle()
    assert len(house.receiver.got) == before + 1
    assert house.receiver.got[-1].event == "issue_comment"
    assert await house.app_client.failed_deliveries(0) == ()
    guids = [one.guid for one in house.simulator.deliveries.log if one.event == "issue_comment"]
    assert len(guids) == 2
    assert len(set(guids)) == 1


async def test_failed_deliveries_are_found_over_many_pages(house: House) -> None:
    pull = house.open_pull()
    await house.simulator.settle()
    house.simulator.lose_next(120)
    for number in range(250):
        house.simulator.comment(REPOSITORY, pull.number, by="bob", body=str(number))
    await house.simulator.settle()
    failed = await house.app_client.failed_deliveries(0)
    assert len(set(failed)) == 120
    assert list(failed) == sorted(failed)
    with pytest.raises(NotFoundError):
        await house.app_client.redeliver(1)


async def test_of_more_deliveries_than_are_read_the_newest_are_found(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.github.client.MAX_PAGES", 1)
    pull = house.open_pull()
    await house.simulator.settle()
    for number in range(120):
        house.simulator.comment(REPOSITORY, pull.number, by="bob", body=str(number))
    await house.simulator.settle()
    house.simulator.lose_next()
    house.simulator.comment(REPOSITORY, pull.number, by="bob", body="lost")
    await house.simulator.settle()
    assert len(await house.app_client.failed_deliveries(0)) == 1


async def test_a_delivery_answered_with_an_error_is_failed_and_not_repeated(house: House) -> None:
    house.receiver.status = 503
    house.open_pull()
    await house.simulator.settle()
    attempts = len(house.receiver.got)
    assert len(await house.app_client.failed_deliveries(0)) == attempts
    assert len({one.headers["X-GitHub-Delivery"] for one in house.receiver.got}) == attempts


async def test_deliveries_can_be_doubled_reordered_and_forgotten(house: House) -> None:
    pull = house.open_pull()
    await house.simulator.settle()

    def say(body: str) -> None:
        house.simulator.comment(REPOSITORY, pull.number, by="bob", body=body)

    house.simulator.double_next()
    say("twice")
    house.simulator.reorder_next(3)
    for body in ("1", "2", "3"):
        say(body)
    house.simulator.lose_next(logged=False)
    say("never")
    await house.simulator.settle()
    bodies = [json.loads(one.body)["comment"]["body"] for one in house.receiver.got if one.event == "issue_comment"]
    assert bodies == ["twice", "twice", "3", "2", "1"]
    assert await house.app_client.failed_deliveries(0) == ()


@pytest.fixture
async def http(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(house.simulator.base_url) as session:
        yield session


async def post(http: aiohttp.ClientSession, address: str, **fields: object) -> Any:
    fields = {"as" if name == "by" else name: value for name, value in fields.items()}
    async with http.post(f"/_sim/{address}", json=fields) as answer:
        return await answer.json() | {"status": answer.status}


async def test_a_whole_story_can_be_told_over_http(house: House, http: aiohttp.ClientSession) -> None:
    repo, pulls = f"repositories/{REPOSITORY}", f"pulls/{REPOSITORY}"
    await post(http, "users", login="erin")
    pushed = await post(http, f"{repo}/pushes", by="erin", branch="work", files={"a": "1"})
    opened = await post(http, f"{repo}/pulls", by="erin", head="work", title="A <b> change")
    assert opened["head_sha"] == pushed["sha"]
    number = opened["number"]
    said = await post(http, f"{pulls}/{number}/comments", by="bob", body="/approve <x>")
    reviewed = await post(http, f"{pulls}/{number}/reviews", by="bob", state="APPROVED")
    assert reviewed["commit_sha"] == pushed["sha"]
    await house.github.create_check_run(REPOSITORY, CheckRun("c", pushed["sha"], "success", "Good", "All & well", "e"))
    async with http.get(f"/_sim/{pulls}/{number}") as answer:
        state = await answer.json()
    assert [one["id"] for one in state["comments"]] == [said["id"]]
    assert [one["summary"] for one in state["checks"]] == ["All & well"]
    async with http.get(f"/{REPOSITORY}/pull/{number}") as page:
        text = await page.text()
    assert "A &lt;b&gt; change" in text
    assert "/approve &lt;x&gt;" in text
    assert "All &amp; well" in text
    merged = await post(http, f"{pulls}/{number}/merge", by="bob", method="squash")
    deployed = await post(http, f"{repo}/deployments", by="erin", environment="production", ref="main")
    assert deployed["sha"] == merged["sha"]
    await house.github.answer_protection_rule(REPOSITORY, deployed["run_id"], "production", "approved", "ok")
    await post(http, f"{repo}/deployments/{deployed['deployment_id']}/status", state="success")
    await post(http, "settle")
    actions = [(name, event.action) for name, event in await house.events()]
    assert actions[-3:] == [
        ("deployment_protection_rule", "requested"),
        ("deployment_status", "created"),
        ("deployment_status", "created"),
    ]


REFUSED: list[tuple[str, dict[str, object], int]] = [
    ("pulls/acme/models/99/comments", {"by": "bob", "body": "x"}, 404),
    ("pulls/acme/models/1/comments", {"by": "nobody", "body": "x"}, 404),
    ("pulls/acme/models/1/comments", {"body": "x"}, 422),
    ("pulls/acme/models/1/reviews", {"by": "alice", "state": "APPROVED"}, 422),
    ("nowhere", {}, 404),
]


@pytest.mark.parametrize(("address", "fields", "status"), REFUSED)
async def test_steering_that_makes_no_sense_is_refused(
    house: House, http: aiohttp.ClientSession, address: str, fields: dict[str, object], status: int
) -> None:
    house.open_pull("alice")
    assert (await post(http, address, **fields))["status"] == status


async def test_trouble_can_be_steered_over_http(house: House, http: aiohttp.ClientSession) -> None:
    await post(http, "faults", method="GET", path="users", status=404, body="{}")
    with pytest.raises(NotFoundError):
        await house.github.account("alice")
    await post(http, "faults", method="GET", path="users", status=404, body="{}")
    await post(http, "faults/clear")
    assert (await house.github.account("alice")).login == "alice"


async def test_the_simulator_runs_as_a_process_of_its_own(tmp_path: Any) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "integrations.github.simulator", "--account", "acme", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        about = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        async with aiohttp.ClientSession(about["base_url"]) as session, session.get("/_sim/") as answer:
            addresses = (await answer.json())["addresses"]
        assert any(one.startswith("POST /_sim/pulls/{owner}/{repo}/{number}/comments") for one in addresses)
        assert len(about["webhook_secret"]) >= 32
    finally:
        process.terminate()
        assert await process.wait() == 0


def test_the_example_of_the_blob_id_is_git_s_own() -> None:
    assert ObjectStore().blob_id(b"") == hashlib.sha1(b"blob 0\0", usedforsecurity=False).hexdigest()
