"""The layer of the environment: COUNTERSIGN_SECTION__KEY, and COUNTERSIGN_…_FILE for secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.settings.names import LIST_INDEX, PREFIX, Key, keys, nearest
from manifests.errors import Problem

OTHER_VARIABLES = frozenset({"COUNTERSIGN_CONFIG", "COUNTERSIGN_URL", "COUNTERSIGN_TOKEN", "COUNTERSIGN_TOKEN_FILE"})
"""Read by the command line, not settings of the service."""

# Kubernetes gives every container the address of every Service: one named "countersign" must not stop us.
_SERVICE = re.compile(r"COUNTERSIGN_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?)")
_SERVICE_LINK = re.compile(r"COUNTERSIGN_([A-Z0-9_]+_)?PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?")
_INDEXED = re.compile(r"(?<=__)\d+(?=__)")


def read(env: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """Nested values by key (list positions as int), and what was wrong with the variables."""
    table = {key.variable.replace(LIST_INDEX.upper(), LIST_INDEX): key for key in keys()}
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name in sorted(env):
        if not name.startswith(PREFIX) or name in OTHER_VARIABLES or _from_kubernetes(name, env[name]):
            continue
        try:
            key, text = _value(name, env, table)
        except _Refused as refused:
            problems.append(refused.problem)
        else:
            _put(values, _path(name, key), _split(text) if key.many else text)
    return values, problems


class _Refused(Exception):
    def __init__(self, name: str, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.problem = Problem(code, message, remedy, path=name)


def _value(name: str, env: Mapping[str, str], table: Mapping[str, Key]) -> tuple[Key, str]:
    key = table.get(_INDEXED.sub(LIST_INDEX, name))
    if key is not None:
        return key, env[name]
    plain = name.removesuffix("_FILE")
    key = table.get(_INDEXED.sub(LIST_INDEX, plain)) if plain != name else None
    if key is None or not key.secret:
        hint = nearest(name, [*table, *(f"{variable}_FILE" for variable in table if table[variable].secret)], 0.8)
        raise _Refused(
            name,
            "settings.unknown",
            "expected a variable that names a setting, found none of this name.",
            f"{hint}Correct or unset it.",
        )
    if plain in env:
        raise _Refused(name, "settings.twice", f"expected {plain} or {name}, found both.", "Unset one of the two.")
    return key, _content(name, Path(env[name]))


def _content(name: str, path: Path) -> str:
    try:
        return path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise _Refused(
            name,
            "settings.unreadable",
            f"expected a readable file, found {path}: {reason}.",
            "Mount the secret there, or mend its path and permissions.",
        ) from error


def _path(name: str, key: Key) -> tuple[str | int, ...]:
    numbers = iter(_INDEXED.findall(name))
    return tuple(int(next(numbers)) if step == LIST_INDEX else step for step in key.path)


def _put(values: dict[str, Any], path: tuple[str | int, ...], value: Any) -> None:
    place: dict[Any, Any] = values
    for step in path[:-1]:
        place = place.setdefault(step, {})
    place[path[-1]] = value


def _split(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text) if word]


def _from_kubernetes(name: str, value: str) -> bool:
    if _SERVICE.fullmatch(name):
        return True
    linked = _SERVICE_LINK.fullmatch(name)
    return linked is not None and (linked[2] is not None or value.startswith(("tcp://", "udp://", "sctp://")))
