"""Reading `release.yaml` (schema countersign/release/v1): bytes in, a Release or every mistake out."""

from __future__ import annotations

from manifests import paths
from manifests.located_yaml import Node
from manifests.located_yaml_reader import Read, Reader
from manifests.located_yaml_values import choice, file_path, form, many, text
from manifests.release import SCHEMA, ChangePlan, EvidenceReference, Release
from manifests.release_parser_artifacts import artifacts, check_environments_served
from manifests.release_parser_change import change_plan
from manifests.release_parser_forms import (
    ENVIRONMENT,
    EVIDENCE_TYPE,
    KINDS,
    MAX_ENVIRONMENTS,
    MAX_EVIDENCE,
    MAX_TEXT,
    NAME,
    VERSION,
)

MAX_BYTES = 256 * 1024
KEYS = (
    "schema",
    "kind",
    "name",
    "version",
    "rationale",
    "environments",
    "artifacts",
    "lineage",
    "evidence",
    "change",
)


def parse_release(text: bytes, path: str) -> Release:
    """The release that the bytes of the manifest at repository-relative ``path`` describe.

    Raises ManifestError with every problem and its place; more than 256 KiB are refused. Paths stay as
    written, relative to the manifest's folder: see ``referenced_paths``.
    """
    reader = Reader(path)
    try:
        paths.check(path)
    except paths.PathError as error:
        reader.refuse(None, "release.manifest_path", error.reason, error.remedy)
    root = reader.load(text, MAX_BYTES)
    return reader.finish(None if root is None else _release(reader, root, path))


def referenced_paths(release: Release, manifest_path: str) -> tuple[str, ...]:
    """Repository-relative paths of every file the manifest names, sorted, each once.

    Raises paths.PathError only for a release that was not parsed at ``manifest_path``.
    """
    named = [release.lineage, *(e.path for e in release.evidence), *(a.path for a in release.artifacts)]
    return tuple(sorted({paths.resolve(manifest_path, path) for path in named if path is not None}))


def _release(reader: Reader, root: Node, path: str) -> Release:
    fields = reader.fields(root, "the release", KEYS)
    read_environments = many(reader, form(reader, ENVIRONMENT), least=1, most=MAX_ENVIRONMENTS, unique=str)
    environments = fields.required("environments", read_environments, ())
    release = Release(
        schema=fields.required("schema", choice(reader, (SCHEMA,)), ""),
        kind=fields.required("kind", choice(reader, KINDS), KINDS[0]),
        name=fields.required("name", form(reader, NAME), ""),
        version=fields.required("version", form(reader, VERSION), ""),
        rationale=fields.required("rationale", text(reader, MAX_TEXT, least=0), ""),
        environments=environments,
        artifacts=fields.required("artifacts", artifacts(reader, environments, path), ()),
        lineage=fields.optional("lineage", file_path(reader, path), None),
        evidence=fields.optional("evidence", _evidence(reader, path), ()),
        change=fields.optional("change", change_plan(reader), ChangePlan()),
    )
    check_environments_served(fields, environments, release.artifacts)
    return release


def _evidence(reader: Reader, manifest_path: str) -> Read[tuple[EvidenceReference, ...]]:
    def read(node: Node, name: str) -> EvidenceReference | None:
        fields = reader.fields(node, "an evidence entry", ("type", "path"))
        kind = fields.required("type", form(reader, EVIDENCE_TYPE), None)
        path = fields.required("path", file_path(reader, manifest_path), None)
        return None if kind is None or path is None else EvidenceReference(kind, path)

    return many(reader, read, most=MAX_EVIDENCE, unique=lambda found: (found.type, found.path))
