"""A policy counts once it was itself released under four eyes, or adopted by two stewards."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from app.doctor.model import Patient
from app.doctor.policies import counting
from app.sandbox import documents
from app.sandbox.world import REPOSITORY, TENANT, World
from app.settings.model import Settings
from app.standing import watching
from app.tokens.model import Permission
from integrations.github.simulator.model import Pull
from manifests.canonical import sha256_hex
from manifests.policy import POLICY_PATH
from tests.journey.conftest import started
from tests.journey.played import DENIED, GREEN, WAITS, Played

TESTS = ".github/countersign.tests.yaml"
OWN_RULE = b"""\
  - name: the policy itself
    when: {kind: policy}
    seats:
      - {group: senior-developers, count: 1, signature: attested, accept: [review, command]}
      - {group: risk-managers, count: 1, signature: attested, accept: [review, command]}
    gates: [rationale]
"""
OWNERS_RULE = b"""\
  - name: policies
    when: {kind: policy}
    seats: [{group: owners, count: 2, signature: attested, accept: [review, command]}]
    gates: [rationale]
"""
UNRELEASED = f"Expected a version of {POLICY_PATH}"


@pytest.fixture
async def both(tmp_path: Path, github_key: rsa.RSAPrivateKey, new_url: Callable[[], str]) -> AsyncIterator[Played]:
    """A policy that asks for no change request, on SQLite and on PostgreSQL."""
    async for played in started(World(tmp_path, github_key=github_key, change=False, database_url=new_url())):
        yield played


def policy(played: Played, expires: bytes = b"72h") -> bytes:
    world = played.world
    whole = documents.policy(world.training, world.testing, world.alice, change=False)
    return whole.replace(b"expires: 72h", b"expires: " + expires) + OWN_RULE


def cases(outcome: str) -> bytes:
    return f"""\
schema: countersign/policy-tests/v1
given:
  release: {{kind: model, path: releases/intraday/release.yaml, author: alice}}
  groups: {{senior-developers: [bob], risk-managers: [carol]}}
cases:
  - name: nobody approved
    expect: {{outcome: wait}}
  - name: Bob alone
    approvals: [bob]
    expect: {{outcome: {outcome}}}
""".encode()


async def propose(played: Played, files: dict[str, bytes], branch: str = "stricter") -> Pull:
    played.push(files, branch=branch, by="alice")
    title = "Approvals end sooner, after the incident of last week"
    return played.github.open_pull(REPOSITORY, branch, author="alice", title=title)


async def approve(played: Played, pull: Pull) -> None:
    await played.prompted(pull)
    await played.next_second()
    for who in ("bob", "carol"):
        played.comment(pull, who, f"/approve {pull.head_sha} policy")


async def adopt(played: Played, sha256: str, token: str, status: int = 200) -> dict[str, Any]:
    body = {"repository": REPOSITORY, "sha256": sha256}
    found, answer = await played.call("POST", "/api/v1/policies/adoptions", body, token=token)
    assert found == status, answer
    return dict(answer)


async def steps(played: Played, sha256: str) -> list[str]:
    statement = text("SELECT state FROM policy_versions WHERE tenant = :tenant AND sha256 = :sha256 ORDER BY at, state")
    rows = await played.service.database.read(lambda tx: tx.all(statement, tenant=TENANT, sha256=sha256))
    return [row.state for row in rows]


async def test_a_policy_with_failing_tests_is_red_and_mended_green_merged_and_in_force(both: Played) -> None:
    await both.world.put_policy(policy(both))
    stricter = policy(both, b"48h")
    pull = await propose(both, {POLICY_PATH: stricter, TESTS: cases("allow")})
    await both.says(pull, DENIED, f"{TESTS}:8:1", "The test “Bob alone” came out otherwise: Expected allow")

    both.push({TESTS: cases("wait")}, branch="stricter")
    await both.says(
        pull, WAITS, "2 policy tests came out as expected.", "changes the rule model to production: expires"
    )
    await both.shows(pull, "2 policy tests came out as expected.")
    await approve(both, pull)
    await both.says(pull, GREEN)
    assert await steps(both, sha256_hex(stricter)) == []
    await both.merge(pull)
    assert await steps(both, sha256_hex(stricter)) == ["released"]
    (record,) = [one for one in await both.records() if one.event == "policy.released"]
    assert record.resource.endswith("/main")
    assert json.loads(bytes(record.data))["rows"][0]["sha256"] == sha256_hex(stricter)

    await both.says(await both.propose(), WAITS, "1 approval from senior-developers", without=UNRELEASED)


async def test_a_policy_pushed_past_the_check_denies_everything_until_two_adopt_it(both: Played) -> None:
    pull = await both.propose()
    await both.approve(pull)
    await both.says(pull, GREEN)
    other = policy(both, b"24h")
    commit = both.push({POLICY_PATH: other}, branch="main", by="mallory")
    await both.says(pull, DENIED, UNRELEASED, sha256_hex(other), commit[:7], "countersign policy adopt acme/models")
    waiting = await propose(both, {"releases/intraday/notes.md": b"-"}, "docs")
    await both.settled()

    one, two = [await both.world.token(Permission.PEOPLE_MANAGE, name=name) for name in ("one", "two")]
    await adopt(both, "0" * 64, one, 409)
    told = await adopt(both, sha256_hex(other), one)
    assert told["state"] == "proposed"
    assert sha256_hex(other) in told["next"]
    await both.says(pull, DENIED, "proposed and nobody has confirmed")
    await adopt(both, sha256_hex(other), one, 409)
    assert (await adopt(both, sha256_hex(other), two))["state"] == "adopted"
    await both.says(pull, WAITS, without=UNRELEASED)
    await adopt(both, sha256_hex(other), two, 409)
    await both.says(waiting, GREEN)


async def test_what_does_not_count_is_told_at_once_by_alarm_record_and_doctor_until_it_is_mended(
    short: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "GRACE_S", 0)
    patient = Patient(short.world.settings(short.github.base_url), short.world.clock)
    assert [one.status for one in await counting(patient)] == ["ok"]
    other = policy(short, b"24h")
    short.push({POLICY_PATH: other}, branch="main", by="mallory")
    await short.settled()
    short.push({"README.md": b"# Models of ours\n"}, branch="main", by="mallory")
    await short.settled()
    assert [one.outcome for one in await short.records() if one.event == "policy.unreleased"] == ["unreleased"]
    assert 'countersign_alarms_total{kind="policy"} 1.0' in short.service.metrics.exposition().decode()
    (found,) = await counting(patient)
    assert found.status == "problem"
    assert sha256_hex(other) in found.summary

    await short.world.adopt()
    assert [one.status for one in await counting(patient)] == ["ok"]
    short.push({"README.md": b"# Models of all of us\n"}, branch="main", by="mallory")
    await short.settled()
    assert [one.outcome for one in await short.records() if one.event == "policy.unreleased"] == [
        "unreleased",
        "mended",
    ]


async def test_the_sweep_finds_what_waits_for_adoption(tmp_path: Path, github_key: rsa.RSAPrivateKey) -> None:
    async for played in started(Ruled(tmp_path, github_key=github_key, change=False)):
        await played.service.repair()
        await played.settled()
        (record,) = [one for one in await played.records() if one.event == "policy.unreleased"]
        assert record.outcome == "unreleased"


async def test_a_policy_merged_against_the_verdict_is_not_released(short: Played) -> None:
    await short.world.put_policy(policy(short))
    lax = documents.lax_policy()
    pull = await propose(short, {POLICY_PATH: lax})
    await short.says(pull, WAITS, "1 approval from senior-developers")
    await short.merge(pull)
    assert await steps(short, sha256_hex(lax)) == []
    await short.says(await short.propose(), DENIED, UNRELEASED)


async def test_a_row_without_a_record_does_not_make_a_version_count(both: Played) -> None:
    other = policy(both, b"24h")
    both.push({POLICY_PATH: other}, branch="main", by="mallory")
    repository = both.github.world.repository(REPOSITORY).id
    forged = text(
        "INSERT INTO policy_versions (tenant, repository_id, base_ref, sha256, state, by, release_id, at)"
        " VALUES (:tenant, :repository, 'main', :sha256, 'adopted', 'token:x', '', 1)"
    )
    values = {"tenant": TENANT, "repository": repository, "sha256": sha256_hex(other)}
    await both.service.database.write(lambda tx: tx.run(forged, **values))
    await both.says(await both.propose(), DENIED, "no record tells of it")
    both.github.close_pull(REPOSITORY, 1, by="alice")


class Ruled(World):
    """The tenant has a rule for policies, and ``main`` no policy that counts."""

    def settings(self, github_url: str) -> Settings:
        found = super().settings(github_url)
        path = found.tenants[0].policy
        groups = b"groups: {owners: {members: [bob, carol]}}\n"
        path.write_bytes(path.read_bytes() + groups + b"rules:\n" + OWNERS_RULE)
        return found

    async def adopt(self, repository: str = REPOSITORY, branch: str = "main") -> None:
        """The stewards are away."""


async def test_where_no_policy_counts_the_tenants_rules_alone_judge_the_first(
    tmp_path: Path, github_key: rsa.RSAPrivateKey
) -> None:
    async for played in started(Ruled(tmp_path, github_key=github_key, change=False)):
        await played.says(await played.propose(), DENIED, UNRELEASED)
        first = policy(played, b"48h")
        pull = await propose(played, {POLICY_PATH: first}, "first")
        await played.says(pull, WAITS, "2 approvals from owners", "adds the rule model to production")
        await approve(played, pull)
        await played.says(pull, GREEN)
        await played.merge(pull)
        assert await steps(played, sha256_hex(first)) == ["released"]
        await played.says(await played.propose(played.files("3.3.0"), "next"), WAITS, without=UNRELEASED)
        await played.settled()


def including(played: Played, *entries: str) -> bytes:
    return policy(played) + f"include: [{', '.join(entries)}]\n".encode()


async def test_what_a_policy_includes_counts_with_it_and_only_as_it_was_pinned(short: Played) -> None:
    common = documents.lax_policy().replace(b"anything goes", b"dana too").replace(b"mallory", b"dana")
    shared = common.replace(b"dana", b"alice").replace(b"anybody", b"askers")
    short.github.create_repository("acme/governance", {"shared.yaml": shared})
    short.github.push(REPOSITORY, "main", {".github/common.yaml": documents.lax_policy()}, author="mallory")
    mine = f'{{path: .github/common.yaml, sha256: "{sha256_hex(common)}"}}'
    theirs = f'{{path: shared.yaml, sha256: "{sha256_hex(shared)}", repository: acme/governance, ref: main}}'
    await short.world.put_policy(including(short, mine, theirs))
    pull = await short.propose()
    await short.says(pull, DENIED, f"Expected .github/common.yaml to have the SHA-256 {sha256_hex(common)}, found")

    short.github.push(REPOSITORY, "main", {".github/common.yaml": common}, author="alice")
    await short.says(pull, WAITS, "1 approval from anybody", "1 approval from askers", "repository/dana too")
    lacking = including(short, theirs.replace("shared.yaml", "other.yaml").replace(sha256_hex(shared), "0" * 64))
    change = await propose(short, {POLICY_PATH: lacking}, "lacking")
    await short.says(change, DENIED, "Expected a file other.yaml with the SHA-256 000", without="came out")


async def test_two_stewards_adopt_from_the_command_line_what_they_were_shown(short: Played) -> None:
    other = policy(short, b"24h")
    short.push({POLICY_PATH: other}, branch="main", by="mallory")
    await short.settled()
    one, two = [await short.world.token(Permission.PEOPLE_MANAGE, name=name) for name in ("one", "two")]
    sha256 = sha256_hex(other)
    adopt_it = ("policy", "adopt", REPOSITORY, "--sha256", sha256, "--yes")
    code, said = await command(short, one, "policy", "adopt", REPOSITORY)
    assert (code, "expires: 24h" in said, sha256 in said) == (2, True, True), said
    assert (await command(short, one, "policy", "adopt", REPOSITORY, "--sha256", "0" * 64, "--yes"))[0] == 1
    code, said = await command(short, one, *adopt_it)
    assert (code, "This version is proposed. Now another steward" in said) == (1, True), said
    code, said = await command(short, one, *adopt_it)
    assert (code, "a second steward" in said) == (1, True), said
    code, said = await command(short, two, *adopt_it, "--json")
    assert (code, json.loads(said)["state"]) == (0, "adopted"), said
    code, said = await command(short, one, *adopt_it)
    assert (code, "This version counts: it was adopted." in said) == (0, True), said
    code, said = await command(short, one, "policy", "versions", REPOSITORY)
    told = [
        (row["base_ref"], row["state"], row["counts"])
        for row in json.loads(said)["versions"]
        if row["sha256"] == sha256
    ]
    assert (code, told) == (0, [("main", "proposed", False), ("main", "adopted", True)])


async def command(played: Played, token: str, *arguments: str) -> tuple[int, str]:
    environment = os.environ | {"COUNTERSIGN_URL": played.service.address, "COUNTERSIGN_TOKEN": token}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from app.cli.main import main; main()", *arguments, env=environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()
