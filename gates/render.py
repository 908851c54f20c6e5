"""Verdicts as text: for check runs and comments (Markdown), for terminals, and as a one-line title.

The same verdict always gives the same text: instants are absolute, nothing asks for the time. Names, reasons
and paths come from people, so every sentence is neutralised before it goes into Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gates.case import SEVERITY, holds, worst
from gates.model import Outcome, Result, Status, Verdict
from gates.words import instant, listing, short
from manifests.command import neutralise
from manifests.command_text import storable

MAX_BYTES = 60_000
MAX_TITLE = 255
MAX_SENTENCE = 1_000

_SYMBOLS: dict[Status, str] = {"pass": "✅", "waived": "☑️", "wait": "⏳", "fail": "❌", "error": "❌"}
_WORDS: dict[Status, str] = {
    "pass": "passes",
    "waived": "waived",
    "wait": "waits",
    "fail": "fails",
    "error": "error",
}
_OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "allow": ("✅", "allowed"),
    "wait": ("⏳", "waiting"),
    "deny": ("❌", "denied"),
}
_BY_SEVERITY: tuple[Outcome, ...] = ("deny", "wait", "allow")
_COMMAND = re.compile(
    r"(/approve (?:[0-9a-f]{64}|[0-9a-f]{40}) [a-z0-9-]{1,32}(?![a-z0-9-])|/unhold [0-9a-f]{40}(?![0-9a-f]))"
)


def title(verdicts: Sequence[Verdict]) -> str:
    """One plain line of at most 255 characters: the worst outcome, its first reason, and where it applies."""
    if not verdicts:
        return "Waiting: nothing has been decided yet"
    outcome = next(o for o in _BY_SEVERITY if any(v.outcome == o for v in verdicts))
    concerned = [verdict for verdict in verdicts if verdict.outcome == outcome]
    where = listing(dict.fromkeys(verdict.environment for verdict in concerned))
    head = _OUTCOMES[outcome][1].capitalize()
    if outcome == "allow":
        return _line(f"{head}: {where}", MAX_TITLE)
    tail = f" ({_line(where, MAX_TITLE // 3)})"
    return _line(f"{head}: {_reason(concerned[0])}", MAX_TITLE - len(tail)) + tail


def markdown(verdicts: Sequence[Verdict]) -> str:
    """Nested lists with a heading per verdict, at most 60,000 bytes; what is cut off is said to be."""
    lines = [line for verdict in verdicts for line in _markdown_lines(verdict)]
    return _bounded(lines or ["Nothing has been decided yet."])


def text(verdict: Verdict) -> str:
    """The same tree for a terminal, without control characters."""
    lines = [f"{_OUTCOMES[verdict.outcome][0]} {_heading(verdict)}"]
    for depth, result in _walk(verdict.results):
        indent = "  " * (depth + 1)
        lines.append(f"{indent}{_SYMBOLS[result.status]} {_line(result.name)}: {_line(result.summary)}")
        if _says_remedy(result):
            lines.append(f"{indent}   → {_line(result.remedy)}")
        lines += [f"{indent}   {_line(sentence)}" for sentence in _more(result)]
    return "\n".join([*lines, _footer(verdict)]) + "\n"


def _markdown_lines(verdict: Verdict) -> Iterator[str]:
    yield f"### {_OUTCOMES[verdict.outcome][0]} {_inline(_heading(verdict))}"
    yield ""
    for depth, result in _walk(verdict.results):
        indent = "  " * depth
        status = f"{_SYMBOLS[result.status]} **{_inline(result.name)}** {_WORDS[result.status]}"
        yield f"{indent}- {status}: {_inline(result.summary)}"
        if _says_remedy(result):
            yield f"{indent}  *{_with_command(result.remedy)}*"
        for sentence in _more(result):
            yield f"{indent}  {_inline(sentence)}"
    yield ""
    yield _inline(_footer(verdict))
    yield ""


def _heading(verdict: Verdict) -> str:
    asked = "merging" if verdict.question == "merge" else "deploying"
    return f"{_line(verdict.environment, 100)}: {asked} is {_OUTCOMES[verdict.outcome][1]}"


def _footer(verdict: Verdict) -> str:
    rule = f"rule {short(verdict.effective_rule)}" if verdict.effective_rule else "no rule"
    again = f" The clock alone can change this from {instant(verdict.recheck_at)}." if verdict.recheck_at else ""
    return f"Revision {_line(short(verdict.revision))}, {_line(rule)}.{again}"


def _reason(verdict: Verdict) -> str:
    """What stands in the way, most severe first; the tree has the rest."""
    if not verdict.results:
        return "no gate was asked"
    status = worst(verdict.results)
    bad = [result for result in verdict.results if not holds(result)]
    bad.sort(key=lambda result: -SEVERITY.index(result.status))
    if not bad or status in ("pass", "waived"):
        return "no seat is filled"
    return bad[0].summary.rstrip(".")


def _walk(results: Sequence[Result], depth: int = 0) -> Iterator[tuple[int, Result]]:
    for result in results:
        yield depth, result
        yield from _walk(result.children, depth + 1)


def _says_remedy(result: Result) -> bool:
    """A remedy is said once: at the child, where a child has the same."""
    return bool(result.remedy) and all(child.remedy != result.remedy for child in result.children)


def _more(result: Result) -> list[str]:
    """Who may act and what would change the result, each said once: at the child, where a child has the same."""
    found = []
    for label, said in (("Who may act", "who"), ("What would change it", "changes")):
        value: str = getattr(result, said)
        if value and all(getattr(child, said) != value for child in result.children):
            found.append(f"{label}: {value.rstrip('.')}.")
    return found


def _line(sentence: str, most: int = MAX_SENTENCE) -> str:
    plain = " ".join(storable(sentence[: 2 * most]).split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def _inline(sentence: str) -> str:
    return neutralise(_line(sentence))


def _with_command(sentence: str) -> str:
    """Neutralised, except that our own lines for approving and lifting stay exact, so that they can be pasted."""
    parts = _COMMAND.split(_line(sentence))
    return "".join(f"`{part}`" if index % 2 else _keeping_blanks(part) for index, part in enumerate(parts))


def _keeping_blanks(part: str) -> str:
    before, after = part[:1] == " ", part[-1:] == " "
    return " " * before + neutralise(part) + " " * after


def _bounded(lines: Sequence[str]) -> str:
    notice = "\n*The rest is left out here because it is too long; Countersign's console shows all of it.*\n"
    room = MAX_BYTES - len(notice.encode())
    kept: list[str] = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            return "\n".join(kept) + "\n" + notice
        kept.append(line)
    return "\n".join(kept)
