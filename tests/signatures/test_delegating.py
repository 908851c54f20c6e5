"""People let others act for them: by whom, for whom, where and how long; by comment and with a key of their own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.clock import now
from app.sandbox.outsiders import unescaped
from app.sandbox.shell import Shell
from app.sandbox.world import REPOSITORY
from gates.words import instant
from manifests.statement import DelegationTerms
from manifests.times import to_rfc3339
from tests.signatures.around import altered, attested, delegable, known, prepare, read, served, signed
from tests.signatures.stage import Stage

DAY = 86_400_000_000


@contextlib.asynccontextmanager
async def started(folder: Path, **more: Any) -> AsyncIterator[Stage]:
    stage = Stage(folder, **more)
    try:
        await stage.start()
        yield stage
    finally:
        await stage.world.stop()


def shown(stage: Stage) -> str:
    """Countersign's comment as people read it."""
    ours = [comment for comment in stage.pull.comments if comment.author.login == "countersign[bot]"]
    return unescaped(ours[0].body) if ours else ""


async def until_shown(stage: Stage, fragment: str) -> None:
    async def there() -> bool:
        return fragment in shown(stage)

    await stage.until(there)


async def delegations(stage: Stage) -> list[tuple[str, str | None]]:
    found = [grant for grant in await stage.grants() if grant.consent.decision == "delegate"]
    return [(grant.id, grant.void_reason) for grant in found]


async def test_who_is_named_approves_in_ones_place(tmp_path: Path, database_url: str) -> None:
    async with started(tmp_path, amend=delegable, database_url=database_url) as stage:
        await known(stage, "mallory")
        carols, mallorys = await stage.enrolled("carol"), await stage.enrolled("mallory")
        assert (await prepare(stage, mallorys, "approve")).code == "statement.not_a_member"
        words = ("delegate", stage.release, "--to", "@mallory", "-e", "production", "--key", str(carols.path))
        shell = Shell(stage.service.address, stage.folder)
        tried = await shell.countersign(*words, "--dry-run", token=stage.token("reader"))
        assert (tried.code, "LET SOMEBODY ELSE ACT FOR YOU" in tried.out, await delegations(stage)) == (0, True, [])
        assert "mallory may act for you in this release" in tried.out
        done = await shell.countersign(*words, "--for", "1d", "--yes", token=stage.token("reader"))
        assert done.code == 0, done
        assert "Recorded: delegate for production" in done.out
        stage.bob_approves()
        assert (await stage.approve(mallorys)).status == 201
        await stage.until_outcome("allow")
        stage.say("carol", "/revoke")
        await stage.until_outcome("wait")
        assert [why for _, why in await delegations(stage)] == ["the person revoked it"]


async def test_a_comment_delegates_where_the_seat_takes_the_platforms_word(
    tmp_path: Path, new_url: Callable[[], str]
) -> None:
    async with started(tmp_path, amend=attested, database_url=new_url()) as stage:
        stage.bob_approves()
        stage.say("carol", "/delegate @Mallory production for 8h\nI am on a train.")
        await until_shown(stage, "Recorded for production")
        (grant,) = [grant for grant in await stage.grants() if grant.consent.decision == "delegate"]
        consent = grant.consent
        assert consent.delegation is not None
        assert (consent.groups, consent.environments, consent.reason) == (
            ("risk-managers",), ("production",), "I am on a train."
        )  # fmt: skip
        assert consent.not_after - consent.issued_at == 8 * 3600 * 1_000_000
        assert f"may act for you in this pull request until {instant(consent.not_after)}" in shown(stage)
        assert await stage.resources("grant.refused") == []
        stage.say("mallory", f"/approve {stage.pull.head_sha} production")
        await stage.until_outcome("allow")
        comment = next(one for one in stage.pull.comments if one.body.startswith("/delegate"))
        stage.world.github.edit_comment(REPOSITORY, comment.id, by="carol", body="/delegate @mallory production")
        await stage.until_outcome("wait")
        assert await delegations(stage) == [(grant.id, "the comment was edited")]


async def test_a_rejection_takes_a_delegation_back_too(tmp_path: Path) -> None:
    async with started(tmp_path, amend=attested) as stage:
        stage.say("carol", "/delegate @mallory production")
        await until_shown(stage, "Recorded for production")
        await stage.next_second()
        stage.say("carol", "/reject\nNo.")
        await stage.until_outcome("deny")
        assert [why for _, why in await delegations(stage)] == ["the person rejected the release since"]


async def test_a_new_delegation_to_the_same_person_takes_the_place_of_the_older(tmp_path: Path) -> None:
    async with started(tmp_path, amend=attested) as stage:
        for end in ("2d", "1h"):
            stage.say("carol", f"/delegate @mallory production for {end}")
            await stage.next_second()

        async def twice() -> bool:
            return len(await delegations(stage)) == 2

        await stage.until(twice)
        assert [why for _, why in await delegations(stage)] == ["the same person delegated anew since", None]


REFUSED = [
    ("carol", "/delegate @nobody production", "found a login that no account has"),
    ("carol", "/delegate @carol production", "found yourself"),
    ("carol", "/delegate @alice production", "found somebody who asked for this release (opened the"),
    ("carol", "/delegate @robot production", "found the account of a Bot"),
    ("carol", "/delegate @machine production", "found an account that no human uses by hand"),
    ("carol", "/delegate @dana production until 2020-01-01", "expected an end that is still to come"),
    ("carol", "/delegate @dana moon", "moon is no environment of this release"),
    ("carol", "/delegate dana production", "Paste /delegate @login production for 1d"),
    ("mallory", "/delegate @dana production", "expected a member of risk-managers or senior-developers"),
    ("alice", "/delegate @dana production", "found you, who asked for this release (opened the"),
]


async def test_a_delegation_that_cannot_be_is_refused_and_answered(tmp_path: Path) -> None:
    async with started(tmp_path, amend=attested, machines=("machine",)) as stage:
        github = stage.world.github
        github.create_user("robot", kind="Bot")
        github.create_user("machine")
        for who, line, answer in REFUSED:
            stage.say(who, line)
            await until_shown(stage, answer)
        assert await delegations(stage) == []


async def test_where_a_seat_asks_for_a_key_or_no_rule_lets_people_delegate_a_comment_does_not(tmp_path: Path) -> None:
    for number, (amend, answer) in enumerate(
        ((delegable, "Sign it with countersign delegate"), (str, "expected rules for production that all let"))
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with started(folder, amend=amend) as stage:
            stage.say("carol", "/delegate @mallory production")
            await until_shown(stage, answer)
            assert await delegations(stage) == []


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with started(tmp_path, amend=delegable) as found:
        found.world.github.create_user("robot", kind="Bot")
        yield found


@pytest.mark.parametrize(
    ("who", "more", "code"),
    [
        ("carol", {"to": "nobody"}, "statement.delegate"),
        ("carol", {"to": "carol"}, "statement.delegate"),
        ("carol", {"to": "alice"}, "statement.delegate"),
        ("carol", {"to": "robot"}, "statement.delegate"),
        ("carol", {}, "statement.delegate"),
        ("carol", {"to": "dana", "until": "2020-01-01T00:00:00Z"}, "statement.until"),
        ("carol", {"to": "dana", "until": "tomorrow"}, "time.unreadable"),
        ("carol", {"to": "dana", "environment": "moon"}, "statement.environment"),
        ("alice", {"to": "dana"}, "statement.had_a_hand"),
        ("mallory", {"to": "dana"}, "statement.not_a_member"),
    ],
)
async def test_nothing_is_served_that_could_not_count(stage: Stage, who: str, more: dict[str, str], code: str) -> None:
    await known(stage, who)
    assert (await prepare(stage, await stage.enrolled(who), "delegate", **more)).code == code


async def test_a_delegation_never_lasts_longer_than_the_rule_lets_it(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    far = to_rfc3339(now() + 30 * DAY)
    payload = await served(stage, key, "delegate", to="dana", until=far)
    of = read(payload).predicate
    assert of.not_after - of.issued_at == 3 * DAY
    longer = altered(payload, not_after=of.not_after + 1)
    refused = await stage.submit(longer, key.sign(longer))
    assert (refused.code, refused.body["expected"].startswith("not_after")) == ("statement.differs", True)


async def test_what_was_served_for_one_is_not_taken_for_another(stage: Stage) -> None:
    await known(stage, "mallory")
    key = await stage.enrolled("carol")
    payload = await served(stage, key, "delegate", to="mallory")
    terms = read(payload).predicate.delegation
    assert terms is not None
    others = [
        msgspec.structs.replace(terms, person="e" * 32),
        msgspec.structs.replace(terms, starts_at=terms.starts_at - 1),
        DelegationTerms("e" * 32, "github:1", terms.starts_at, "release"),
    ]
    for other in others:
        changed = altered(payload, delegation=other)
        assert (await stage.submit(changed, key.sign(changed))).code in ("statement.differs", "statement.delegate")
    assert (await stage.submit(payload, key.sign(payload))).status == 201
    wider = altered(payload, delegation=msgspec.structs.replace(terms, scope="repository"))
    assert (await stage.submit(wider, key.sign(wider))).code == "statement.replayed"
    assert len(await delegations(stage)) == 1


async def test_who_acts_for_somebody_does_not_hand_that_on(stage: Stage) -> None:
    await known(stage, "mallory")
    assert (await signed(stage, await stage.enrolled("carol"), "delegate", to="mallory")).status == 201
    again = await prepare(stage, await stage.enrolled("mallory"), "delegate", to="dana")
    assert again.code == "statement.not_a_member"
