"""``python -m tests.cases``: every case and what it covers, in Markdown, for whoever judges if that is enough."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from tests.cases.model import tables
from tests.cases.vocabulary import known, told


def summary() -> str:
    return "\n".join([*_cases(), *_covered()]) + "\n"


def _cases() -> Iterator[str]:
    found = tables()
    number = sum(len(table.cases) for table in found.values())
    yield f"# {number} black-box cases"
    for name, table in found.items():
        yield from ("", f"## {name}", "", "| case | steps | covers |", "| --- | --- | --- |")
        for case in table.cases:
            yield _row(case.name, str(len(case.steps)), ", ".join(case.covers))


def _covered() -> Iterator[str]:
    cases: dict[str, list[str]] = {}
    for name, table in tables().items():
        for case in table.cases:
            for token in case.covers:
                cases.setdefault(token, []).append(f"{name}: {case.name}")
    yield from ("", "# What is covered", "", "| what | meaning | cases | for example |", "| --- | --- | --- | --- |")
    for token in sorted(known(), key=_order):
        held = cases.get(token, [])
        yield _row(token, told(token), str(len(held)), held[0] if held else "")


def _order(token: str) -> tuple[str, int, str]:
    kind, _, rest = token.partition(" ")
    digits = "".join(letter for letter in rest.removeprefix("4.") if letter.isdigit())
    return kind, int(digits or 0), rest


def _row(*cells: str) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: Iterable[str]) -> int:
    if list(arguments):
        sys.stderr.write("expected no arguments: python -m tests.cases prints the summary\n")
        return 2
    sys.stdout.write(summary())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
