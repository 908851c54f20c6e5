"""Breaking the glass and looking back on it: who may sign that, and what a comment has to do with it."""

from __future__ import annotations

import re
import shlex
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.sandbox.shell import Done, Shell
from tests.journey.glass import INCIDENT, REASON, REPOSITORY, Scene, scene
from tests.signatures.around import altered, known, prepare, read, served
from tests.signatures.test_delegating import shown, until_shown

HOUR = 3_600_000_000


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as found:
        yield found


async def run(scene: Scene, *words: str) -> Done:
    stage = scene.stage
    return await Shell(stage.service.address, stage.folder).countersign(*words, "--yes", token=stage.token("reader"))


async def test_the_answer_to_a_comment_is_the_line_that_breaks_the_glass(
    tmp_path: Path, new_url: Callable[[], str]
) -> None:
    async with scene(tmp_path, new_url()) as found:
        stage = found.stage
        stage.say("mallory", f"/break-glass {stage.pull.head_sha} production\n{INCIDENT}: {REASON}")
        await until_shown(stage, "A comment breaks no glass")
        told = shown(stage)
        assert "2 different people of risk-managers or senior-developers" in told
        assert "For 4 hours from the first on, it waives approvals, change, evidence" in told
        assert "Somebody of leads has to review it afterwards" in told
        assert not await stage.grants()
        (line,) = re.findall(r"`countersign (break-glass [^`]+)`", found.played.ours(found.pull)[0].body)
        words = shlex.split(line)
        assert words[-2] == "--key"
        for who in ("bob", "carol"):
            done = await run(found, *words[:-1], str(found.keys[who].path))
            assert done.code == 0, done
            assert "BREAK THE GLASS" in done.err
        await stage.until_outcome("allow")
        consents = [grant.consent for grant in await stage.grants()]
        assert {(one.decision, one.incident, one.reason, one.strength) for one in consents} == {
            ("break-glass", INCIDENT, "why it cannot wait", "personal")
        }
        assert all(one.not_after - one.issued_at == 4 * HOUR for one in consents)


async def test_a_comment_that_does_not_fit_is_answered_with_one_that_would(small: Scene) -> None:
    stage, head = small.stage, small.pull.head_sha
    for body, answer in (
        ("/break-glass", f"Paste /break-glass {head} production, and INC0012345"),
        (f"/break-glass {head} production", "needs the number of the incident"),
        (f"/break-glass {'0' * 40} production\n{INCIDENT}", f"Look again, then paste /break-glass {head} production"),
        (f"/break-glass {head} moon\n{INCIDENT}", "moon is no environment of this release"),
    ):
        stage.say("bob", body)
        await until_shown(stage, answer)
    assert not await stage.grants()


@pytest.mark.parametrize(
    ("who", "more", "code"),
    [
        ("bob", {}, "statement.incident"),
        ("bob", {"incident": "soon"}, "statement.incident"),
        ("bob", {"incident": f"{INCIDENT} x"}, "statement.incident"),
        ("bob", {"incident": INCIDENT, "reason": " "}, "statement.reason"),
        ("bob", {"incident": INCIDENT, "environment": "moon"}, "statement.environment"),
        ("alice", {"incident": INCIDENT}, "statement.had_a_hand"),
        ("mallory", {"incident": INCIDENT}, "statement.not_a_member"),
    ],
)
async def test_no_statement_to_break_the_glass_is_served_that_could_not_count(
    small: Scene, who: str, more: dict[str, str], code: str
) -> None:
    if who not in small.keys:
        await known(small.stage, who)
        small.keys[who] = await small.stage.enrolled(who)
    assert (await prepare(small.stage, small.keys[who], "break-glass", **{"reason": REASON, **more})).code == code


async def test_a_glass_is_broken_for_no_longer_and_nowhere_else_than_was_served(small: Scene) -> None:
    key, stage = small.keys["bob"], small.stage
    payload = await served(stage, key, "break-glass", incident=INCIDENT, reason=REASON)
    of = read(payload).predicate
    for fields, code in (
        ({"not_after": of.not_after + 1}, "statement.differs"),
        ({"environments": ("staging",)}, "statement.environment"),
        ({"groups": ("leads",)}, "statement.differs"),
        ({"incident": "soon"}, "statement.incident"),
    ):
        other = altered(payload, **fields)
        assert (await stage.submit(other, key.sign(other), reason=REASON)).code == code
    assert (await stage.submit(payload, key.sign(payload), reason="another")).code == "statement.differs"
    assert (await stage.submit(payload, key.sign(payload), reason=REASON)).status == 201
    assert (await stage.submit(payload, key.sign(payload), reason=REASON)).body["repeated"]
    again = altered(payload, incident="INC0099999")
    assert (await stage.submit(again, key.sign(again), reason=REASON)).code == "statement.replayed"


async def test_a_glass_is_broken_for_one_head_of_an_open_pull_request_until_it_is_taken_back(small: Scene) -> None:
    stage, github = small.stage, small.stage.world.github
    await small.broken()
    await stage.until_outcome("allow")
    stage.say("bob", "/revoke")
    await stage.until_outcome("wait")
    await stage.next_second()
    await small.broken("bob")
    await stage.until_outcome("allow")
    head = small.pull.head_sha
    github.push(REPOSITORY, "release", {"README.md": b"# Other\n"}, author="alice")
    github.force_push(REPOSITORY, "release", head, pusher="alice")
    await stage.until_outcome("wait")
    assert {grant.void_reason for grant in await stage.grants()} == {
        "the person revoked it", f"a push replaced {head[:12]}"
    }  # fmt: skip


async def test_somebody_else_looks_back_with_their_own_key(small: Scene) -> None:
    _, glass = await small.used()
    stage = small.stage
    await known(stage, "mallory")
    small.keys["mallory"] = await stage.enrolled("mallory")
    for who, code in (("bob", "statement.own_glass"), ("mallory", "statement.not_a_member")):
        assert (await prepare(stage, small.keys[who], "review", glass=glass, reason=REASON)).code == code
    missing = await prepare(stage, small.keys["dana"], "review", glass="0" * 32, reason=REASON)
    assert (missing.status, missing.code) == (404, "glass.unknown")
    assert (await prepare(stage, small.keys["dana"], "review", glass=glass)).code == "statement.reason"
    words = ("review-glass", glass, "--key", str(small.keys["dana"].path), "--reason", "It was right.")
    done = await run(small, *words)
    assert done.code == 0, done
    assert "REVIEW THE BROKEN GLASS" in done.err
    assert glass in done.err
    await small.played.settled()
    assert [one["state"] for one in await small.glasses()] == ["reviewed"]
    assert (await run(small, *words)).code == 3
