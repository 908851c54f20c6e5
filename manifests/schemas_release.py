"""The JSON Schema of `release.yaml`."""

from __future__ import annotations

from manifests.paths import MAX_LENGTH
from manifests.release import SCHEMA
from manifests.release_parser_artifacts import MAX_URI
from manifests.release_parser_change import RISKS
from manifests.release_parser_forms import (
    ARTIFACT_NAME,
    CHANGE_TYPES,
    ENVIRONMENT,
    EVIDENCE_TYPE,
    KINDS,
    MAX_ARTIFACTS,
    MAX_ENVIRONMENTS,
    MAX_EVIDENCE,
    MAX_SIZE,
    MAX_TEXT,
    NAME,
    SHA256,
    VERSION,
)
from manifests.schemas_shapes import INSTANT, Schema, choice, document, line, many, table, whole, word


def release_schema() -> Schema:
    """The JSON Schema of a release manifest."""
    properties: dict[str, Schema] = {
        "schema": choice([SCHEMA]),
        "kind": choice(KINDS, "what goes live"),
        "name": word(NAME),
        "version": word(VERSION, "the version, in quotes where it looks like a number"),
        "rationale": line(MAX_TEXT, "why this should go live", least=0),
        "environments": many(word(ENVIRONMENT), "where it should go", least=1, most=MAX_ENVIRONMENTS),
        "artifacts": many(_artifact(), "the files that go live", least=1, most=MAX_ARTIFACTS),
        "lineage": _path("the signed lineage of the artifacts"),
        "evidence": many(_evidence(), "signed reports that gates read", most=MAX_EVIDENCE),
        "change": _change(),
    }
    required = ("schema", "kind", "name", "version", "rationale", "environments", "artifacts")
    return document("Countersign release manifest", SCHEMA, table(properties, required))


def _path(description: str) -> Schema:
    return line(MAX_LENGTH, f"{description}: a path relative to this file's folder")


def _artifact() -> Schema:
    properties: dict[str, Schema] = {
        "name": word(ARTIFACT_NAME),
        "sha256": word(SHA256, "SHA-256 of the file's bytes, 64 lower-case hexadecimal digits"),
        "size": whole(0, MAX_SIZE, "size in bytes"),
        "path": _path("the file in this repository"),
        "uri": {**line(MAX_URI, "where the bytes are"), "pattern": "^(https://|s3://|file:///)"},
        "environments": many(word(ENVIRONMENT), "only for these environments; all if left out", least=1),
    }
    return {**table(properties, ("name", "sha256")), "not": {"required": ["path", "uri"]}}


def _evidence() -> Schema:
    return table({"type": word(EVIDENCE_TYPE), "path": _path("the signed report")}, ("type", "path"))


def _change() -> Schema:
    plan = line(MAX_TEXT, least=0)
    properties: dict[str, Schema] = {
        "type": choice(CHANGE_TYPES),
        "window": table({"start": INSTANT, "end": INSTANT}, ("start", "end"), "at most 31 days"),
        "implementation_plan": plan,
        "backout_plan": plan,
        "test_plan": plan,
        "risk": choice(RISKS),
    }
    return table(properties, (), "what the change request shall say")
