"""Printing people's text inside our own Markdown so that it stays text."""

from __future__ import annotations

import functools
import re

_BREAK = "\u200b"
# Controls, line ends that not everybody sees, and what reorders the text around it; tab and LF stay.
_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SPECIAL = re.compile(
    r"(?P<sha>(?<![0-9A-Za-z])[0-9A-Fa-f]{7,40}(?![0-9A-Za-z]))"
    r"|(?P<www>[Ww]{3}(?=\.))"
    r"|(?P<ticket>(?<=[A-Za-z])-(?=[0-9]))"
    r"|(?P<slash>(?<![A-Za-z0-9])/(?=[A-Za-z]))"
    r"|(?P<scheme>:(?=/))"
    r"|(?P<mark>[\\`*_{}\[\]()+.!|~$=:^#@&<>-])"
)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def storable(text: str) -> str:
    """``text`` with lone surrogates, control and reordering characters replaced by U+FFFD; lines end at LF."""
    joined = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", joined)


@functools.lru_cache(maxsize=4096)
def neutralise(text: str) -> str:
    """Markdown that GitHub shows as ``text`` and takes for nothing else.

    No command, mention, reference, commit, link, HTML, comment, table cell or block can come of it: marks are
    escaped, and what GitHub finds in rendered text (mentions, #1, GH-1, SHAs, URLs) is broken by a zero-width
    space. Lines keep no blanks around them. For use in running text, not inside backticks. Remembered, because
    verdicts say the same sentences again and again.
    """
    lines = storable(text).replace("\t", " ").split("\n")
    return "\n".join(_SPECIAL.sub(_harmless, line.strip(" ")) for line in lines)


def _harmless(match: re.Match[str]) -> str:
    found = match.group()
    kind = match.lastgroup
    if kind == "sha":
        return _BREAK.join(found[i : i + 6] for i in range(0, len(found), 6))
    if kind == "www":
        return found + _BREAK
    if found in _ENTITIES:
        return _ENTITIES[found]
    if kind == "mark" and found not in "@#":
        return "\\" + found
    return ("@" if found == "@" else "\\" + found) + _BREAK
