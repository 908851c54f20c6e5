"""The gate's answer: read as far as the command line needs it, and told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeVar

import msgspec

from app.cli.exits import CannotFindOutError
from app.cli.terminal import mark, plain

A = TypeVar("A", bound="Answer")


class ResultNode(msgspec.Struct, frozen=True):
    """One node of the verdict's tree."""

    name: str
    status: str
    summary: str = ""
    remedy: str = ""
    children: tuple[ResultNode, ...] = ()


class VerdictTree(msgspec.Struct, frozen=True):
    results: tuple[ResultNode, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What POST /api/v1/decisions gives back."""

    decision: Literal["allow", "deny", "wait"]
    decision_id: str = ""
    expires_at: Any = None
    verdict: VerdictTree | None = None
    attestation: msgspec.Raw = msgspec.Raw(b"null")


class Explanation(Answer, frozen=True, kw_only=True):
    """What GET …/explanation gives back. ``same``: replayed now, the stored snapshot decides the same; ``wording``
    tells whether it is said in the same words."""

    same: bool
    wording: Literal["same", "changed"] = "same"


def read(data: bytes) -> Answer:
    """Raises CannotFindOutError for anything but the gate's answer."""
    return _read(data, Answer)


def read_explanation(data: bytes) -> Explanation:
    """Raises CannotFindOutError for anything but an explanation."""
    return _read(data, Explanation)


def _read(data: bytes, kind: type[A]) -> A:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CannotFindOutError(f"expected the gate's answer, found something else: {plain(str(error))}") from None


def lines(answer: Answer) -> Iterator[str]:
    """The verdict's tree, with what to do about every result that does not hold."""
    status = {"allow": "pass", "wait": "wait", "deny": "fail"}[answer.decision]
    yield f"{mark(status)} {answer.decision}" + (
        f"  decision {plain(answer.decision_id)}" if answer.decision_id else ""
    )
    for result in answer.verdict.results if answer.verdict else ():
        yield from _lines(result, 1)
    if answer.decision == "allow" and answer.expires_at is not None:
        yield f"  valid until {plain(str(answer.expires_at))}, for one redemption"


def _lines(result: ResultNode, depth: int) -> Iterator[str]:
    indent = "  " * depth
    summary = f": {plain(result.summary)}" if result.summary else ""
    waived = " (waived)" if result.status == "waived" else ""
    yield f"{indent}{mark(result.status)} {plain(result.name)}{waived}{summary}"
    if result.remedy and result.status not in ("pass", "waived"):
        yield f"{indent}  → {plain(result.remedy)}"
    for child in result.children:
        yield from _lines(child, depth + 1)
