"""Who is named in a lineage. None of them may approve what they made (four eyes).

Reading too many names only excludes more people; reading too few would let a maker approve their own work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from manifests.strict_json import JsonValue

_TRIGGERED_BY = ("triggeredby", "githubtriggeringactor", "githubactor")
_PEOPLE = frozenset((*_TRIGGERED_BY, "people", "author", "authors", "createdby", "requestedby", "operator"))


def invoked_by(parameters: Iterable[JsonValue]) -> str | None:
    """The login of whoever started the build: the first one that ``parameters`` name."""
    found = [pair for value in parameters for pair in _pairs(value)]
    for key in _TRIGGERED_BY:
        for name, login in found:
            if name == key:
                return login
    return None


def named_people(values: Iterable[JsonValue]) -> tuple[str, ...]:
    """All logins found under a key that names people, in lower case, sorted, each once."""
    return tuple(sorted({login.lower() for value in values for _, login in _pairs(value)}))


def _pairs(value: JsonValue) -> Iterator[tuple[str, str]]:
    """(normalised key, login) for every key that names people, at any depth."""
    if isinstance(value, dict):
        for name, item in value.items():
            key = "".join(character for character in name.lower() if character.isalnum())
            if key in _PEOPLE:
                yield from ((key, login) for login in _logins(item))
            yield from _pairs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _pairs(item)


def _logins(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value.strip().removeprefix("@")
    elif isinstance(value, list):
        for item in value:
            yield from _logins(item)
