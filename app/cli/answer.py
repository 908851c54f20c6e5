"""The gate's answer: read as far as the command line needs it, and told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from app.cli.exits import CannotFindOutError
from app.cli.terminal import mark, plain


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


def read(data: bytes) -> Answer:
    try:
        return msgspec.json.decode(data, type=Answer)
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
