"""What people do in a journey, and waiting for what Countersign makes of it. Nothing here measures time."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import aiohttp
import msgspec
from sqlalchemy import text

from app.pulls import store as pulls
from app.sandbox import documents
from app.sandbox.outsiders import unescaped
from app.sandbox.world import REPOSITORY, TENANT, World
from app.service import Service
from app.tokens.model import Permission
from app.work import store as work
from gates.model import Verdict
from integrations.github.simulator.model import CheckRun, Comment, Pull
from integrations.servicenow.simulator.view import ChangeView
from manifests.record import Record, parse

T = TypeVar("T")
PATIENCE_S = 40.0
WAITS, DENIED, GREEN = "action_required", "failure", "success"
BRANCH = "release-3.2.0"


class Answer(msgspec.Struct, frozen=True):
    """The gate's answer as far as tests look at it."""

    decision: str
    decision_id: str
    verdict: Verdict
    attestation: Any = None

    def text(self) -> str:
        return str(self.verdict.results)


class Played:
    """One world and those who act in it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.github = world.github
        self.servicenow = world.servicenow
        self._http: aiohttp.ClientSession | None = None
        self._token = ""

    @property
    def service(self) -> Service:
        assert self.world.service is not None
        return self.world.service

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    # Waiting

    async def until(self, read: Callable[[], T], good: Callable[[T], bool], what: str) -> T:
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE_S
        while not good(found := read()):
            assert loop.time() < end, f"expected {what}, found {found}"
            await asyncio.sleep(0.02)
        return found

    async def settled(self) -> None:
        """Every delivery answered, every piece of work done that is due."""
        while True:
            await self.github.settle()
            due = await self.service.database.read(lambda tx: work.count_due(tx, self.world.clock()))
            if not due and self.service.runner.idle:
                return
            await asyncio.sleep(0.02)

    async def next_second(self) -> None:
        """GitHub and ServiceNow date what people do to the second; in the same second, withholding wins."""
        await asyncio.sleep(1.01 - self.world.clock() % 1_000_000 / 1_000_000)

    # GitHub

    def files(self, version: str = "3.2.0", **named: Any) -> dict[str, bytes]:
        return self.world.release_files(version, **named)

    def push(self, files: Mapping[str, bytes], branch: str = BRANCH, by: str = "alice", **more: Any) -> str:
        return self.github.push(REPOSITORY, branch, files, author=by, **more).sha

    async def propose(
        self, files: Mapping[str, bytes] | None = None, branch: str = BRANCH, by: str = "alice", **more: Any
    ) -> Pull:
        """A pull request with these files (default: a good release), once Countersign's comment asks for approvals."""
        self.push(self.files() if files is None else files, branch, by)
        pull = self.github.open_pull(REPOSITORY, branch, author=by, **more)
        await self.prompted(pull)
        return pull

    async def prompted(self, pull: Pull) -> None:
        """Once the comment of the present head is known to be shown, so that reviews count."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE_S
        repository = self.github.world.repository(REPOSITORY).id
        while True:
            shown = await self.service.database.read(lambda tx: pulls.prompts(tx, repository, pull.number))
            if any(prompt.head_sha == pull.head_sha for prompt in shown):
                return
            assert loop.time() < end, f"expected a prompt for {pull.head_sha}, found {shown} and {self.checks(pull)}"
            await asyncio.sleep(0.02)

    def checks(self, pull: Pull) -> list[CheckRun]:
        name = f"countersign: {pull.base_ref}"
        return [run for run in self.github.checks(REPOSITORY, pull.head_sha) if run.name == name]

    def check(self, pull: Pull) -> CheckRun | None:
        found = self.checks(pull)
        return found[-1] if found else None

    async def says(self, pull: Pull, conclusion: str, *fragments: str, without: str = "") -> CheckRun:
        """The newest check, once it concludes so and says all this (and not that)."""

        def good(check: CheckRun | None) -> bool:
            if check is None or check.conclusion != conclusion:
                return False
            said = f"{check.title}\n{self.text(pull)}"
            return all(one in said for one in fragments) and not (without and without in said)

        found = await self.until(lambda: self.check(pull), good, f"{conclusion} saying {fragments} without {without!r}")
        assert found is not None
        return found

    def ours(self, pull: Pull) -> list[Comment]:
        return [comment for comment in pull.comments if comment.author.login == "countersign[bot]"]

    def shown(self, pull: Pull) -> str:
        """Countersign's comment as people read it."""
        return unescaped(self.ours(pull)[0].body) if self.ours(pull) else ""

    async def shows(self, pull: Pull, fragment: str) -> None:
        await self.until(lambda: self.shown(pull), lambda text: fragment in text, f"{fragment!r} in the comment")

    def line(self, pull: Pull) -> str:
        return f"/approve {pull.head_sha} production"

    def comment(self, pull: Pull, by: str, body: str) -> Comment:
        return self.github.comment(REPOSITORY, pull.number, by=by, body=body)

    async def approve(self, pull: Pull, *people: str) -> None:
        """By command, one after the other, each answered before the next."""
        for who in people or ("bob", "carol"):
            self.comment(pull, who, self.line(pull))
            answered = re.compile(rf"Filled by [^\n]*\b{who}\b|{who}'s approval|{who} is in both")
            await self.until(lambda: self.text(pull), lambda text, say=answered: bool(say.search(text)), f"{who} in it")  # type: ignore[misc]

    def text(self, pull: Pull) -> str:
        """The newest check as people read it."""
        check = self.check(pull)
        return unescaped(check.summary or "") if check is not None else ""

    # ServiceNow

    async def link(self, *names: str) -> None:
        tenant = self.service.tenants.get(TENANT)
        assert tenant is not None
        assert tenant.servicenow is not None
        for name in names or ("erin", "frank"):
            user = await tenant.servicenow.user(name)
            event = await tenant.people.propose_link(f"servicenow:{user.sys_id}", name, None, "steward:one")
            await tenant.people.confirm_link(event.id, "steward:two")

    def open_change(self, who: str) -> ChangeView | None:
        """The change that asks this person."""
        asking = [
            change
            for change in self.servicenow.changes()
            if any(row.approver == who and row.state == "requested" for row in change.approvals)
            and change.state in ("assess", "authorize")
        ]
        return asking[0] if len(asking) == 1 else None

    async def approve_change(self, *names: str) -> str:
        """Each in another second than the content, as ServiceNow counts; the change's number."""
        number = ""
        for who in names or ("erin", "frank"):
            change = await self.until(lambda who=who: self.open_change(who), bool, f"a change that asks {who}")  # type: ignore[misc]
            assert change is not None
            await self.next_second()
            self.servicenow.decide_change(change.number, who, "approved")
            number = change.number
        return number

    async def ready(self, pull: Pull) -> str:
        """Everything approved and the check green; the change's number."""
        await self.link()
        await self.approve(pull)
        await self.says(pull, WAITS, "Every seat is filled", "needed in ServiceNow")
        number = await self.approve_change()
        await self.says(pull, GREEN)
        return number

    async def merge(self, pull: Pull, **more: Any) -> str:
        commit = self.github.merge_pull(REPOSITORY, pull.number, by="bob", **{"method": "squash", **more}).sha
        await self.settled()
        return commit

    # The API

    def http(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    async def call(self, method: str, path: str, body: object = None, *, token: str = "") -> tuple[int, Any]:
        if self._http is None:
            self._http = self.http()
        if not token and not self._token:
            self._token = await self.world.token(Permission.ADMIN)
        headers = {"Authorization": f"Bearer {token or self._token}"}
        async with self._http.request(method, self.service.address + path, json=body, headers=headers) as answer:
            found = await answer.read()
            return answer.status, msgspec.json.decode(found) if found else None

    async def ask(self, commit: str, data: bytes | None = None, name: str = "policy.json", **more: str) -> Answer:
        """The gate's answer about this file."""
        data = documents.train().model if data is None else data
        digest = {"sha256": hashlib.sha256(data).hexdigest()}
        question = {
            "environment": "production", "repository": REPOSITORY, "commit": commit,
            "subjects": [{"name": name, "digest": digest}], **more,
        }  # fmt: skip
        status, answer = await self.call("POST", "/api/v1/decisions", question)
        assert status == 200, answer
        return msgspec.convert(answer, Answer)

    async def allowed(self, commit: str) -> Answer:
        """The gate's answer once it no longer waits: after an approval the change takes a moment to be scheduled."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE_S
        while (answer := await self.ask(commit)).decision == "wait" and loop.time() < end:
            await asyncio.sleep(0.1)
        assert answer.decision == "allow", answer.text()
        return answer

    # What was written down

    async def records(self, log: str = TENANT) -> list[Record]:
        statement = text("SELECT body FROM records WHERE log = :log ORDER BY seq")
        rows = await self.service.database.read(lambda tx: tx.all(statement, log=log))
        return [parse(bytes(row.body)) for row in rows]

    async def trace(self, pull: Pull) -> list[Record]:
        repository = self.github.world.repository(REPOSITORY).id
        statement = text("SELECT trace_id FROM releases WHERE repository_id = :repository AND number = :number")
        rows = await self.service.database.read(lambda tx: tx.all(statement, repository=repository, number=pull.number))
        traces = {row.trace_id for row in rows}
        return [record for record in await self.records() if record.trace_id in traces]


def in_order(wanted: Iterable[T], found: Iterable[T]) -> bool:
    """Whether ``wanted`` is found in this order, whatever else there is."""
    rest = iter(found)
    return all(one in rest for one in wanted)
