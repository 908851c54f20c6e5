"""Deadlines: those who are asked are reminded, once for each instant, and in the end others are told."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from app.clock import SECOND, now
from app.db.tx import Tx
from app.sandbox import documents
from app.sandbox.world import REPOSITORY, World
from app.service import open_service
from app.work import store as work
from integrations.github.simulator.faults import Fault
from integrations.github.simulator.model import Pull
from integrations.github.simulator.server import GitHubSimulator
from integrations.servicenow.simulator import ServiceNowSimulator
from tests.journey.played import GREEN, WAITS, Played

MINUTE, HOUR = 60, 3600
DEADLINE = "    deadline: {within: 4h, remind: [1h, 2h], escalate: [leads]}\n"
MANY = 100_000
_AGAIN = text("UPDATE effects SET done = '', payload = :payload WHERE key LIKE 'remind/%'")


class Waiting:
    """A release whose rule sets a deadline. ``ahead`` seconds are added to everybody's clock."""

    def __init__(self, folder: Path, key: rsa.RSAPrivateKey, url: str) -> None:
        self.ahead = 0
        world = World(folder, github_key=key, change=False, database_url=url, clock=self.clock)
        world.github = GitHubSimulator(clock=self.clock)
        world.servicenow = ServiceNowSimulator(world.servicenow.settings, clock=self.clock)
        self.told: list[tuple[str, str]] = []
        self.played = Played(world)

    def clock(self) -> int:
        return now() + self.ahead * SECOND

    async def start(self) -> None:
        world = self.played.world
        service = await world.start()
        service.metrics.on_alarm = lambda kind, said: self.told.append((kind, said))
        policy = documents.policy(world.training, world.testing, world.alice, change=False).decode()
        policy = policy.replace("groups:\n", "groups:\n  leads: {members: [dana]}\n", 1)
        await world.put_policy((policy + DEADLINE).encode())

    async def later(self, seconds: int) -> None:
        """Until what was due by then is done; a minute may have passed since the head came."""
        self.ahead += seconds
        self.played.service.runner.wake()
        await self.played.settled()

    def said(self, pull: Pull, fragment: str) -> list[str]:
        return [comment.body for comment in self.played.ours(pull) if fragment in comment.body]

    def counts(self, pull: Pull) -> tuple[int, int]:
        """Reminders and escalations on the pull request."""
        return len(self.said(pull, "**Reminder**")), len(self.said(pull, "**The deadline has passed**"))

    async def events(self) -> list[str]:
        wanted = ("release.reminded", "release.escalated", "grant.refused")
        return [record.event for record in await self.played.records() if record.event in wanted]


@pytest.fixture
async def waiting(tmp_path: Path, github_key: rsa.RSAPrivateKey, new_url: Callable[[], str]) -> AsyncIterator[Waiting]:
    found = Waiting(tmp_path, github_key, new_url())
    try:
        await found.start()
        yield found
    finally:
        await found.played.close()
        await found.played.world.stop()


async def test_groups_are_reminded_once_for_each_instant_though_everything_is_told_twice(waiting: Waiting) -> None:
    waiting.played.github.double_next(MANY)
    pull = await waiting.played.propose()
    await waiting.played.settled()
    assert waiting.counts(pull) == (0, 0)
    for hours, expected in ((1, (1, 0)), (1, (2, 0)), (2, (2, 1))):
        await waiting.later(hours * HOUR)
        assert waiting.counts(pull) == expected
        waiting.played.comment(pull, "bob", "/recheck")
        await waiting.played.settled()
        assert waiting.counts(pull) == expected
    reminder, escalation = waiting.said(pull, "**Reminder**")[0], waiting.said(pull, "has passed**")[0]
    assert "@acme/senior-developers" in reminder
    assert "@acme/risk" in reminder
    assert "leads" in escalation
    assert not re.search(r"bob|carol|dana|alice", reminder + escalation)
    events = await waiting.events()
    assert [event for event in events if event != "grant.refused"] == [*["release.reminded"] * 2, "release.escalated"]
    assert events.count("grant.refused") == 3, (
        "bob's own commands were answered, and no comment of ours was taken for one"
    )
    assert [(kind, said[:3]) for kind, said in waiting.told] == [("deadline", "P3:")]


async def test_only_groups_that_are_still_missing_are_reminded_and_nobody_once_all_have_approved(
    waiting: Waiting,
) -> None:
    pull = await waiting.played.propose()
    await waiting.played.approve(pull, "bob")
    await waiting.later(HOUR)
    (reminder,) = waiting.said(pull, "**Reminder**")
    assert "@acme/risk" in reminder
    assert "senior-developers" not in reminder
    await waiting.played.approve(pull, "carol")
    await waiting.played.says(pull, GREEN)
    await waiting.later(3 * HOUR)
    assert waiting.counts(pull) == (1, 0)


async def test_what_was_missed_is_told_once_and_not_in_a_burst(waiting: Waiting) -> None:
    pull = await waiting.played.propose()
    await waiting.later(5 * HOUR)
    assert waiting.counts(pull) == (0, 1)
    assert await waiting.events() == ["release.escalated"]


async def test_a_new_head_and_a_closed_pull_request_are_not_reminded_of_the_old_one(waiting: Waiting) -> None:
    pull = await waiting.played.propose()
    await waiting.later(59 * MINUTE)
    manifest = "releases/intraday/release.yaml"
    files = waiting.played.files()
    waiting.played.push({**files, manifest: files[manifest].replace(b"ten minutes", b"two minutes")})
    await waiting.played.prompted(pull)
    await waiting.later(30 * MINUTE)
    assert waiting.counts(pull) == (0, 0)
    await waiting.later(30 * MINUTE)
    assert waiting.counts(pull) == (1, 0)
    waiting.played.github.close_pull(REPOSITORY, pull.number, by="alice")
    await waiting.later(4 * HOUR)
    assert waiting.counts(pull) == (1, 0)


async def test_a_reminder_whose_posting_was_not_written_down_is_not_posted_again(waiting: Waiting) -> None:
    pull = await waiting.played.propose()
    database = waiting.played.service.database
    waiting.played.github.faults.add(
        Fault("POST", re.compile(r"/issues/\d+/comments"), commit_first=True, drop=True, times=1)
    )
    await waiting.later(HOUR)
    await waiting.played.until(lambda: waiting.counts(pull), lambda found: found != (0, 0), "a reminder")
    repository = waiting.played.github.world.repository(REPOSITORY).id

    def again(tx: Tx) -> None:
        body = b'{"body":"**Reminder** twice","kind":"deadline"}'
        assert tx.run(_AGAIN, payload=body).rowcount == 1
        work.mark(tx, f"notice/{repository}/{pull.number}", waiting.clock())

    await waiting.played.settled()
    await database.write(again)
    waiting.played.service.runner.wake()
    await waiting.played.settled()
    assert waiting.counts(pull) == (1, 0)


async def test_a_reminder_that_could_not_be_posted_is_dropped_once_nobody_is_waited_for(waiting: Waiting) -> None:
    pull = await waiting.played.propose()
    fault = Fault("POST", re.compile(r"/issues/\d+/comments"), status=502, times=MANY)
    waiting.played.github.faults.add(fault)
    waiting.ahead += HOUR
    await waiting.played.until(lambda: fault.times, lambda left: left < MANY, "a refused comment")
    await waiting.played.approve(pull)
    await waiting.played.says(pull, GREEN)
    waiting.played.github.faults.clear()
    await waiting.later(30 * MINUTE)
    assert waiting.counts(pull) == (0, 0)


async def test_two_replicas_remind_once(tmp_path: Path, github_key: rsa.RSAPrivateKey, postgres_url: str) -> None:
    waiting = Waiting(tmp_path, github_key, postgres_url)
    await waiting.start()
    world = waiting.played.world
    other = await open_service(world.settings(world.github.base_url), clock=waiting.clock)
    await other.start(sweep=False)
    try:
        pull = await waiting.played.propose()
        waiting.ahead += HOUR
        key = f"pull/{world.github.world.repository(REPOSITORY).id}/{pull.number}"
        for _ in range(10):
            await other.database.write(lambda tx: work.mark(tx, key, waiting.clock()))
            for service in (waiting.played.service, other):
                service.runner.wake()
            await waiting.played.settled()
        assert waiting.counts(pull) == (1, 0)
        assert await waiting.events() == ["release.reminded"]
        await waiting.played.says(pull, WAITS)
    finally:
        await other.stop()
        await waiting.played.close()
        await world.stop()
