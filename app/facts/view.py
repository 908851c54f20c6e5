"""Everything known of one pull request at one instant, ready to be made into snapshots."""

from __future__ import annotations

import msgspec

from gates.groups import rosters
from gates.model import (
    ArtifactFacts,
    ChecksFacts,
    Contributors,
    GroupFacts,
    Policies,
    PullFacts,
    Push,
    ReleaseFacts,
    SignedDocument,
)
from gates.terms import EffectiveRule, NoRule
from integrations.github.port import Pull
from manifests.errors import Problem


class PolicyReview(msgspec.Struct, frozen=True):
    """``problems`` of the policy and of its tests keep it from being released. ``changes`` are short sentences.

    ``merged`` is the SHA-256 of the policy at the commit that merged the pull request; empty while it is open.
    """

    problems: tuple[Problem, ...] = ()
    changes: tuple[str, ...] = ()
    files: int = 0
    cases: int = 0
    merged: str = ""


class ReleaseView(msgspec.Struct, frozen=True):
    """One release of the pull request. ``sources`` are the exact bytes of its manifest, lineage and evidence;
    ``rules`` and ``groups`` are by environment. ``groups`` are as their sources have them; ``joined`` are those of the
    rule put together, as people belong to them. ``policy`` is there where the release is the repository's policy."""

    facts: ReleaseFacts
    contributors: Contributors
    artifacts: tuple[ArtifactFacts, ...] = ()
    lineage: SignedDocument | None = None
    evidence: tuple[SignedDocument, ...] = ()
    rules: dict[str, EffectiveRule | NoRule] = {}
    groups: dict[str, tuple[GroupFacts, ...]] = {}
    sources: tuple[bytes, ...] = ()
    policy: PolicyReview | None = None

    @property
    def path(self) -> str:
        return self.facts.manifest_path

    @property
    def environments(self) -> tuple[str, ...]:
        return self.facts.manifest.environments if self.facts.manifest else ()

    def joined(self, environment: str) -> tuple[GroupFacts, ...]:
        """The groups of the rule with the members of the groups that they are made of. One that could not be read keeps
        the members that were last seen: what they say meanwhile counts once it can be read again."""
        rule, facts = self.rules.get(environment), self.groups.get(environment, ())
        if not isinstance(rule, EffectiveRule):
            return facts
        found = rosters({group.name: group.definition for group in rule.groups}, facts, lambda member: "")
        seen_at = min((one.seen_at for one in facts), default=0)
        unread = {one.name: one for one in facts if one.problem and one.members}
        return tuple(
            unread[name]
            if name in unread
            else GroupFacts(
                name, tuple(member for members in roster.members.values() for member in members), seen_at,
                roster.problem,
            )
            for name, roster in found.items()
        )  # fmt: skip

    @property
    def documents(self) -> tuple[str, ...]:
        """The SHA-256 of lineage and evidence, as far as they could be read; sorted."""
        documents = (*([self.lineage] if self.lineage else []), *self.evidence)
        return tuple(sorted({one.digest for one in documents if one.digest and not one.problem}))

    def asks_checks(self, environment: str) -> bool:
        """Whether a check of another App is required there."""
        rule = self.rules.get(environment)
        return isinstance(rule, EffectiveRule) and bool(rule.required_checks)

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each artifact by name."""
        manifest = self.facts.manifest
        return {artifact.name: artifact.sha256 for artifact in manifest.artifacts} if manifest else {}


class PullView(msgspec.Struct, frozen=True):
    """``tree`` is the git tree of the head, ``policy_text`` the policy's bytes at the base (None: no file). ``checks``
    are those of other Apps at the head, where some rule requires any; ``pushes`` what differs between heads, where some
    rule keeps approvals."""

    pull: Pull
    facts: PullFacts
    tree: str
    policies: Policies
    policy_text: bytes | None
    releases: tuple[ReleaseView, ...]
    seen_at: int
    checks: ChecksFacts | None = None
    pushes: tuple[Push, ...] = ()

    def release(self, path: str) -> ReleaseView | None:
        return next((release for release in self.releases if release.path == path), None)
