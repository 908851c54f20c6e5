"""The terms that apply to one release and environment once all matching rules are merged."""

from __future__ import annotations

from typing import Any

import msgspec

from manifests import canonical
from manifests.errors import Problem
from manifests.policy import GateName, Group, Strength, TrustedSigner, Way
from manifests.policy_terms import (
    BreakGlassRule,
    ChangeRule,
    DeadlineRule,
    DelegationRule,
    Exclusion,
    FindingsRule,
    KeepRule,
    Recurrence,
    RequiredCheck,
    Requirement,
)


class SeatTerms(msgspec.Struct, frozen=True):
    """``count`` distinct persons of ``group``, each signing at least as strongly as ``signature`` after having been
    ``shown`` the documents of these types."""

    group: str
    count: int
    signature: Strength
    accept: tuple[Way, ...]
    shown: tuple[str, ...] = ()


class GroupTerms(msgspec.Struct, frozen=True):
    name: str
    definition: Group


class TrustTerms(msgspec.Struct, frozen=True):
    type: str
    signers: tuple[TrustedSigner, ...]


class WindowTerms(msgspec.Struct, frozen=True):
    """When the rule called ``rule`` lets deployments happen: in any of ``spans``."""

    rule: str
    spans: tuple[Recurrence, ...]


class EffectiveRule(msgspec.Struct, frozen=True):
    """What applies. ``rules`` are the merged rules, each as ``tenant/<name>`` or ``repository/<name>``.

    ``expires``, ``membership_age``, ``freshness`` and ``review_time`` are seconds. ``groups`` are all groups that
    seats, vetoes and the other terms name, and those that these are made of. Of ``windows`` every entry has to be
    open. ``digest`` is what a statement binds (``digest_of``).
    """

    rules: tuple[str, ...]
    seats: tuple[SeatTerms, ...]
    expires: int
    gates: tuple[GateName, ...]
    evidence: tuple[str, ...]
    change: ChangeRule | None
    groups: tuple[GroupTerms, ...]
    trust: tuple[TrustTerms, ...]
    membership_age: int
    freshness: int
    digest: str = ""
    veto: tuple[str, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    required_checks: tuple[RequiredCheck, ...] = ()
    findings: tuple[FindingsRule, ...] = ()
    review_time: int = 0
    deadline: DeadlineRule | None = None
    windows: tuple[WindowTerms, ...] = ()
    keep: KeepRule | None = None
    delegation: DelegationRule | None = None
    break_glass: BreakGlassRule | None = None

    def signers(self, type: str) -> tuple[TrustedSigner, ...]:
        """The keys whose signature makes a document of this type count."""
        return next((trust.signers for trust in self.trust if trust.type == type), ())

    def group(self, name: str) -> Group | None:
        return next((group.definition for group in self.groups if group.name == name), None)


class NoRule(msgspec.Struct, frozen=True):
    """Why there is no effective rule; nothing can be allowed then. ``waits`` tells that it is not known yet."""

    problems: tuple[Problem, ...]
    digest: str = ""
    waits: bool = False


_FIRST = frozenset(
    {
        "rules", "seats", "expires", "gates", "evidence", "change", "groups", "trust", "membership_age", "freshness",
        "digest", "group", "count", "signature", "accept", "name", "definition", "type", "signers", "github_team",
        "github_team_id", "servicenow_group", "members", "key", "who", "public_key", "person", "assignment_group",
        "cab", "approvals",
    }
)  # fmt: skip
"""The terms of the first release: always part of the digest, later ones only where they ask for something. So the
digest of a rule that uses none of them, and with it each statement that binds it, stays what it was."""


def digest_of(terms: EffectiveRule) -> str:
    """The canonical SHA-256 of the terms with an empty ``digest``."""
    return canonical.digest(_asked(msgspec.to_builtins(msgspec.structs.replace(terms, digest=""))))


def _asked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _asked(item) for key, item in value.items() if key in _FIRST or item}
    return [_asked(item) for item in value] if isinstance(value, (list, tuple)) else value
