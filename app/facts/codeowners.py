"""CODEOWNERS as GitHub reads it: who owns a path. Pure.

Source: GitHub's page "About code owners". Patterns are those of gitignore files with three exceptions that GitHub
names: no ``!``, no ``[ ]``, no ``\\#``. The last pattern that matches a path counts; with no owners it says that nobody
owns the path. A line that GitHub cannot read, it skips.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

LOCATIONS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in its order; the first that is there counts."""
MAX_BYTES = 3 * 1024 * 1024
"""GitHub loads no larger file."""

_TOKEN = re.compile(r"(?:\\.|[^\s\\])+")
_OWNER = re.compile(r"@[A-Za-z0-9_-]+(?:/[A-Za-z0-9._-]+)?|[^@\s]+@[^@\s]+")


class Line(msgspec.Struct, frozen=True):
    """``owners`` as they are written: ``@login``, ``@organisation/team`` or an e-mail address."""

    pattern: str
    owners: tuple[str, ...]


def parse(text: bytes) -> tuple[Line, ...]:
    """The lines that say something, in their order. What is not UTF-8 matches nothing that is."""
    lines = []
    for raw in text.decode("utf-8", "replace").splitlines():
        tokens = _tokens(raw)
        if not tokens:
            continue
        pattern, *owners = tokens
        if _readable(pattern) and all(_OWNER.fullmatch(owner) for owner in owners):
            lines.append(Line(pattern, tuple(owners)))
    return tuple(lines)


def owners(lines: Iterable[Line], paths: Iterable[str]) -> tuple[str, ...]:
    """Everybody who owns at least one of the paths, as written, sorted."""
    last_first = tuple(reversed(tuple(lines)))
    found: set[str] = set()
    for path in paths:
        line = next((one for one in last_first if matches(one.pattern, path)), None)
        found.update(line.owners if line is not None else ())
    return tuple(sorted(found))


def matches(pattern: str, path: str) -> bool:
    return _compiled(pattern).fullmatch(path) is not None


def _tokens(line: str) -> list[str]:
    """Words up to a comment; a blank after a backslash belongs to the word."""
    found = []
    for token in _TOKEN.findall(line):
        if token.startswith("#"):
            break
        found.append(token)
    return found


def _readable(pattern: str) -> bool:
    return not pattern.startswith(("!", "\\#")) and not re.search(r"\[.*\]|\*\*\*", pattern)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    segments = pattern.split("/")
    if segments[0] == "":
        segments = segments[1:]
    elif len(segments) == 1 or (len(segments) == 2 and segments[1] == ""):
        # Without a slash but at its end, a pattern is about any depth.
        segments = ["**", *segments]
    if segments == [""]:
        return re.compile(r"(?!)")
    if segments[-1] == "":
        segments[-1] = "**"
    several = [one for place, one in enumerate(segments) if one != "**" or segments[place - 1 : place] != ["**"]]
    return re.compile("".join(_pieces(several)), re.DOTALL)


def _pieces(segments: list[str]) -> Iterable[str]:
    last, slash = len(segments) - 1, False
    for place, segment in enumerate(segments):
        if segment == "**":
            first, only = place == 0, place == last
            yield ".+" if first and only else "(?:.+/)?" if first else "/.+" if only else "(?:/.+)?"
            slash = not first
            continue
        yield "/" if slash else ""
        slash = True
        if segment == "*":
            yield "[^/]+"
            continue
        yield _segment(segment)
        if place == last:
            # A folder's name stands for all that is in it; a wildcard of its own does not.
            yield "(?:/.*)?"


def _segment(segment: str) -> str:
    found, letters = [], iter(segment)
    for letter in letters:
        if letter == "\\":
            found.append(re.escape(next(letters, "\\")))
        else:
            found.append({"*": "[^/]*", "?": "[^/]"}.get(letter) or re.escape(letter))
    return "".join(found)
