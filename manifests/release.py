"""The release manifest, `release.yaml` (schema countersign/release/v1): what somebody wants to put live."""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA = "countersign/release/v1"
Kind = Literal["model", "policy", "config"]
ChangeType = Literal["standard", "normal", "emergency"]


class Artifact(msgspec.Struct, frozen=True):
    """A file that goes live. ``sha256`` is 64 lower-case hex digits, ``size`` is in bytes.

    At most one of ``path`` (a file in the repository, relative to the manifest's folder) and ``uri``
    (file:, https: or s3:) says where its bytes are; with neither, a trusted manifest must name it.
    ``environments`` narrows it to some of the release's environments; empty means all.
    """

    name: str
    sha256: str
    size: int | None = None
    path: str | None = None
    uri: str | None = None
    environments: tuple[str, ...] = ()


class EvidenceReference(msgspec.Struct, frozen=True):
    """A signed report that a gate reads: its type (``test-result``, …) and its path beside the manifest."""

    type: str
    path: str


class Window(msgspec.Struct, frozen=True):
    """When the deployment may happen: from ``start`` until before ``end``, microseconds since 1970 UTC."""

    start: int
    end: int


class ChangePlan(msgspec.Struct, frozen=True):
    """What the change request shall say."""

    type: ChangeType = "normal"
    window: Window | None = None
    implementation_plan: str = ""
    backout_plan: str = ""
    test_plan: str = ""
    risk: Literal["high", "moderate", "low"] | None = None


class Release(msgspec.Struct, frozen=True):
    """One parsed `release.yaml`."""

    schema: str
    kind: Kind
    name: str
    version: str
    rationale: str
    environments: tuple[str, ...]
    artifacts: tuple[Artifact, ...]
    lineage: str | None = None
    evidence: tuple[EvidenceReference, ...] = ()
    change: ChangePlan = ChangePlan()

    def artifacts_for(self, environment: str) -> tuple[Artifact, ...]:
        return tuple(a for a in self.artifacts if not a.environments or environment in a.environments)
