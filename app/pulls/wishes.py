"""What GitHub shall show of an evaluation: the check run and the comment, as content with a digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from app.pulls import comment, policy_words
from app.pulls.model import Evaluation
from app.releases.store import StoredRelease
from gates.model import Outcome, Verdict
from gates.render import markdown, title
from integrations.github.port import CheckRun
from manifests import canonical
from manifests.command import neutralise

CHECK, COMMENT = "check", "comment"
MAX_SUMMARY = 60_000


class Wish(msgspec.Struct, frozen=True):
    """One thing to be seen. ``cause`` is the resource of the record it follows from."""

    key: str
    kind: str
    digest: str
    payload: bytes
    cause: str


class CommentWish(msgspec.Struct, frozen=True):
    """The comment's text, and what it prompts for: approvals of this head for these environments, by people to whom
    these ``documents`` (SHA-256) were listed."""

    body: str
    head_sha: str
    environments: tuple[str, ...]
    documents: tuple[str, ...] = ()


def check_name(base_ref: str) -> str:
    """The base branch is in the name, so that a retargeted pull request cannot reuse an old result."""
    return f"countersign: {base_ref}"


def check_key(repository_id: int, head_sha: str, base_ref: str) -> str:
    return f"{CHECK}/{repository_id}/{head_sha}/{base_ref}"


def comment_key(repository_id: int, number: int) -> str:
    return f"{COMMENT}/{repository_id}/{number}"


def summary(verdict: Verdict) -> str:
    return title([verdict])


def wishes(of: Evaluation, releases: dict[str, StoredRelease], twins: Sequence[tuple[int, str]]) -> Iterator[Wish]:
    """The check run first: it is what a merge waits for."""
    cause = next((last.decision_id for release in releases.values() for last in release.verdicts.values()), "")
    cause = f"decision/{cause}" if cause else f"pull/{of.repository.id}/{of.view.pull.number}"
    check = _check(of, twins)
    payload = msgspec.json.encode(check)
    key = check_key(of.repository.id, check.head_sha, of.view.pull.base_ref)
    yield Wish(key, CHECK, check.external_id, payload, cause)
    if not releases:
        return
    console = _console(of, releases)
    body = comment.body(
        of.view,
        [(path, verdict) for path, _, verdict in of.verdicts],
        of.notes,
        console,
        {path: release.id for path, release in releases.items()},
    )
    wish = CommentWish(
        body, of.view.pull.head_sha, comment.environments_shown(of.view), comment.documents_shown(of.view, body)
    )
    yield Wish(
        comment_key(of.repository.id, of.view.pull.number), COMMENT, canonical.sha256_hex(body.encode()),
        msgspec.json.encode(wish), cause,
    )  # fmt: skip


def _check(of: Evaluation, twins: Sequence[tuple[int, str]]) -> CheckRun:
    """The strictest of all open pull requests that share this head and base."""
    pull = of.view.pull
    verdicts = [verdict for _, _, verdict in of.verdicts]
    outcome, name = of.outcome, title(verdicts) if verdicts else "Nothing to release"
    text = markdown(verdicts) if verdicts else comment.NOTHING_TOUCHED
    for path in dict.fromkeys(path for path, _, _ in of.verdicts):
        text = f"**{neutralise(path)}**\n\n{text}" if len(of.releases) == 1 else text
    for release in of.view.releases:
        if release.policy and (said := policy_words.told(release.policy)):
            text = f"{text}\n\n{said}"
    stricter = [(number, other) for number, other in twins if other != "allow"]
    if outcome == "allow" and stricter:
        number, other = stricter[0]
        outcome, name = _as_outcome(other), f"Pull request #{number} has the same head and is not done"
        text = f"#{number} shares this commit and base; its check decides too.\n\n{text}"
    check = CheckRun(
        name=check_name(pull.base_ref), head_sha=pull.head_sha, conclusion=_CONCLUSIONS[outcome], title=name,
        summary=_short(text), external_id="", details_url=_console(of, of.releases) or None,
    )  # fmt: skip
    return msgspec.structs.replace(check, external_id=canonical.digest(check))


_CONCLUSIONS: dict[Outcome, Literal["success", "failure", "action_required"]] = {
    "allow": "success",
    "wait": "action_required",
    "deny": "failure",
}


def _as_outcome(text: str) -> Outcome:
    return "wait" if text == "wait" else "deny"


def _short(text: str) -> str:
    if len(text.encode()) <= MAX_SUMMARY:
        return text
    return text.encode()[:MAX_SUMMARY].decode(errors="ignore") + "\n\n… shortened; the details show it all."


def _console(of: Evaluation, releases: dict[str, StoredRelease]) -> str:
    first = next(iter(releases.values()), None)
    return f"{of.public_url}/releases/{first.id}" if first is not None and of.public_url else ""
