"""The JSON Schema of what a case says of those who act for others, of emergencies, of checks and managers."""

from __future__ import annotations

from app.policy import words
from manifests.policy import STRENGTHS
from manifests.policy_parser_forms import APP, GROUP_NAME, LOGIN, MAX_LINE
from manifests.release_parser_forms import ENVIRONMENT, EVIDENCE_TYPE
from manifests.schemas_shapes import INSTANT, Schema, choice, line, many, named, one_or_many, table, word

YES: Schema = {"type": "boolean"}
TIME: Schema = {
    "anyOf": [
        {"type": "string", "pattern": f"^{words.RELATIVE}$", "description": "counted from `at`, such as -2h or +30m"},
        INSTANT,
    ]
}


def sentence(description: str = "", *, least: int = 1) -> Schema:
    return line(words.MAX_SENTENCE, description, least=least)


def powers() -> dict[str, Schema]:
    """Key → its schema."""
    return {
        "delegations": many(_delegation(), "who lets whom act for them"),
        "exceptions": many(_exception(), "who lets which finding stay"),
        "glass": many({"anyOf": [word(LOGIN), _glass()]}, "who breaks the glass"),
        "retrospectives": many(_owed(), "broken glasses that nobody has reviewed"),
        "checks": {"anyOf": [many({"anyOf": [line(MAX_LINE), _check()]}), _unread_checks()]},
        "reporting": _reporting(),
    }


def _said() -> dict[str, Schema]:
    return {
        "by": word(LOGIN),
        "at": TIME,
        "environments": one_or_many(word(ENVIRONMENT)),
        "strength": choice(STRENGTHS),
        "void": sentence("why it no longer counts"),
    }


def _groups() -> Schema:
    return many(word(GROUP_NAME), "all of theirs if left out")


def _delegation() -> Schema:
    more = {"to": word(LOGIN), "groups": _groups(), "from": TIME, "until": TIME, "scope": choice(words.SCOPES)}
    return table({**_said(), **more}, ("by", "to"))


def _exception() -> Schema:
    more = {
        "type": word(EVIDENCE_TYPE),
        "finding": word(words.FINDING),
        "control": sentence("what compensates for it", least=0),
        "until": TIME,
    }
    return table({**_said(), **more}, ("by", "type", "finding"))


def _glass() -> Schema:
    more = {
        "groups": _groups(),
        "incident": line(MAX_LINE, least=0),
        "reason": sentence(least=0),
        "changed_since": one_or_many(choice(words.PARTS), "what has changed since it was said"),
    }
    return table({**_said(), **more}, ("by",))


def _owed() -> Schema:
    return table({"due": TIME, "release": sentence(), "environment": word(ENVIRONMENT), "own": YES})


def _check() -> Schema:
    properties = {"name": line(MAX_LINE), "app": word(APP), "conclusion": choice(words.CONCLUSIONS), "at_head": YES}
    return table(properties, ("name",))


def _unread_checks() -> Schema:
    return table({"problem": sentence("why they cannot be read")}, ("problem",))


def _reporting() -> Schema:
    managers = named(LOGIN, one_or_many(word(LOGIN)), "login and managers, nearest first")
    unknown = one_or_many(word(LOGIN), "who is not known there")
    return table({"managers": managers, "unknown": unknown, "problem": sentence("why it cannot be read")})
