"""Lineage: what an artifact was made from, as SLSA provenance v1 (slsa spec/provenance.md, predicate v1).

Datasets, code, base model and lock file are ``resolvedDependencies``; hyperparameters are
``externalParameters``. A dependency's part is told by ``annotations.kind`` or by a name such as
``dataset:prices``.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from manifests import attestation, canonical, strict_json
from manifests.attestation import Descriptor, FileDigest
from manifests.lineage_people import invoked_by, named_people
from manifests.strict_json import JsonValue

PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "https://countersign.dev/training/v1"

DATASET, CODE, BASE_MODEL, LOCK_FILE = "dataset", "code", "base-model", "lock-file"


class Material(msgspec.Struct, frozen=True):
    """A dependency: its name or URI, and its SHA-256 or None where the lineage gives none."""

    name: str
    sha256: str | None


class Lineage(msgspec.Struct, frozen=True):
    """What was made (``subjects``, never empty) from what, by whom.

    ``code_commit`` is None unless exactly one git commit is named. ``parameters_digest`` is the SHA-256 of
    the hyperparameters in canonical form, numbers with a fraction as text. ``invoked_by`` is the GitHub login of
    whoever triggered the build; ``named_people`` holds it and every other login found, in lower case.
    """

    subjects: tuple[FileDigest, ...]
    datasets: tuple[Material, ...]
    code_commit: str | None
    base_models: tuple[Material, ...]
    lock_files: tuple[Material, ...]
    parameters_digest: str
    builder_id: str
    invoked_by: str | None
    named_people: tuple[str, ...]

    @property
    def without_fingerprint(self) -> tuple[str, ...]:
        """Names of the datasets that have no SHA-256: nobody can tell which bytes they were."""
        return tuple(item.name for item in self.datasets if item.sha256 is None)


class _BuildDefinition(msgspec.Struct, frozen=True, rename="camel"):
    build_type: str
    external_parameters: dict[str, Any]
    internal_parameters: dict[str, Any] = {}
    resolved_dependencies: tuple[Descriptor, ...] = ()


class _Builder(msgspec.Struct, frozen=True):
    id: str


class _RunDetails(msgspec.Struct, frozen=True):
    builder: _Builder


class _Provenance(msgspec.Struct, frozen=True, rename="camel"):
    build_definition: _BuildDefinition
    run_details: _RunDetails


def read(payload: bytes) -> Lineage:
    """The lineage in a statement's payload bytes. Raises ManifestError if it is no SLSA provenance v1.

    A dataset without SHA-256 is reported by ``without_fingerprint``, not raised: the gate says so.
    """
    statement = attestation.parse(payload)
    attestation.expect_type(statement, PREDICATE_TYPE)
    provenance = strict_json.convert(statement.predicate, _Provenance, "SLSA provenance")
    build = provenance.build_definition
    parameters = (build.internal_parameters, build.external_parameters)
    return Lineage(
        subjects=statement.artifacts(),
        datasets=_of_kind(build.resolved_dependencies, DATASET),
        code_commit=_code_commit(build.resolved_dependencies),
        base_models=_of_kind(build.resolved_dependencies, BASE_MODEL),
        lock_files=_of_kind(build.resolved_dependencies, LOCK_FILE),
        parameters_digest=parameters_digest(build.external_parameters),
        builder_id=provenance.run_details.builder.id,
        invoked_by=invoked_by(parameters),
        named_people=named_people((statement.predicate,)),
    )


def parameters_digest(parameters: JsonValue) -> str:
    """SHA-256 of hyperparameters; fractions and integers from 2^53 are digested as their shortest text."""
    return canonical.digest(_exact(parameters))


def _of_kind(dependencies: tuple[Descriptor, ...], kind: str) -> tuple[Material, ...]:
    return tuple(Material(item.label, item.sha256()) for item in dependencies if _is(item, kind))


def _is(item: Descriptor, kind: str) -> bool:
    return item.annotations.get("kind") == kind or (item.name or "").startswith(f"{kind}:")


def _code_commit(dependencies: tuple[Descriptor, ...]) -> str | None:
    marked = {item.digest.get("gitCommit") for item in dependencies if _is(item, CODE)}
    found = marked or {item.digest["gitCommit"] for item in dependencies if "gitCommit" in item.digest}
    return found.pop() if len(found) == 1 else None


def _exact(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {_ascii(name): _exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int) and abs(value) > canonical.MAX_INTEGER:
        return str(value)
    return value


def _ascii(name: str) -> str:
    return name if name.isascii() else name.encode("ascii", "backslashreplace").decode()
