"""Telling a command from text that only looks like one. Nothing is ever normalised into a command."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, get_args

Verb = Literal[
    "approve", "reject", "revoke", "hold", "unhold", "delegate", "break-glass", "status", "recheck", "help"
]  # fmt: skip
VERBS: tuple[Verb, ...] = get_args(Verb)

_BY_NAME: dict[str, Verb] = {verb: verb for verb in VERBS}
_COMMAND = re.compile(r"/([A-Za-z-]{1,16})(?=[ \t]|$)")
_FOREIGN = re.compile(r"[^\t -~]")
_PREFIX = 200
_SEPARATORS = ("Zs", "Zl", "Zp", "Cc")
_UNSEEN = ("Cf", "Mn", "Me", "Mc", "Cn", "Co", "Cs")
# Fillers that take no or blank space but count as letters or symbols.
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Letters of other scripts that look like those of the verbs, and other slashes.
_LOOKS_LIKE = {
    "/": "⁄∕╱⧸⟋",
    "a": "аɑα",
    "p": "рρ",
    "o": "оοօ",
    "v": "νѵ",
    "e": "еєε",
    "j": "јϳ",
    "c": "сϲ",
    "t": "τт",
    "k": "кκ",
    "h": "һհн",
    "l": "ӏιıі",
    "d": "ԁ",
    "u": "υս",
    "n": "пո",
    "s": "ѕ",
    "r": "гᴦ",
    "b": "ьƅᑲ",
    "g": "ɡց",
    "-": "‐‒–—―−⁃˗",
}
_LOOKALIKES = {ord(seen): meant for meant, others in _LOOKS_LIKE.items() for seen in others}


def verb_of(line: str) -> Verb | None:
    """The verb of a line that starts with a command's word in ASCII, in upper or lower case."""
    match = _COMMAND.match(line)
    return _BY_NAME.get(match.group(1).lower()) if match else None


def first_foreign(line: str) -> str | None:
    """The first character that is neither printable ASCII nor a tab."""
    match = _FOREIGN.search(line)
    return match.group() if match else None


def disguised_verb(line: str) -> Verb | None:
    """The verb that a person would read at the start of the line, where a foreign character is involved."""
    prefix = line[:_PREFIX]
    if prefix[:1] in (" ", "\t") or not _FOREIGN.search(prefix):
        return None
    return verb_of("".join(map(_plain, prefix)).lstrip())


def _plain(character: str) -> str:
    if " " <= character <= "~":
        return character
    category = unicodedata.category(character)
    if category in _SEPARATORS or character in _BLANKS:
        return " "
    if category in _UNSEEN:
        return ""
    folded = unicodedata.normalize("NFKD", character).casefold()
    kept = "".join(c for c in folded if not unicodedata.combining(c))
    return kept.translate(_LOOKALIKES)
