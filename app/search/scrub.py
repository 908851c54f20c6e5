"""Secrets that somebody wrote where they do not belong, taken out of what people are given to read.

The log keeps them: what is sealed is never changed. Who needs the exact bytes asks for the single record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

MARK: Final = "[scrubbed: {}]"

_PEM: Final = "[A-Z0-9 ]*PRIVATE KEY-----"
_KINDS: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    ("private key", re.compile(rf"-----BEGIN {_PEM}.*?(?:-----END {_PEM}|\Z)", re.S), ""),
    ("Countersign token", re.compile(r"(?<![A-Za-z0-9])cs_[0-9a-z]+_[A-Za-z0-9_-]{20,}"), ""),
    ("GitHub token", re.compile(r"(?<![A-Za-z0-9])(?:github_pat_\w{8,}|gh[a-z]_[A-Za-z0-9._-]{16,})"), ""),
    ("AWS key", re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"), ""),
    ("AWS secret key", re.compile(r"(?i)(aws_?secret_?(?:access_?)?key\W{1,5})[a-z0-9/+]{40}(?![a-z0-9/+])"), r"\1"),
    ("JWT", re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"), ""),
    ("credential", re.compile(r"(?i)(?<![a-z0-9])((?:bearer|basic|token|digest|negotiate)\s+)[\w.~+/=-]{16,}"), r"\1"),
    ("credential", re.compile(r"(?i)(?<![A-Za-z0-9])(authorization\s*[:=]\s*)(?!\[scrubbed: )[^\s\[][^\r\n]*"), r"\1"),
    ("password in an address", re.compile(r"(\w://[^/\s:@]*:)(?!\[scrubbed: )[^/\s@]+(?=@)"), r"\1"),
)  # fmt: skip
_NAMES: Final = frozenset({
    "authorization", "proxyauthorization", "password", "passwd", "secret", "clientsecret", "apikey", "privatekey",
    "secretkey", "secretaccesskey", "awssecretaccesskey", "cookie", "setcookie", "accesstoken", "refreshtoken",
})  # fmt: skip
"""Members whose text is secret whatever it looks like; letters only, in lower case."""

_HINT: Final = re.compile(
    rb"(?i)-----BEGIN|cs_|gh[a-z]_|github_pat_|AKIA|ASIA|aws_?secret|eyJ|bearer|basic|token|digest|negotiate|authorization"
    rb"|://[^/\s]*@|password|passwd|secret|api.?key|private.?key|cookie"
)
"""Canonical JSON writes printable ASCII as it is, apart from quotes and backslashes: without any of these in its
bytes, a record holds nothing that would be taken out."""


def may_hold(data: bytes) -> bool:
    """Whether canonical JSON needs a closer look."""
    return _HINT.search(data) is not None


def text(value: str, tell: Callable[[str], None]) -> str:
    """The text with a mark in place of each secret; ``tell`` hears what kind each was."""
    more = True
    # What stood close by another secret is only seen once that is gone.
    while more:
        more = False
        for kind, pattern, keep in _KINDS:
            value, count = pattern.subn(keep + MARK.format(kind), value)
            if count:
                more = True
                tell(kind)
    return value


def deep(value: object, tell: Callable[[str], None]) -> object:
    """A JSON value likewise, names of members included."""
    if isinstance(value, str):
        return text(value, tell)
    if isinstance(value, list):
        return [deep(item, tell) for item in value]
    if isinstance(value, Mapping):
        return {text(name, tell): _member(name, item, tell) for name, item in value.items()}
    return value


def _member(name: str, item: object, tell: Callable[[str], None]) -> object:
    letters = "".join(letter for letter in name.lower() if letter.isalnum())
    if letters in _NAMES and isinstance(item, str) and item and not item.startswith("[scrubbed: "):
        tell(name)
        return MARK.format(text(name, tell))
    return deep(item, tell)
