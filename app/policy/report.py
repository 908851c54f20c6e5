"""What came of tests, as a report that an auditor can read (Markdown) and as text for a terminal.

Nothing in it depends on when or where it was made: the same files give the same report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.policy.judge import Judged
from app.policy.prose import expected, told
from app.policy.suites import Source, Tested
from gates import render
from gates.words import count, listing
from manifests.command import neutralise
from manifests.command_text import storable

_SYMBOLS = {True: "✅", False: "❌"}
_WORDS = {"allow": "allowed", "wait": "waiting", "deny": "denied"}


def markdown(tested: Sequence[Tested]) -> str:
    """The whole report."""
    lines = ["# Report on policy tests", "", f"{_SYMBOLS[_good(tested)]} {summary(tested)}", ""]
    lines += [
        "Each case was decided by the same code that decides on real releases, on the facts listed under it. What a",
        "case does not list was in order.",
        "",
    ]
    for one in tested:
        lines += _file(one)
    return "\n".join(lines).rstrip("\n") + "\n"


def summary(tested: Sequence[Tested]) -> str:
    """One sentence on everything."""
    cases = sum(len(one.judged) for one in tested)
    wrong = sum(bool(judged.differences) for one in tested for judged in one.judged)
    broken = sum(bool(one.problems) for one in tested)
    end = f" {count(broken, 'file')} could not be tested, because of mistakes." if broken else ""
    if not cases:
        return end.strip() or "There are no cases."
    if wrong:
        return f"{wrong} of {count(cases, 'case')} came out otherwise than expected.{end}"
    return f"{count(cases, 'case')} came out as expected.{end}"


def text(tested: Sequence[Tested]) -> str:
    """A line for each case; for one that came out otherwise, the differences and the whole verdict."""
    lines: list[str] = []
    for one in tested:
        lines.append(one.cases.path)
        lines += [f"  ✗ {_line(str(problem))}" for problem in one.problems]
        for judged in one.judged:
            lines.append(f"  {'✗' if judged.differences else '✓'} {_line(judged.case.name)}")
            lines += _explained(judged, one.cases.path) if judged.differences else []
        lines += [f"  {_line(_untested(one))}"] if one.untouched else []
    return "\n".join([*lines, summary(tested)])


def _good(tested: Sequence[Tested]) -> bool:
    return all(one.is_as_expected for one in tested)


def _explained(judged: Judged, path: str) -> list[str]:
    tree = render.text(judged.verdict).splitlines()
    return [
        f"     {path}:{judged.case.line}",
        *(f"     {_line(difference)}" for difference in judged.differences),
        *(f"     | {line}" for line in tree),
    ]


def _file(tested: Tested) -> Iterator[str]:
    yield f"## {_inline(tested.cases.path)}"
    yield ""
    yield "| document | file | SHA-256 |"
    yield "| --- | --- | --- |"
    yield _row("policy", tested.policy)
    if tested.tenant is not None:
        yield _row("tenant policy", tested.tenant)
    yield _row("tests", tested.cases)
    yield ""
    if tested.tenant is None:
        yield "Tested without a tenant policy; a real one can only ask for more."
        yield ""
    if tested.problems:
        yield "Not tested, because of mistakes in these documents:"
        yield ""
        yield from (f"- {_inline(str(problem))}" for problem in tested.problems)
        yield ""
    if tested.judged:
        yield _inline(_untested(tested) or "Every rule applied in at least one case.")
        yield ""
    for number, judged in enumerate(tested.judged, 1):
        yield from _case(number, judged)


def _row(kind: str, source: Source | None) -> str:
    return f"| {kind} | {_inline(source.path)} | `{source.sha256}` |" if source else f"| {kind} | not read | |"


def _untested(tested: Tested) -> str:
    return f"Rules that applied in no case: {listing(tested.untouched, most=20)}." if tested.untouched else ""


def _inline(sentence: str) -> str:
    """One line of Markdown that shows the sentence and nothing else."""
    return neutralise(_line(sentence))


def _line(sentence: str) -> str:
    return " ".join(storable(sentence).split())


def _case(number: int, judged: Judged) -> Iterator[str]:
    case, verdict = judged.case, judged.verdict
    yield f"### {_SYMBOLS[not judged.differences]} {number}. {_inline(case.name)}"
    yield ""
    if case.why:
        yield _inline(case.why)
        yield ""
    yield f"Expected: {_inline(expected(case))}. Decided: **{verdict.outcome}** ({_WORDS[verdict.outcome]})."
    yield ""
    if judged.differences:
        yield from (f"- {_SYMBOLS[False]} {_inline(difference)}" for difference in judged.differences)
        yield ""
    yield "Facts:"
    yield ""
    yield from (f"- {_inline(sentence)}" for sentence in told(judged))
    yield ""
    yield "Verdict:"
    yield ""
    yield from (line.replace("### ", "#### ", 1) for line in render.markdown([verdict]).splitlines())
    yield ""
