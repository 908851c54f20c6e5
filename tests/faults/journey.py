"""One release from pull request to closed change, as people and a pipeline play it, and what is left of it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from app.clock import now
from app.keys import files
from app.sandbox.world import REPOSITORY
from app.verification.verify import verify
from tests.faults.running import Stage, until

MODEL = "releases/intraday/policy.json"
_OWN = (
    (re.compile(r"[0-9a-f]{12,64}"), "<digest>"),
    (re.compile("[0-9a-f]{6}\u200b[0-9a-f]"), "<digest>"),
    (re.compile(r"\d{4}\\?-\d\d\\?-\d\d \d\d\\?:\d\d(\\?:\d\d)? UTC"), "<time>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<address>"),
)
"""What differs between any two journeys."""


class Picture(msgspec.Struct, frozen=True):
    """The end of a journey, without what differs between any two: ids, times, and what may come in any order (the
    change is opened while people approve)."""

    check: tuple[str, str, str]
    comment: str
    changes: tuple[Any, ...]
    grants: tuple[tuple[str, str], ...]
    once: dict[str, int]
    stages: tuple[str, ...]


Deploy = Callable[[Stage, str, bytes], Awaitable[None]]


class Played(NamedTuple):
    number: int
    head: str
    merged: str


async def play(stage: Stage, deploy: Deploy) -> Played:
    """Until the change is closed and nothing is left to do."""
    github = stage.github
    release = stage.world.release_files()
    github.push(REPOSITORY, "release-3.2.0", release, author="alice")
    pull = github.open_pull(REPOSITORY, "release-3.2.0", author="alice", title="Release 3.2.0")
    await until(lambda: pull.comments, "the comment")
    github.comment(REPOSITORY, pull.number, by="bob", body=f"/approve {pull.head_sha} production")
    github.review(REPOSITORY, pull.number, by="carol", state="APPROVED")
    await _approve_change(stage)
    await until(lambda: _green(stage, pull.head_sha), "a green check that knows of the scheduled change")
    merged = github.merge_pull(REPOSITORY, pull.number, by="bob", method="squash")
    await deploy(stage, merged.sha, release[MODEL])
    await until(lambda: [c for c in stage.servicenow.changes() if c.state == "closed"], "the closed change")
    await settled(stage)
    return Played(pull.number, pull.head_sha, merged.sha)


async def settled(stage: Stage) -> None:
    """Every delivery arrived and was worked on, nothing is due, every effect was seen to happen."""

    async def idle() -> bool:
        await stage.github.settle()
        open_work = await stage.rows("SELECT key FROM work")
        effects = await stage.rows("SELECT key FROM effects WHERE wanted <> done")
        deliveries = await stage.rows("SELECT id FROM deliveries WHERE status = 'new'")
        return not open_work and not effects and not deliveries

    await until(idle, "an end of all work")


def _green(stage: Stage, sha: str) -> bool:
    runs = stage.github.checks(REPOSITORY, sha)
    return bool(runs) and runs[-1].conclusion == "success" and "scheduled" in str(runs[-1].summary)


async def _approve_change(stage: Stage) -> None:
    await until(lambda: _asked(stage, "erin"), "a change that asks erin")
    # ServiceNow keeps whole seconds: an approval within the second of the last change is taken for an older one.
    await asyncio.sleep(1.02 - time.time() % 1)
    for who in ("erin", "frank"):
        await until(lambda who=who: _asked(stage, who), f"a change that asks {who}")  # type: ignore[misc]
        for number in _asked(stage, who):
            stage.servicenow.decide_change(number, who, "approved")


def _asked(stage: Stage, who: str) -> list[str]:
    changes = stage.servicenow.changes()
    return [c.number for c in changes if any(a.approver == who and a.state == "requested" for a in c.approvals)]


async def by_protection_rule(stage: Stage, commit: str, model: bytes) -> None:
    """GitHub asks before a job with an environment goes on."""
    run, deployment = stage.github.start_deployment(REPOSITORY, "production", by="bob")
    await until(lambda: run.answers, "an answer to the protection rule")
    assert [answer.state for answer in run.answers] == ["approved"]
    stage.github.finish_deployment(REPOSITORY, deployment.id)


async def by_pipeline(stage: Stage, commit: str, model: bytes) -> None:
    """A pipeline asks, uses the answer up, deploys and reports."""
    subject = {"name": "policy.json", "digest": {"sha256": hashlib.sha256(model).hexdigest()}}
    question = {
        "environment": "production", "repository": REPOSITORY, "commit": commit, "subjects": [subject],
    }  # fmt: skip
    answers: list[Any] = []

    async def allowed() -> bool:
        status, answer, _ = await stage.ask("POST", "/api/v1/decisions", question)
        answers.append(answer)
        return status == 200 and answer["decision"] == "allow"

    try:
        await until(allowed, "an allow")
    except AssertionError as error:
        raise AssertionError(f"{error}; answered last: {answers[-1]}") from error
    path = f"/api/v1/decisions/{answers[-1]['decision_id']}"
    status, answer, lost = await stage.ask("POST", f"{path}/redemption", {})
    assert status == 200 or (lost and answer["code"] == "decision.redeemed"), answer
    status, answer, _ = await stage.ask("POST", f"{path}/outcome", {"outcome": "success"})
    assert status == 200, answer


async def picture(stage: Stage, played: Played) -> Picture:
    """What everybody sees in the end. Fails when anything was done twice."""
    run = stage.github.checks(REPOSITORY, played.head)[-1]
    comments = [c for c in stage.github.pull(REPOSITORY, played.number).comments if c.author.type == "Bot"]
    assert len(comments) == 1
    no_doubles(stage, played)
    events = await stage.rows("SELECT event, trace_id FROM records WHERE log = 'acme' ORDER BY seq")
    trace = [event for event, trace_id in events if len(trace_id) == 32]
    counts = Counter(trace)
    grants = await stage.rows("SELECT decision, path FROM grants ORDER BY decision, path")
    return Picture(
        check=(str(run.conclusion), str(run.title), plain(str(run.summary))),
        comment=plain(comments[0].body),
        changes=tuple(
            (c.state, c.close_code, tuple((a.approver, a.state) for a in c.approvals), c.attachments[0][:12],
             len(c.attachments), len(c.work_notes))
            for c in stage.servicenow.changes()
        ),
        grants=tuple((str(decision), str(path)) for decision, path in grants),
        once={event: counts[event] for event in ONCE},
        stages=tuple(dict.fromkeys(event for event in trace if event in ONCE and event != "change.opened")),
    )  # fmt: skip


def plain(text: str) -> str:
    for pattern, instead in _OWN:
        text = pattern.sub(instead, text)
    return text


ONCE = (
    "release.proposed", "change.opened", "grant.recorded", "decision.redeemed", "deployment.recorded", "change.closed",
    "grant.voided", "release.closed",
)  # fmt: skip


def no_doubles(stage: Stage, played: Played) -> None:
    """No check run says again what the one before it said."""
    runs = [run.external_id for run in stage.github.checks(REPOSITORY, played.head)]
    assert all(one != other for one, other in pairwise(runs)), runs


def verified(stage: Stage) -> tuple[object, ...]:
    """What an auditor finds wrong with the log. Blocks."""
    keys = files.load(stage.world.settings("http://127.0.0.1").keys)
    return verify(stage.url, [keys.log.public], clock=now, thorough=True).findings
