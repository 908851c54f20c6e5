"""The JSON Schema (2020-12) of a file of policy tests, for editors. The reader in `app.policy.cases` judges.

``python -m app.policy.schema [folder]`` writes it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from app.policy import words
from app.policy.model import SCHEMA
from app.policy.schema_powers import TIME, YES, powers, sentence
from manifests.policy import RISKS, STRENGTHS
from manifests.policy_parser_forms import BASE_REF, FIELD, GROUP_NAME, LOGIN, MAX_LINE, MAX_NAME, MAX_SIZE, WAYS
from manifests.release_parser_forms import (
    ARTIFACT_NAME,
    CHANGE_TYPES,
    ENVIRONMENT,
    EVIDENCE_TYPE,
    KINDS,
    MAX_TEXT,
    NAME,
    VERSION,
)
from manifests.schemas import FOLDER
from manifests.schemas_shapes import (
    INSTANT,
    Schema,
    choice,
    document,
    line,
    many,
    named,
    one_or_many,
    table,
    whole,
    word,
)

FILE = "policy-tests.schema.json"


def documents() -> dict[str, str]:
    """File name → the text of the schema."""
    return {FILE: json.dumps(cases_schema(), indent=2) + "\n"}


def cases_schema() -> Schema:
    """The JSON Schema of `.github/countersign.tests.yaml`."""
    case = {"name": line(MAX_NAME), "why": sentence("what the case is for"), **_facts(), "expect": _expect()}
    properties: dict[str, Schema] = {
        "schema": choice([SCHEMA]),
        "policy": word(words.FILE, "the policy under test, countersign.yaml beside this file if left out"),
        "tenant": word(words.FILE, "the tenant policy above it"),
        "given": table(_facts(), (), "facts of every case that does not say otherwise"),
        "cases": {**many(table(case, ("name", "expect")), least=1), "maxItems": words.MAX_CASES},
    }
    return document("Countersign policy tests", SCHEMA, table(properties, ("schema", "cases")))


def _facts() -> dict[str, Schema]:
    return {
        "question": choice(words.QUESTIONS, "merge if left out"),
        "at": INSTANT,
        "environment": word(ENVIRONMENT),
        "seen": TIME,
        "release": _release(),
        "people": named(LOGIN, _person(), "login of each person"),
        "groups": named(GROUP_NAME, {"anyOf": [_members(), _group()]}, "who belongs to which group"),
        "approvals": many(_one_or(word(LOGIN), _approval())),
        "rejections": many(_one_or(word(LOGIN), _withheld())),
        "holds": many(_one_or(word(LOGIN), _withheld())),
        "contributors": many(_contributor(), "who else had a hand in it"),
        "artifacts": many(_one_or(word(ARTIFACT_NAME), _artifact()), least=1),
        "lineage": table({"present": YES, "readable": YES, "signed_by": _signers(), "covers": YES, "datasets": YES}),
        "evidence": many(_evidence()),
        "change": _change(),
        "deployment": table(dict.fromkeys(words.DEPLOYMENT_KEYS, YES)),
        **powers(),
    }


def _one_or(short: Schema, long: Schema) -> Schema:
    return {"anyOf": [short, long]}


def _window() -> Schema:
    return table({"start": TIME, "end": TIME}, ("start", "end"))


def _release() -> Schema:
    return table(
        {
            "kind": choice(KINDS),
            "name": word(NAME),
            "version": word(VERSION),
            "rationale": line(MAX_TEXT, least=0),
            "environments": one_or_many(word(ENVIRONMENT)),
            "path": word(words.PATH),
            "repository": word(words.FULL_REPOSITORY),
            "base_ref": word(BASE_REF),
            "author": word(LOGIN),
            "proposed": TIME,
            "state": choice(words.STATES),
            "draft": YES,
            "window": _window(),
            "risk": choice(RISKS),
            "labels": many(line(MAX_NAME)),
            "changed": many(word(words.CHANGED), "the paths that the pull request changes"),
            "files": whole(0, 10 * MAX_SIZE),
            "lines": whole(0, 10 * MAX_SIZE),
            "head_ref": word(words.BRANCH),
            "head_since": TIME,
            "superseded": sentence("what took its place"),
            "unread": one_or_many(choice(words.UNREAD), "what could not be found out"),
        }
    )


def _person() -> Schema:
    return table({"also": one_or_many(word(LOGIN), "other accounts of the same person"), "bot": YES})


def _members() -> Schema:
    member = table({"login": word(LOGIN), "since": TIME, "added_by": word(LOGIN)}, ("login",))
    return many(_one_or(word(LOGIN), member))


def _group() -> Schema:
    return table({"members": _members(), "problem": sentence("why it cannot be read")})


def _withheld() -> Schema:
    properties: dict[str, Schema] = {
        "by": word(LOGIN),
        "at": TIME,
        "environments": one_or_many(word(ENVIRONMENT)),
        "groups": many(word(GROUP_NAME), "those the person acted for; all of theirs if left out"),
        "void": sentence("why it no longer counts"),
        "reason": sentence(),
    }
    return table(properties, ("by",))


def _approval() -> Schema:
    properties: dict[str, Schema] = {
        **_withheld()["properties"],
        "way": choice(WAYS),
        "strength": choice(STRENGTHS),
        "changed_since": one_or_many(choice(words.PARTS), "what has changed since it was given"),
        "via_app": YES,
        "shown": many(word(EVIDENCE_TYPE), "types of documents that were shown; all if left out"),
        "pushed": many(word(words.CHANGED), "paths that a push since has changed"),
    }
    return table(properties, ("by",))


def _contributor() -> Schema:
    who = table({"who": word(LOGIN), "role": choice(words.ROLES)}, ("who",))
    return _one_or(who, table({"unknown": sentence("a hand that nobody can name")}, ("unknown",)))


def _artifact() -> Schema:
    return table({"name": word(ARTIFACT_NAME), "state": choice(words.ARTIFACT_STATES)}, ("name",))


def _signers() -> Schema:
    name = line(MAX_LINE, "`who` or key of a signer under `trust`, or stranger")
    return _one_or(name, many(name))


def _evidence() -> Schema:
    properties: dict[str, Schema] = {
        "type": word(EVIDENCE_TYPE),
        "readable": YES,
        "signed_by": _signers(),
        "covers": YES,
        "result": word(words.RESULT),
        "fields": named(FIELD, {}, "dotted path and value of what the report says"),
        "without": one_or_many(word(FIELD), "fields that it does not have"),
        "findings": _one_or(choice((words.UNREADABLE,)), many(_one_or(word(words.FINDING), _finding()))),
    }
    return table(properties, ("type",))


def _finding() -> Schema:
    properties = {"id": word(words.FINDING), "severity": word(words.SEVERITY), "about": sentence()}
    return table(properties, ("id",))


def _change() -> Schema:
    approval: dict[str, Schema] = {
        "by": word(LOGIN),
        "state": word(words.STATE),
        "group": line(MAX_LINE),
        "at": TIME,
        **dict.fromkeys(("own_hand", "active", "in_group", "linked"), YES),
    }
    properties: dict[str, Schema] = {
        "present": YES,
        "type": choice(CHANGE_TYPES),
        "state": word(words.STATE),
        "on_hold": YES,
        "window": _window(),
        "content_at": TIME,
        "approvals": many(table(approval, ("by",))),
        "problem": sentence("why it cannot be relied on"),
    }
    return table(properties)


def _expect() -> Schema:
    gates = {gate: choice(words.STATUSES) for gate in words.GATES}
    says = one_or_many(sentence(), "texts that the verdict has to say, in any letter case")
    full = table({"outcome": choice(words.OUTCOMES), "gates": table(gates), "says": says}, ("outcome",))
    return _one_or(choice(words.OUTCOMES), full)


def write(folder: Path) -> None:
    """Write the schema into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
