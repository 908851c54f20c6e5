"""Path patterns of rules: ``*`` and ``?`` stay within one folder, a segment ``**`` spans any number of them.

Written out rather than translated to regular expressions, so that no pattern can take more than
(length of pattern x length of path) steps.
"""

from __future__ import annotations


def matches(pattern: str, path: str) -> bool:
    """Whether the whole path matches; a pattern always matches itself letter by letter."""
    return pattern == path or _path(pattern.split("/"), path.split("/"))


def _path(pattern: list[str], path: list[str]) -> bool:
    reached = [True] + [False] * len(path)
    for part in pattern:
        if part == "**":
            first = reached.index(True) if True in reached else len(reached)
            reached = [index >= first for index in range(len(reached))]
        else:
            reached = [False] + [before and _segment(part, name) for before, name in zip(reached, path, strict=False)]
            if True not in reached:
                return False
    return reached[-1]


def _segment(pattern: str, name: str) -> bool:
    at = seen = retry = 0
    star = -1
    while seen < len(name):
        if at < len(pattern) and pattern[at] == "*":
            star, retry, at = at, seen, at + 1
        elif at < len(pattern) and pattern[at] in ("?", name[seen]):
            at, seen = at + 1, seen + 1
        elif star >= 0:
            retry += 1
            at, seen = star + 1, retry
        else:
            return False
    return all(character == "*" for character in pattern[at:])
