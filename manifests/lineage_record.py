"""Writes a lineage: the statement that a training pipeline signs."""

from __future__ import annotations

import msgspec

from manifests import attestation, canonical, lineage
from manifests.attestation import STATEMENT_TYPE, Descriptor, FileDigest
from manifests.lineage import BASE_MODEL, BUILD_TYPE, CODE, DATASET, LOCK_FILE, PREDICATE_TYPE
from manifests.refusal import refusal
from manifests.strict_json import JsonValue


class Commit(msgspec.Struct, frozen=True):
    """A git commit: ``uri`` such as ``git+https://github.com/acme/models``, ``sha`` as full hex."""

    uri: str
    sha: str


class Recipe(msgspec.Struct, frozen=True):
    """What a training run knows about itself. Fractions among the parameters must be given as text."""

    subjects: tuple[FileDigest, ...]
    datasets: tuple[FileDigest, ...]
    builder_id: str
    parameters: dict[str, str | int | bool | None]
    code: Commit | None = None
    base_models: tuple[FileDigest, ...] = ()
    lock_file: FileDigest | None = None
    triggered_by: str | None = None
    people: tuple[str, ...] = ()
    invocation_id: str | None = None


def build_lineage(recipe: Recipe) -> bytes:
    """Canonical payload bytes; ``lineage.read`` gives them back. Sign them as DSSE, type ``dsse.IN_TOTO``.

    Raises ManifestError without subjects or for a malformed digest, NotCanonicalError for parameters with
    fractions.
    """
    if not recipe.subjects:
        raise refusal("lineage.subjects", "expected at least one artifact, found none.", "Name what was made.")
    payload = canonical.encode(
        {
            "_type": STATEMENT_TYPE,
            "subject": [attestation.subject_of(item) for item in sorted(recipe.subjects)],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": recipe.parameters,
                    "internalParameters": _internal(recipe),
                    "resolvedDependencies": _dependencies(recipe),
                },
                "runDetails": _run_details(recipe),
            },
        }
    )
    if missing := lineage.read(payload).without_fingerprint:
        raise refusal(
            "lineage.datasets",
            f"expected a SHA-256 of every dataset, found none of {', '.join(missing)[:200]}.",
            "Hash the datasets before training.",
        )
    return payload


def _internal(recipe: Recipe) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    if recipe.people:
        found["people"] = list(recipe.people)
    if recipe.triggered_by:
        found["triggeredBy"] = recipe.triggered_by
    return found


def _run_details(recipe: Recipe) -> dict[str, JsonValue]:
    details: dict[str, JsonValue] = {"builder": {"id": recipe.builder_id}}
    if recipe.invocation_id:
        details["metadata"] = {"invocationId": recipe.invocation_id}
    return details


def _dependencies(recipe: Recipe) -> list[Descriptor]:
    code = [recipe.code] if recipe.code else []
    lock = [recipe.lock_file] if recipe.lock_file else []
    return [
        *(_material(item, DATASET) for item in sorted(recipe.datasets)),
        *(_material(item, BASE_MODEL) for item in sorted(recipe.base_models)),
        *(_material(item, LOCK_FILE) for item in lock),
        *(Descriptor(uri=item.uri, digest={"gitCommit": item.sha}, annotations={"kind": CODE}) for item in code),
    ]


def _material(item: FileDigest, kind: str) -> Descriptor:
    return Descriptor(name=item.name, digest={"sha256": item.sha256}, annotations={"kind": kind})
