"""CODEOWNERS as GitHub reads it: who owns a path. Pure.

Source: GitHub's page "About code owners". Patterns are those of gitignore files with three exceptions that GitHub
names: no ``!``, no ``[ ]``, no ``\\#``. The last pattern that matches a path counts; with no owners it says that nobody
owns the path. A line that GitHub cannot read, it skips.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

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
    """Written out rather than translated to a regular expression: no pattern takes for ever, whatever the path."""
    segments, is_folder = _read(pattern)
    names = path.split("/")
    if not segments or (segments[0] is not None and not segments[0].matches(names[0])):
        return False
    reached = [True] + [False] * len(names)
    for place, segment in enumerate(segments):
        if segment is None:
            first = reached.index(True) + (place == len(segments) - 1)
            reached = [at >= first for at in range(len(names) + 1)]
        else:
            steps = zip(reached, names, strict=False)
            reached = [False, *(before and segment.matches(name) for before, name in steps)]
        if True not in reached:
            return False
    return any(reached) if is_folder else reached[-1]


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


class _Segment(msgspec.Struct, frozen=True):
    """Of a pattern between two slashes: letters, and None for any one letter; ``*`` where any number may come first."""

    parts: tuple[tuple[str | None, ...], ...]

    def matches(self, name: str) -> bool:
        first, *others = self.parts
        if not others:
            return len(name) == len(first) and _fits(first, name, 0)
        if not _fits(first, name, 0):
            return False
        at, last = len(first), others.pop()
        for part in others:
            found = next((place for place in range(at, len(name)) if _fits(part, name, place)), None)
            if found is None:
                return False
            at = found + len(part)
        return len(name) - len(last) >= at and _fits(last, name, len(name) - len(last))


def _fits(part: tuple[str | None, ...], name: str, at: int) -> bool:
    if at + len(part) > len(name):
        return False
    for letter in part:
        if letter is not None and letter != name[at]:
            return False
        at += 1
    return True


_ANY = "**"
_Pattern: TypeAlias = tuple[_Segment | None, ...]
"""None stands for any number of folders."""


@lru_cache(maxsize=4096)
def _read(pattern: str) -> tuple[_Pattern, bool]:
    """The segments, and whether what matches the last of them stands for all that is in it as well. No segments match
    nothing."""
    segments = pattern.split("/")
    if segments[0] == "":
        segments = segments[1:]
    elif len(segments) == 1 or (len(segments) == 2 and segments[1] == ""):
        # Without a slash but at its end, a pattern is about any depth.
        segments = [_ANY, *segments]
    if segments == [""]:
        return (), False
    if segments[-1] == "":
        segments[-1] = _ANY
    several = [one for place, one in enumerate(segments) if one != _ANY or segments[place - 1 : place] != [_ANY]]
    # A folder's name stands for all that is in it; a wildcard of its own does not.
    return tuple(None if one == _ANY else _segment(one) for one in several), several[-1] not in (_ANY, "*")


def _segment(segment: str) -> _Segment:
    parts: list[list[str | None]] = [[]]
    letters = iter(segment)
    for letter in letters:
        if letter == "*":
            parts.append([])
        else:
            parts[-1].append(None if letter == "?" else next(letters, "\\") if letter == "\\" else letter)
    # A segment is never empty.
    return _Segment(tuple(map(tuple, parts))) if segment != "*" else _Segment(((None,), ()))
