"""The terms that apply to one release and environment once all matching rules are merged."""

from __future__ import annotations

import msgspec

from manifests.errors import Problem
from manifests.policy import ChangeRule, GateName, Group, Strength, TrustedSigner, Way


class SeatTerms(msgspec.Struct, frozen=True):
    """``count`` distinct persons of ``group``, each signing at least as strongly as ``signature``."""

    group: str
    count: int
    signature: Strength
    accept: tuple[Way, ...]


class GroupTerms(msgspec.Struct, frozen=True):
    name: str
    definition: Group


class TrustTerms(msgspec.Struct, frozen=True):
    type: str
    signers: tuple[TrustedSigner, ...]


class EffectiveRule(msgspec.Struct, frozen=True):
    """What applies. ``rules`` are the merged rules, each as ``tenant/<name>`` or ``repository/<name>``.

    ``expires``, ``membership_age`` and ``freshness`` are seconds. ``digest`` is the canonical SHA-256 of this
    struct with an empty ``digest``: what a statement binds.
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

    def signers(self, type: str) -> tuple[TrustedSigner, ...]:
        """The keys whose signature makes a document of this type count."""
        return next((trust.signers for trust in self.trust if trust.type == type), ())


class NoRule(msgspec.Struct, frozen=True):
    """Why there is no effective rule; nothing can be allowed then."""

    problems: tuple[Problem, ...]
    digest: str = ""
