"""Of the versions of a policy that counted on a branch only the newest does, and each branch has its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from app.db.tx import Tx
from app.doctor.model import Patient
from app.doctor.policies import counting
from app.sandbox import documents
from app.sandbox.world import REPOSITORY, World
from app.settings.model import Settings
from app.standing import watching
from app.tokens.model import Permission
from manifests.canonical import sha256_hex
from manifests.policy import POLICY_PATH
from tests.journey.conftest import started
from tests.journey.played import DENIED, GREEN, WAITS, Played
from tests.journey.test_policies import UNRELEASED, adopt, approve, policy, propose
from tests.rebuild import tampering

BRANCH = "stable"


class Branches(World):
    """The tenant lists two branches."""

    def settings(self, github_url: str) -> Settings:
        found = super().settings(github_url)
        found.tenants[0].policy.write_bytes(documents.tenant_policy(self.installation.id, ("main", BRANCH)))
        return found


@pytest.fixture
async def both(tmp_path: Path, github_key: rsa.RSAPrivateKey, new_url: Callable[[], str]) -> AsyncIterator[Played]:
    async for played in started(Branches(tmp_path, github_key=github_key, change=False, database_url=new_url())):
        yield played


async def past_the_check(played: Played, there: bytes, branch: str = "main") -> None:
    played.push({POLICY_PATH: there}, branch=branch, by="mallory")
    await played.settled()


async def adopted_by_two(played: Played, there: bytes) -> None:
    for name in ("one", "two"):
        await adopt(played, sha256_hex(there), await played.world.token(Permission.PEOPLE_MANAGE, name=name))


async def test_an_older_version_put_back_past_the_check_denies_until_two_adopt_it_again(
    both: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    lax, strict = policy(both, b"96h"), policy(both, b"24h")
    await both.world.put_policy(lax)
    await both.world.put_policy(strict)
    pull = await both.propose()
    await both.says(pull, WAITS, without=UNRELEASED)
    await both.settled()

    monkeypatch.setattr(watching, "GRACE_S", 0)
    await past_the_check(both, lax)
    await both.says(pull, DENIED, UNRELEASED, sha256_hex(lax), "does not make it count again", sha256_hex(strict))
    assert 'countersign_alarms_total{kind="policy"} 1.0' in both.service.metrics.exposition().decode()
    (found,) = await counting(Patient(both.world.settings(both.github.base_url), both.world.clock))
    assert (found.status, sha256_hex(lax) in found.summary) == ("problem", True)

    await past_the_check(both, strict)
    await both.says(pull, WAITS, without=UNRELEASED)
    await past_the_check(both, lax)
    await both.says(pull, DENIED, UNRELEASED)
    await adopted_by_two(both, lax)
    await both.says(pull, WAITS, without=UNRELEASED)
    await past_the_check(both, strict)
    await both.says(pull, DENIED, UNRELEASED)
    await both.settled()
    outcomes = [one.outcome for one in await both.records() if one.event == "policy.unreleased"]
    assert outcomes == ["unreleased", "mended"] * 2 + ["unreleased"]


async def test_what_counts_since_the_branch_was_looked_at_is_judged_by_before_its_push_is_heard_of(
    both: Played,
) -> None:
    await both.world.put_policy(policy(both))
    pull = await both.propose()
    await both.says(pull, WAITS, "1 approval from senior-developers")
    await both.settled()
    both.github.deliveries.pause()
    await both.world.put_policy(policy(both).replace(b"senior-developers, count: 1", b"senior-developers, count: 2"))
    both.service.runner.wake()
    await both.says(pull, WAITS, "2 approvals from senior-developers", without=UNRELEASED)
    both.github.deliveries.resume()


async def test_a_pull_request_brings_an_older_version_back(both: Played) -> None:
    before, since = policy(both, b"96h"), policy(both, b"24h")
    for number, there in enumerate((before, since, before)):
        if number == 0:
            await both.world.put_policy(policy(both))
        pull = await propose(both, {POLICY_PATH: there}, f"policy-{number}")
        await approve(both, pull)
        await both.says(pull, GREEN)
        await both.merge(pull)
        await both.next_second()
    await both.says(await both.propose(), WAITS, "1 approval from senior-developers", without=UNRELEASED)
    token = await both.world.token(Permission.PEOPLE_MANAGE)
    _, told = await both.call("GET", f"/api/v1/policies/versions?repository={REPOSITORY}", token=token)
    steps = [(row["sha256"], row["counts"]) for row in told["versions"] if row["state"] == "released"]
    assert steps == [(sha256_hex(before), False), (sha256_hex(since), False), (sha256_hex(before), True)]


async def test_each_branch_has_versions_of_its_own(both: Played) -> None:
    both.push({"README.md": b"# Stable\n"}, BRANCH)
    pull = await both.propose(base=BRANCH)
    await both.says(pull, DENIED, UNRELEASED, f"no version was ever released or adopted for {BRANCH}")
    await both.world.adopt(branch=BRANCH)
    await both.says(pull, WAITS, without=UNRELEASED)

    other = policy(both, b"24h")
    await both.world.put_policy(other, branch=BRANCH)
    await past_the_check(both, other)
    await both.says(await both.propose(branch="elsewhere"), DENIED, f"{UNRELEASED} on main")
    both.comment(pull, "bob", "/hold")
    await both.says(pull, DENIED, "hold", without=UNRELEASED)


FORGED = {
    "the newest is deleted": "DELETE FROM policy_versions WHERE sha256 = :strict",
    "the newest is said to be the older one": (
        "UPDATE policy_versions SET sha256 = :lax, at = at + 1 WHERE sha256 = :strict"
    ),
    "the newest is moved to another branch": "UPDATE policy_versions SET base_ref = 'x' WHERE sha256 = :strict",
    "the older one is adopted again": (
        "INSERT INTO policy_versions (tenant, repository_id, base_ref, sha256, state, by, release_id, at)"
        " SELECT tenant, repository_id, base_ref, sha256, state, by, release_id, at + 900000000 FROM policy_versions"
        " WHERE sha256 = :lax"
    ),
}


@pytest.mark.parametrize("sql", FORGED.values(), ids=FORGED)
async def test_who_writes_into_the_table_brings_no_older_version_back(both: Played, sql: str) -> None:
    lax, strict = policy(both, b"96h"), policy(both, b"24h")
    await both.world.put_policy(lax)
    await both.world.put_policy(strict)
    names = {"lax": sha256_hex(lax), "strict": sha256_hex(strict)}

    def forge(tx: Tx) -> None:
        tampering.unguard(tx, both.service.database.dialect)
        assert tx.run(text(sql), **{key: value for key, value in names.items() if f":{key}" in sql}).rowcount

    await both.service.database.write(forge)
    await past_the_check(both, lax)
    await both.says(await both.propose(), DENIED, "counts for nothing while the table and the log differ")
    one = await both.world.token(Permission.PEOPLE_MANAGE, name="one")
    assert (await adopt(both, sha256_hex(lax), one, 409))["code"] == "policy.differs"
    both.github.close_pull(REPOSITORY, 1, by="alice")
