"""Those outside Countersign: what people do on GitHub and in ServiceNow, over HTTP, and nothing else."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeVar

import aiohttp
import msgspec

from app.sandbox.waiting import StoryError

S = TypeVar("S")
_ESCAPED = re.compile(r"\\([^\w\s])")


class Check(msgspec.Struct, frozen=True):
    """A check run; ``text`` is its summary without Markdown's escapes."""

    id: int
    name: str
    conclusion: str | None = None
    title: str | None = None
    summary: str | None = None
    details_url: str | None = None

    def __str__(self) -> str:
        return f"{self.conclusion}: {self.title} {self.reasons()}"

    @property
    def text(self) -> str:
        return unescaped(self.summary or "")

    def says(self, conclusion: str, fragments: Iterable[str]) -> bool:
        """Whether it concludes so and says all this, of facts that are complete: GitHub may show a push before
        Countersign was told of it."""
        complete = "Nobody told us who pushed" not in self.text
        return complete and self.conclusion == conclusion and all(one in self.text for one in fragments)

    def reasons(self) -> list[str]:
        """The lines that say what stands in the way, and what to do about it."""
        return open_points(self.text)


class Comment(msgspec.Struct, frozen=True):
    id: int
    author: str
    body: str


class Pull(msgspec.Struct, frozen=True):
    """A pull request as anyone sees it on GitHub."""

    number: int
    state: str
    head_sha: str
    base_ref: str
    url: str
    merge_commit_sha: str | None
    checks: tuple[Check, ...]
    comments: tuple[Comment, ...]

    @property
    def check(self) -> Check | None:
        """Countersign's newest check run of this head for this base."""
        mine = [check for check in self.checks if check.name == f"countersign: {self.base_ref}"]
        return mine[-1] if mine else None

    @property
    def ours(self) -> tuple[Comment, ...]:
        return tuple(comment for comment in self.comments if comment.author == "countersign[bot]")

    def line_to_paste(self) -> str:
        """The line that Countersign's comment asks approvers to paste; empty while there is none."""
        found = [line for comment in self.ours for line in comment.body.splitlines() if line.startswith("/approve ")]
        return found[0] if found else ""


class Made(msgspec.Struct, frozen=True):
    """What an act has made, as far as somebody needs it."""

    sha: str = ""
    number: int = 0
    head_sha: str = ""
    id: int = 0
    run_id: int = 0
    deployment_id: int = 0


class RuleAnswer(msgspec.Struct, frozen=True):
    environment: str
    state: str
    comment: str


class Run(msgspec.Struct, frozen=True):
    waiting: tuple[str, ...]
    answers: tuple[RuleAnswer, ...]
    sha: str


class Approval(msgspec.Struct, frozen=True):
    approver: str
    group: str
    state: str


class Change(msgspec.Struct, frozen=True):
    """A change request as its approvers see it."""

    number: str
    state: str
    short_description: str
    close_code: str
    close_notes: str
    approvals: tuple[Approval, ...]


class _Anything(msgspec.Struct):
    """An answer that nobody reads."""


class _Changes(msgspec.Struct, frozen=True):
    result: tuple[Change, ...]


class OnGitHub:
    """People at the simulated GitHub, one repository."""

    def __init__(self, http: aiohttp.ClientSession, url: str, repository: str) -> None:
        self._http = http
        self.url = url
        self.repository = repository

    async def push(self, who: str, branch: str, files: Mapping[str, bytes], message: str, start: str = "") -> str:
        encoded = {path: base64.b64encode(data).decode() for path, data in files.items()}
        body = {"as": who, "branch": branch, "files_base64": encoded, "message": message}
        return (await self._act("pushes", {**body, **({"start": start} if start else {})})).sha

    async def open(self, who: str, branch: str, title: str, base: str = "main") -> Pull:
        made = await self._act("pulls", {"as": who, "head": branch, "base": base, "title": title})
        return await self.pull(made.number)

    async def pull(self, number: int) -> Pull:
        return await self._call("GET", f"pulls/{self.repository}/{number}", None, Pull)

    async def comment(self, who: str, number: int, body: str) -> None:
        await self._on(number, "comments", {"as": who, "body": body})

    async def review(self, who: str, number: int, state: Literal["APPROVED", "CHANGES_REQUESTED"]) -> None:
        await self._on(number, "reviews", {"as": who, "state": state})

    async def merge(self, who: str, number: int) -> str:
        return (await self._on(number, "merge", {"as": who, "method": "squash"})).sha

    async def retarget(self, who: str, number: int, base: str) -> None:
        await self._on(number, "retarget", {"as": who, "base": base})

    async def close(self, who: str, number: int) -> None:
        await self._on(number, "close", {"as": who})

    async def deploy(self, who: str, environment: str, ref: str) -> int:
        """A release workflow reaches the job of an environment that Countersign protects; the run's id."""
        return (await self._act("deployments", {"as": who, "environment": environment, "ref": ref})).run_id

    async def run(self, run_id: int) -> Run:
        return await self._call("GET", f"repositories/{self.repository}/runs/{run_id}", None, Run)

    async def _on(self, number: int, what: str, body: object) -> Made:
        return await self._call("POST", f"pulls/{self.repository}/{number}/{what}", body, Made)

    async def _act(self, what: str, body: object) -> Made:
        return await self._call("POST", f"repositories/{self.repository}/{what}", body, Made)

    async def _call(self, method: str, path: str, body: object, kind: type[S]) -> S:
        return await _json(self._http, method, f"{self.url}/_sim/{path}", body, kind)


class InServiceNow:
    """People at the simulated ServiceNow."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self.url = url

    async def changes(self) -> tuple[Change, ...]:
        return (await _json(self._http, "GET", f"{self.url}/_sim/changes", None, _Changes)).result

    async def change(self, number: str) -> Change:
        return next(change for change in await self.changes() if change.number == number)

    async def approve(self, who: str, number: str) -> None:
        body = {"user_name": who, "state": "approved", "comments": "The plans are sound."}
        await _json(self._http, "POST", f"{self.url}/_sim/changes/{number}/decide", body, _Anything)

    def page(self, number: str) -> str:
        return f"{self.url}/nav/change/{number}"


async def _json(http: aiohttp.ClientSession, method: str, url: str, body: object, kind: type[S]) -> S:
    data = msgspec.json.encode(body) if body is not None else None
    async with http.request(method, url, data=data, headers={"Content-Type": "application/json"}) as answer:
        found = await answer.read()
    if not answer.ok:
        raise StoryError(f"expected {method} {url} to work, found {answer.status} {found[:300]!r}")
    return msgspec.json.decode(found, type=kind)


def unescaped(markdown: str) -> str:
    """Markdown as a person sees it: no escapes, no invisible characters, no emphasis."""
    text = _ESCAPED.sub(r"\1", markdown.replace("\u200b", ""))
    return text.replace("**", "").replace("`", "")


def open_points(text: str) -> list[str]:
    """Of a rendered verdict: every line that does not hold, each with the remedy below it."""
    found: list[str] = []
    wanted = False
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("- "):
            wanted = bare[2:3] in "⏳❌"
            if wanted:
                found.append(line.replace("- ", "", 1))
        elif wanted and bare.startswith("*") and bare.endswith("*"):
            indent = line[: len(line) - len(line.lstrip())]
            found.append(f"{indent}  → {bare.strip('*')}")
    return found
