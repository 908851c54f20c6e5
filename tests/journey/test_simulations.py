"""What would be decided if something else were so: over HTTP, on both databases, and nothing comes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from app.sandbox import documents
from app.sandbox.world import REPOSITORY, TENANT, World
from app.tokens.model import Permission, Scope
from integrations.github.simulator.model import Pull
from tests.journey.conftest import started
from tests.journey.played import GREEN, WAITS, Played
from tests.journey.test_policies import command

BOTH = [{"login": "bob"}, {"login": "carol"}]


@pytest.fixture
async def both(tmp_path: Path, github_key: rsa.RSAPrivateKey, new_url: Callable[[], str]) -> AsyncIterator[Played]:
    """A policy that asks for no change request, on SQLite and on PostgreSQL."""
    async for played in started(World(tmp_path, github_key=github_key, change=False, database_url=new_url())):
        yield played


def policy(played: Played, more: str = "", seats: str = "") -> str:
    """The sandbox's policy with further lines and seats in its rule."""
    world = played.world
    found = documents.policy(world.training, world.testing, world.alice, change=False).decode()
    return found.replace("    expires: 72h\n", f"{seats}    expires: 72h\n{more}")


async def token(played: Played, *permissions: Permission, **scope: Any) -> str:
    made = await played.service.tokens.create(
        TENANT, "for a test", Scope(permissions=permissions, **scope), by="service:test", days=1
    )
    return made.text


async def release_of(played: Played, pull: Pull) -> str:
    status, found = await played.call("GET", "/api/v1/releases")
    assert status == 200
    return str(next(one["id"] for one in found["releases"] if one["number"] == pull.number))


async def simulated(played: Played, pull: Pull, *, status: int = 200, by: str = "", **asked: Any) -> Any:
    path = f"/api/v1/releases/{await release_of(played, pull)}/simulations"
    found, body = await played.call("POST", path, asked, token=by)
    assert found == status, body
    return body


def outcomes(body: Any) -> tuple[str, str]:
    (one,) = body["simulated"]
    return one["before"]["outcome"], one["after"]["outcome"]


def said(body: Any) -> str:
    return msgspec.json.encode(body).decode()


async def rows(played: Played) -> dict[str, int]:
    """How many rows each table has that holds no records and no work."""
    database = played.service.database
    named = "SELECT name FROM sqlite_master WHERE type = 'table'"
    if database.dialect != "sqlite":
        named = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    tables = [row.name for row in await database.read(lambda tx: tx.all(text(named)))]
    left = [name for name in tables if any(word in name for word in ("grant", "decision", "release", "link", "person"))]
    assert len(left) > 5
    counts = {}
    for name in left:
        row = await database.read(lambda tx, name=name: tx.first(text(f'SELECT count(*) AS n FROM "{name}"')))  # type: ignore[misc]
        assert row is not None
        counts[name] = row.n
    return counts


async def test_who_would_fill_the_seats(both: Played) -> None:
    pull = await both.propose()
    body = await simulated(both, pull, approve=[{"login": "bob"}, {"login": "Carol"}])
    assert outcomes(body) == ("wait", "allow"), body
    (one,) = body["simulated"]
    assert one["gates"] == ["approvals"]
    assert one["differences"][0]["path"] == ["approvals"]
    assert "Carol (risk-managers, attested)" in one["differences"][0]["after"]["summary"]
    assert one["assumptions"] == [
        "bob for senior-developers approves by command (attested), having been shown every document.",
        "Carol for risk-managers approves by command (attested), having been shown every document.",
    ]


@pytest.mark.parametrize(
    ("approve", "why"),
    [
        ([{"login": "alice"}, {"login": "carol"}], "they asked for this release"),
        ([{"login": "dana"}], "1 approval from"),
        ([{"login": "mallory"}, {"login": "carol"}], "did not belong to"),
        ([{"login": "nobody-ever"}, {"login": "carol"}], "did not belong to"),
        ([{"login": "bob", "groups": ["risk-managers"]}, {"login": "carol"}], "is not a member of risk-managers now"),
        ([{"login": "bob", "way": "cli"}, {"login": "carol"}], "it came by cli"),
    ],
)
async def test_who_would_not(short: Played, approve: list[dict[str, Any]], why: str) -> None:
    body = await simulated(short, await short.propose(), approve=approve)
    assert outcomes(body) == ("wait", "wait")
    assert why in said(body)


async def test_nothing_is_granted_and_only_that_it_was_asked_is_recorded(both: Played) -> None:
    pull = await both.propose()
    reader = await token(both, Permission.RELEASE_READ)
    await release_of(both, pull)
    await both.settled()
    before, known = await rows(both), len(await both.records())
    body = await simulated(both, pull, by=reader, approve=BOTH, delegate=[{"by": "bob", "to": "mallory"}], push=True)
    await both.settled()
    assert await rows(both) == before
    found = (await both.records())[known:]
    assert [record.event for record in found] == ["policy.simulated"], found
    (record,) = found
    assert (record.event, record.actor_ref.partition(":")[0]) == ("policy.simulated", "token")
    assert record.trace_id == (await both.trace(pull))[0].trace_id
    data = msgspec.json.decode(record.data)
    assert data["before"] == {"production": "wait"}
    assert "bob" not in str(data)
    assert body["simulated"]
    await both.says(pull, WAITS, "approval from")


async def test_what_a_push_would_cost_and_what_the_policy_keeps(both: Played) -> None:
    await both.world.put_policy(policy(both, '    keep: {unless_changed: ["models/**"]}\n').encode())
    pull = await both.propose()
    await both.approve(pull)
    await both.says(pull, GREEN)
    assert outcomes(await simulated(both, pull)) == ("allow", "allow")
    for changed, after in ((["docs/a.md"], "allow"), (["models/a.bin"], "wait"), ([], "allow")):
        assert outcomes(await simulated(both, pull, push={"changed": changed})) == ("allow", after), changed
    body = await simulated(both, pull, push=True)
    assert outcomes(body) == ("allow", "wait")
    assert "It is whoever asked for the release who pushes." in said(body)
    again = await simulated(both, pull, push=True, approve=BOTH)
    assert outcomes(again) == ("allow", "allow"), "approvals are given after the push"
    pusher = await simulated(both, pull, push={"changed": ["docs/a.md"], "by": "bob"})
    assert "they pushed part of it" in said(pusher)


async def test_what_time_and_second_thoughts_would_do(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    assert outcomes(await simulated(short, pull, at="+71h")) == ("allow", "allow")
    late = await simulated(short, pull, at="+73h")
    assert outcomes(late) == ("allow", "wait")
    assert "it expired at" in said(late)
    assert late["then"] > late["at"]
    assert outcomes(await simulated(short, pull, revoke=["bob"])) == ("allow", "wait")
    assert outcomes(await simulated(short, pull, hold=[{"login": "carol"}])) == ("allow", "deny")
    assert outcomes(await simulated(short, pull, reject=[{"login": "bob"}])) == ("allow", "deny")
    short.comment(pull, "carol", "/hold\nwait for the audit")
    await short.says(pull, "failure", "wait for the audit")
    assert outcomes(await simulated(short, pull, lift=["carol"])) == ("deny", "allow")
    assert outcomes(await simulated(short, pull, approve=[{"login": "carol"}])) == ("deny", "allow")


async def test_a_delegation_would_let_somebody_act(short: Played) -> None:
    await short.world.put_policy(policy(short, "    delegation: {longest: 3d}\n").encode())
    pull = await short.propose()
    lent = [{"by": "bob", "to": "mallory", "lasting": "2d"}]
    both = [{"login": "mallory"}, {"login": "carol"}]
    body = await simulated(short, pull, approve=both, delegate=lent)
    assert outcomes(body) == ("wait", "allow"), said(body)
    assert "mallory for bob" in said(body) or "mallory (for bob" in said(body), said(body)


async def test_on_a_friday_nothing_would_be_deployed(both: Played) -> None:
    more = (
        "    windows: [{rule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH', start: 2026-01-05T00:00:00, duration: 24h,"
        " timezone: UTC}]\n"
    )
    await both.world.put_policy(policy(both, more).encode())
    pull = await both.propose()
    ahead = (4 - datetime.now(UTC).weekday()) % 7 or 7
    friday, monday = (f"+{ahead + days}d" for days in (0, 3))
    for at, status in ((friday, "wait"), (monday, "pass")):
        body = await simulated(both, pull, question="deploy", at=at, approve=BOTH)
        (one,) = body["simulated"]
        assert {result["name"]: result["status"] for result in one["after"]["results"]}["windows"] == status
        assert "The pull request is merged as it is." in one["assumptions"]
        release = {result["name"]: result["status"] for result in one["before"]["results"]}["release"]
        assert (release, one["after"]["results"][0]["status"]) == ("fail", "pass"), "it is not merged, but would be"


async def test_labels_would_bring_another_rule(both: Played) -> None:
    rule = (
        "  - name: risky\n    when: {labels: [risk/high]}\n"
        "    seats: [{group: risk-managers, count: 2, signature: attested, accept: [review, command]}]\n"
        "    gates: [rationale]\n"
    )
    await both.world.put_policy((policy(both) + rule).encode())
    pull = await both.propose()
    assert outcomes(await simulated(both, pull, approve=BOTH)) == ("wait", "allow")
    body = await simulated(both, pull, approve=BOTH, labels={"add": ["Risk/high"]})
    assert outcomes(body) == ("wait", "wait")
    assert "repository/risky" in said(body)
    three = [*BOTH, {"login": "dana"}]
    assert outcomes(await simulated(both, pull, approve=three, labels={"add": ["Risk/high"]})) == ("wait", "allow")
    three = await simulated(both, pull, approve=BOTH, labels={"add": ["risk/high"], "remove": ["risk/low"]})
    assert outcomes(three) == ("wait", "wait")


async def test_another_policy_would_ask_for_more(both: Played) -> None:
    pull = await both.propose()
    await both.approve(pull)
    await both.says(pull, GREEN)
    stricter = policy(both).replace("group: risk-managers, count: 1", "group: risk-managers, count: 2")
    body = await simulated(both, pull, policy=stricter)
    assert outcomes(body) == ("allow", "wait")
    (change,) = body["policy"]
    assert (change["kind"], change["name"], change["direction"]) == ("rule", "model to production", "tighter")
    assert "the rules that apply have changed since" in said(body)
    anew = await simulated(both, pull, policy=stricter, approve=[*BOTH, {"login": "dana"}])
    assert outcomes(anew) == ("allow", "allow")


async def test_what_a_policy_reads_anew_is_read(short: Played) -> None:
    """Checks and groups that no rule asked about until now."""
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    asks = policy(short, "    required_checks: [{name: tests, app: any}]\n").replace(
        "gates: [", "gates: [required_checks, "
    )
    assert "has not run" in said(await simulated(short, pull, policy=asks, approve=BOTH))
    short.github.report_check(REPOSITORY, pull.head_sha, "tests")
    await short.settled()
    assert outcomes(await simulated(short, pull, policy=asks, approve=BOTH)) == ("allow", "allow")
    board = policy(short, seats="      - {group: board, signature: attested, accept: [command]}\n").replace(
        "groups:\n", "groups:\n  board: {members: [mallory]}\n"
    )
    assert outcomes(await simulated(short, pull, policy=board, approve=BOTH)) == ("allow", "wait")
    three = [*BOTH, {"login": "mallory"}]
    assert "mallory for board" in said(await simulated(short, pull, policy=board, approve=three))


async def test_names_are_told_of_those_who_acted_or_are_named_and_of_nobody_else(both: Played) -> None:
    pull = await both.propose()
    await both.approve(pull, "bob")
    reader = await token(both, Permission.RELEASE_READ)
    body = said(await simulated(both, pull, by=reader, approve=[{"login": "carol"}]))
    assert "bob" in body
    assert "carol" in body
    assert "dana" not in body
    assert "{n" not in body
    persons = await both.service.database.read(
        lambda tx: tx.all(text("SELECT person FROM accounts WHERE login = 'dana' AND account LIKE 'github:%'"))
    )
    by_id = await simulated(both, pull, by=reader, approve=[{"person": persons[0].person}])
    assert "dana" not in said(by_id)
    assert outcomes(by_id) == ("wait", "allow")


async def test_whoever_may_not_see_people_has_no_group_read_that_nobody_agreed_to(short: Played) -> None:
    pull = await short.propose()
    asked = (
        policy(short)
        .replace("groups:\n", "groups:\n  all: {github_org: acme}\n")
        .replace("group: senior-developers", "group: all")
    )
    reader = await token(short, Permission.RELEASE_READ)
    refused = await simulated(short, pull, status=403, by=reader, policy=asked, approve=BOTH)
    assert refused["code"] == "simulation.groups"
    assert "all" in refused["found"]
    people = await token(short, Permission.RELEASE_READ, Permission.PEOPLE_MANAGE)
    body = await simulated(short, pull, by=people, policy=asked, approve=BOTH)
    assert outcomes(body) == ("wait", "wait")
    assert "only since" in said(body), "who belongs to a group is known from when it is first read"


@pytest.mark.parametrize("name", ["{name:github:1}", '"\\x7bname:github:1}"'])
async def test_nobody_gets_a_name_by_writing_a_mark(short: Played, name: str) -> None:
    pull = await short.propose()
    asked = policy(short).replace("name: model to production", f"name: '{name}'" if name[0] == "{" else f"name: {name}")
    body = await simulated(short, pull, status=400, policy=asked)
    assert body["code"] == "simulation.mark"


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ({}, 200),
        ({"repository": REPOSITORY}, 200),
        ({"repository": "acme/other"}, 403),
        ({"environments": ("staging",)}, 403),
        ({"environments": ("production",)}, 200),
    ],
)
async def test_a_token_is_answered_about_what_it_is_for(short: Played, scope: dict[str, Any], status: int) -> None:
    pull = await short.propose()
    await simulated(short, pull, status=status, by=await token(short, Permission.RELEASE_READ, **scope), approve=BOTH)


async def test_a_token_that_may_not_read_releases_is_refused(short: Played) -> None:
    pull = await short.propose()
    body = await simulated(short, pull, status=403, by=await token(short, Permission.GATE_DECIDE), approve=BOTH)
    assert body["code"] == "auth.permission"
    asked = {"repository": REPOSITORY, "policy": policy(short)}
    by = await token(short, Permission.GATE_DECIDE)
    assert (await short.call("POST", "/api/v1/policies/comparisons", asked, token=by))[0] == 403


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"approve": [{}]}, "simulation.who"),
        ({"approve": [{"login": "bob", "person": "x"}]}, "simulation.who"),
        ({"approve": [{"login": "bob", "way": "command", "strength": "personal"}]}, "simulation.strength"),
        ({"at": "tomorrow"}, "simulation.at"),
        ({"at": "2020-01-01T00:00:00Z"}, "simulation.at"),
        ({"at": "+400d"}, "simulation.at"),
        ({"environment": "staging"}, "simulation.environment"),
        ({"delegate": [{"by": "bob", "to": "carol", "lasting": "long"}]}, "simulation.lasting"),
        ({"policy": "schema: nonsense"}, "policy.invalid"),
        ({"approve": [{"login": "{name:github:1}"}]}, "request.invalid"),
        ({"push": {"changed": ["{name:github:1}"]}}, "request.invalid"),
        ({"aprove": []}, "request.invalid"),
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused(short: Played, asked: dict[str, Any], code: str) -> None:
    body = await simulated(short, await short.propose(), status=400, **asked)
    assert body["code"] == code, body


async def test_an_unknown_release_is_one_that_nobody_has(short: Played) -> None:
    status, body = await short.call("POST", "/api/v1/releases/none/simulations", {})
    assert (status, body["code"]) == (404, "release.unknown")


async def test_by_the_command_line(short: Played, tmp_path: Path) -> None:
    pull = await short.propose()
    reader = await token(short, Permission.RELEASE_READ)
    release = await release_of(short, pull)
    ask = ("policy", "simulate", release)
    code, told = await command(short, reader, *ask, "--approve", "bob", "--approve", "carol", "--at", "+2d")
    assert (code, "production, merging: wait → allow" in told) == (0, True), told
    assert told.index("wait → allow") < told.index("Assumed:") < told.index("Now:") < told.index("Then:")
    code, told = await command(short, reader, *ask, "--approve", "bob", "--push", "--label", "risk/high", "--json")
    assert code == 1
    assert msgspec.json.decode(told)["simulated"][0]["after"]["outcome"] == "wait"
    stricter = tmp_path / "stricter.yaml"
    stricter.write_text(policy(short).replace("risk-managers, count: 1", "risk-managers, count: 2"))
    code, told = await command(short, reader, *ask, "--approve", "bob", "--approve", "carol", "--policy", str(stricter))
    assert (code, "The policy changes the rule model to production: seats (tighter)" in told) == (1, True), told
    assert (await command(short, reader, *ask, "--approve", "bob:strong"))[0] == 2
    assert (await command(short, reader, *ask, "--policy", str(tmp_path / "none.yaml")))[0] == 3
    assert (await command(short, reader, "policy", "simulate", "none"))[0] == 3
