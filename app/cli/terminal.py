"""Text for a terminal. What came from elsewhere can neither move the cursor nor speak to the CI runner."""

from __future__ import annotations

import sys
from typing import IO, Final

MARKS: Final = {"pass": "✓", "waived": "✓", "wait": "…", "fail": "✗", "error": "!"}
COLOURS: Final = {"pass": "32", "waived": "32", "wait": "33", "fail": "31", "error": "31"}


def plain(text: str) -> str:
    """One line without control characters: no escape sequences, no `::command` at the start of a line."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return shown.lstrip(":") if shown.startswith("::") else shown


def mark(status: str, stream: IO[str] | None = None) -> str:
    """The sign of a result, coloured where that helps."""
    stream = stream or sys.stdout
    sign = _encodable(MARKS.get(status, "?"), stream)
    if not stream.isatty():
        return sign
    return f"\x1b[{COLOURS.get(status, '0')}m{sign}\x1b[0m"


def _encodable(sign: str, stream: IO[str]) -> str:
    try:
        sign.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return {"✓": "+", "✗": "x", "…": "."}.get(sign, sign)
    return sign
