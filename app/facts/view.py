"""Everything known of one pull request at one instant, ready to be made into snapshots."""

from __future__ import annotations

import msgspec

from gates.model import (
    ArtifactFacts,
    Contributors,
    GroupFacts,
    Policies,
    PullFacts,
    ReleaseFacts,
    SignedDocument,
)
from gates.terms import EffectiveRule, NoRule
from integrations.github.port import Pull


class ReleaseView(msgspec.Struct, frozen=True):
    """One release of the pull request. ``sources`` are the exact bytes of its manifest, lineage and evidence;
    ``rules`` and ``groups`` are by environment."""

    facts: ReleaseFacts
    contributors: Contributors
    artifacts: tuple[ArtifactFacts, ...] = ()
    lineage: SignedDocument | None = None
    evidence: tuple[SignedDocument, ...] = ()
    rules: dict[str, EffectiveRule | NoRule] = {}
    groups: dict[str, tuple[GroupFacts, ...]] = {}
    sources: tuple[bytes, ...] = ()

    @property
    def path(self) -> str:
        return self.facts.manifest_path

    @property
    def environments(self) -> tuple[str, ...]:
        return self.facts.manifest.environments if self.facts.manifest else ()

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each artifact by name."""
        manifest = self.facts.manifest
        return {artifact.name: artifact.sha256 for artifact in manifest.artifacts} if manifest else {}


class PullView(msgspec.Struct, frozen=True):
    """``tree`` is the git tree of the head, ``policy_text`` the policy's bytes at the base (None: no file)."""

    pull: Pull
    facts: PullFacts
    tree: str
    policies: Policies
    policy_text: bytes | None
    releases: tuple[ReleaseView, ...]
    seen_at: int

    def release(self, path: str) -> ReleaseView | None:
        return next((release for release in self.releases if release.path == path), None)
