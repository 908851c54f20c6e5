"""Which releases another policy would decide otherwise: over HTTP and by the command line, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.policy import comparing
from app.sandbox.world import REPOSITORY
from app.tokens.model import Permission
from integrations.github.simulator.model import Pull
from tests.journey.played import GREEN, WAITS, Played
from tests.journey.test_policies import command
from tests.journey.test_simulations import both, policy, rows, token

__all__ = ["both"]


async def compared(played: Played, text: str, *, status: int = 200, by: str = "", **more: Any) -> Any:
    asked = {"repository": REPOSITORY, "policy": text, **more}
    found, body = await played.call("POST", "/api/v1/policies/comparisons", asked, token=by)
    assert found == status, body
    return body


async def approved(played: Played) -> tuple[Pull, Pull]:
    """One release that two approved, and one that nobody did."""
    one = await played.propose()
    await played.approve(one)
    await played.says(one, GREEN)
    other = await played.propose(played.files("3.3.0"), branch="release-3.3.0", by="alice")
    await played.says(other, WAITS)
    return one, other


def stricter(played: Played) -> str:
    return policy(played).replace("group: risk-managers, count: 1", "group: risk-managers, count: 2")


async def test_a_stricter_policy_takes_back_what_was_allowed_and_says_whom_it_asks_anew(both: Played) -> None:
    one, other = await approved(both)
    before = await rows(both)
    body = await compared(both, stricter(both))
    by_pull = {found["pull_number"]: found for found in body["compared"]}
    first, second = by_pull[one.number], by_pull[other.number]
    assert (first["before"], first["after"], first["gates"]) == ("allow", "wait", ["approvals"])
    assert first["anew"] == ["bob", "carol"]
    assert (second["before"], second["after"], second["anew"]) == ("wait", "wait", [])
    assert (body["done"], body["total"], body["left_out"], body["next"]) == (2, 2, 0, "")
    (change,) = body["policy"]
    assert (change["name"], change["direction"]) == ("model to production", "tighter")
    await both.settled()
    assert await rows(both) == before
    events = [record.event for record in await both.records()]
    assert events.count("policy.simulated") == 1
    await both.says(one, GREEN)


async def test_the_same_policy_changes_nothing(short: Played) -> None:
    await approved(short)
    body = await compared(short, policy(short))
    assert [(found["before"], found["after"]) for found in body["compared"]].count(("allow", "allow")) == 1
    assert all(found["before"] == found["after"] and not found["differences"] for found in body["compared"])
    assert body["policy"] == []


async def test_what_was_merged_is_asked_about_deploying(both: Played) -> None:
    pull = await both.propose()
    await both.approve(pull)
    await both.says(pull, GREEN)
    await both.merge(pull)
    (found,) = (await compared(both, stricter(both)))["compared"]
    assert (found["question"], found["before"], found["after"]) == ("deploy", "allow", "wait")


async def test_an_answer_is_for_some_releases_and_the_next_goes_on(
    short: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    await approved(short)
    first = await compared(short, stricter(short), limit=1)
    assert (first["done"], first["total"], bool(first["next"]), len(first["policy"])) == (1, 2, True, 1)
    second = await compared(short, stricter(short), limit=1, after=first["next"])
    assert (second["done"], second["next"], second["policy"]) == (2, "", [])
    pulls = [found["pull_number"] for page in (first, second) for found in page["compared"]]
    assert len(set(pulls)) == 2
    monkeypatch.setattr(comparing, "MAX_RELEASES", 1)
    few = await compared(short, stricter(short))
    assert (len(few["compared"]), few["total"], few["left_out"]) == (1, 1, 1)


async def test_releases_into_other_branches_are_left_out_where_one_is_asked_about(short: Played) -> None:
    await approved(short)
    assert (await compared(short, stricter(short), base_ref="main"))["compared"]
    body = await compared(short, stricter(short), base_ref="elsewhere", status=409)
    assert body["code"] == "comparison.branch"


async def test_what_cannot_be_read_is_told_and_changes_nothing(short: Played) -> None:
    repository = short.github.world.repository(REPOSITORY).id
    for pull in await approved(short):
        short.service.gate._gatherer.forget_pull(repository, pull.number)
    short.github.fail_next("GET", r"/pulls/\d+$", 503, b"{}", times=1000)
    found = (await compared(short, stricter(short)))["compared"]
    assert [one["problem"] != "" for one in found] == [True, True]
    assert [one["before"] for one in found] == [None, None]


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ({}, 200),
        ({"repository": REPOSITORY}, 200),
        ({"repository": "acme/other"}, 403),
        ({"environments": ("staging",)}, 200),
    ],
)
async def test_a_token_hears_of_what_it_is_for(short: Played, scope: dict[str, Any], status: int) -> None:
    await approved(short)
    by = await token(short, Permission.RELEASE_READ, **scope)
    body = await compared(short, stricter(short), status=status, by=by)
    if status == 200:
        assert bool(body["compared"]) == (scope.get("environments") is None)


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"repository": "acme/none"}, 404, "comparison.repository"),
        ({"policy": "schema: x"}, 400, "policy.invalid"),
        ({"limit": 0}, 400, "request.invalid"),
    ],
)
async def test_a_comparison_that_cannot_be_made_is_refused(
    short: Played, asked: dict[str, Any], status: int, code: str
) -> None:
    await short.propose()
    found, body = await short.call(
        "POST", "/api/v1/policies/comparisons", {"repository": REPOSITORY, "policy": policy(short), **asked}
    )
    assert (found, body["code"]) == (status, code), body


async def test_whoever_may_not_see_people_has_no_new_group_read(short: Played) -> None:
    await short.propose()
    asked = policy(short).replace("groups:\n", "groups:\n  all: {github_org: acme}\n")
    by = await token(short, Permission.RELEASE_READ)
    assert (await compared(short, asked, status=403, by=by))["code"] == "simulation.groups"


async def test_by_the_command_line(short: Played, tmp_path: Path) -> None:
    await approved(short)
    reader = await token(short, Permission.RELEASE_READ)
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text(policy(short))
    other.write_text(stricter(short))
    ask = ("policy", "diff")
    code, told = await command(short, reader, *ask, str(same), "--repository", REPOSITORY)
    assert (code, "0 of 2 verdicts would change, of 2 releases." in told) == (0, True), told
    code, told = await command(short, reader, *ask, str(other), "--repository", REPOSITORY)
    assert (code, "would have to approve anew: bob and carol" in told) == (1, True), told
    code, told = await command(short, reader, *ask, str(other), "--repository", REPOSITORY, "--json")
    assert (code, len(msgspec.json.decode(told)["compared"])) == (1, 2)
    assert (await command(short, reader, *ask, str(other)))[0] == 2
    assert (await command(short, reader, *ask, str(other), "--repository", "acme/none"))[0] == 3
