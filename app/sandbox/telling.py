"""Tells a story on a terminal, or as readable plain text anywhere else."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Iterable
from typing import IO

WIDTH = 110
_COLOURS = {"bold": "1", "red": "31", "green": "32", "dim": "2", "blue": "34"}


class Teller:
    """Writes to ``out``; colours only where somebody looks at a terminal that wants them."""

    def __init__(self, out: IO[str], colours: bool | None = None) -> None:
        self._out = out
        self._colours = _wanted(out) if colours is None else colours
        self._chapter = 0

    def chapter(self, title: str) -> None:
        self._chapter += 1
        self._line("")
        self._line(self._painted(f"{self._chapter}. {title}", "bold"))

    def tell(self, text: str) -> None:
        self._wrapped("", text)

    def link(self, what: str, url: str) -> None:
        self._line(f"   {what}: {self._painted(url, 'blue')}")

    def command(self, words: Iterable[str]) -> None:
        self._line(f"   $ {shlex.join(words)}")

    def says(self, who: str, lines: Iterable[str]) -> None:
        """Somebody's own words, as they were found."""
        self._line(f"   {who}:")
        self.quote(lines)

    def quote(self, lines: Iterable[str]) -> None:
        for line in lines:
            indent = " " * (len(line) - len(line.lstrip()))
            for part in textwrap.wrap(
                line, WIDTH - 5, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False,
                drop_whitespace=True,
            ) or [""]:  # fmt: skip
                self._line(f"   {self._painted('│', 'dim')} {part}")

    def refused(self, what: str) -> None:
        self._wrapped("✗ ", f"Refused: {what}", "red")

    def good(self, what: str) -> None:
        self._wrapped("✓ ", what, "green")

    def plain(self, text: str = "") -> None:
        self._line(text)

    def _wrapped(self, sign: str, text: str, colour: str = "") -> None:
        lines = textwrap.wrap(text, WIDTH - 3 - len(sign), break_long_words=False, break_on_hyphens=False)
        for place, line in enumerate(lines):
            before = self._painted(sign, colour) if place == 0 and colour else " " * len(sign)
            self._line(f"   {before}{line}")

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colours else text

    def _line(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def _wanted(out: IO[str]) -> bool:
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
