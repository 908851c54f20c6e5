"""What stands behind a verb on the line of a command: SHAs, environments, a login, an end."""

from __future__ import annotations

import re
from datetime import date, timedelta

import msgspec

from manifests.command_hints import (
    Hint,
    extra_words,
    no_end,
    no_environment,
    no_incident,
    no_login,
    sha_mistake,
)
from manifests.command_lookalike import Verb
from manifests.errors import ManifestError
from manifests.times import from_rfc3339

MAX_ENVIRONMENTS = 20
_SHA = re.compile(r"[0-9a-f]{40}")
_ENVIRONMENT = re.compile(r"[a-z0-9-]{1,32}")
_LOGIN = re.compile(r"@([A-Za-z0-9][A-Za-z0-9_-]{0,63})")
_SPAN = re.compile(r"([1-9][0-9]{0,3})([hd])")
_INCIDENT = re.compile(r"(?<![A-Za-z0-9])(?:INC|CHG)[0-9]{4,15}(?![A-Za-z0-9])", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
INCIDENT_EXAMPLE = "INC0012345"
_SECONDS = {"h": 3600, "d": 86_400}
_ENDS = ("until", "for")


class Command(msgspec.Struct, frozen=True):
    """What a person asks for. ``sha`` is 40 lower-case hex digits for approve, unhold and break-glass, else None.

    ``environments`` are words that look like environments, each once: whether the release has them is for the
    reader to check, before anything counts (``once ci is green`` looks like four). ``reason`` is the text below
    the first line, at most 4,000 characters. ``login`` is whom a delegation is for; it ends ``until`` (microseconds
    since 1970 UTC) or ``lasts`` so many seconds, as long as the rule lets it where neither is said. ``incident`` is
    the number for which the glass is to be broken.
    """

    verb: Verb
    sha: str | None = None
    environments: tuple[str, ...] = ()
    reason: str = ""
    login: str = ""
    until: int | None = None
    lasts: int | None = None
    incident: str = ""


def approve(words: list[str], reason: str) -> Command | Hint:
    sha = words[0].lower() if words else ""
    if not _SHA.fullmatch(sha):
        return sha_mistake("approve", sha)
    named = _environments(words[1:])
    return extra_words("approve") if named is None else Command("approve", sha, named, reason)


def unhold(words: list[str], reason: str) -> Command | Hint:
    sha = words[0].lower() if words else ""
    if not _SHA.fullmatch(sha):
        return sha_mistake("unhold", sha)
    return extra_words("unhold") if len(words) > 1 else Command("unhold", sha, (), reason)


def break_glass(words: list[str], reason: str) -> Command | Hint:
    """The first line of the reason names the incident."""
    sha = words[0].lower() if words else ""
    if not _SHA.fullmatch(sha):
        return sha_mistake("break-glass", sha)
    named = _environments(words[1:])
    if named is None:
        return extra_words("break-glass")
    if not named:
        return no_environment("break-glass")
    found = _INCIDENT.search(reason.partition("\n")[0])
    if found is None:
        return no_incident()
    return Command("break-glass", sha, named, reason, incident=found.group().upper())


def delegate(words: list[str], reason: str) -> Command | Hint:
    login = _LOGIN.fullmatch(words[0]) if words else None
    if login is None:
        return no_login()
    rest, until, lasts = words[1:], None, None
    if any(word in _ENDS for word in rest):
        if len(rest) < 2 or rest[-2] not in _ENDS or any(word in _ENDS for word in rest[:-2]):
            return no_end()
        kind, end = rest[-2:]
        until, lasts = (end_of(end), None) if kind == "until" else (None, span_of(end))
        if until is None and lasts is None:
            return no_end()
        rest = rest[:-2]
    named = _environments(rest)
    if named is None:
        return extra_words("delegate")
    if not named:
        return no_environment("delegate")
    return Command("delegate", None, named, reason, login.group(1), until, lasts)


def end_of(word: str) -> int | None:
    """An RFC 3339 instant, or a date, which lasts until its end in UTC; None for anything else."""
    try:
        if _DATE.fullmatch(word):
            word = f"{date.fromisoformat(word) + timedelta(days=1)}T00:00:00Z"
        return from_rfc3339(word)
    except (ManifestError, ValueError, OverflowError):
        return None


def span_of(word: str) -> int | None:
    """Seconds of ``8h`` or ``3d``; None for anything else."""
    found = _SPAN.fullmatch(word)
    return int(found[1]) * _SECONDS[found[2]] if found else None


def _environments(words: list[str]) -> tuple[str, ...] | None:
    """Each once; None where there are too many or one cannot be an environment."""
    if len(words) > MAX_ENVIRONMENTS or not all(_ENVIRONMENT.fullmatch(word) for word in words):
        return None
    return tuple(dict.fromkeys(words))
