"""The policy (`.github/countersign.yaml`, schema countersign/policy/v1) and the tenant policy over it.

Durations are in seconds, instants in microseconds since 1970 UTC.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from manifests.release import ChangeType, Kind

SCHEMA = "countersign/policy/v1"
POLICY_PATH = ".github/countersign.yaml"

Strength = Literal["attested", "personal", "passkey"]
Way = Literal["review", "command", "cli", "passkey", "servicenow"]
GateName = Literal["artifacts", "lineage", "rationale", "evidence", "change", "freeze"]

STRENGTHS: tuple[Strength, ...] = ("attested", "personal", "passkey")
GATE_NAMES: tuple[GateName, ...] = ("artifacts", "lineage", "rationale", "evidence", "change", "freeze")
DEFAULT_EXPIRY_S = 72 * 3600
DEFAULT_RELEASE_GLOB = "releases/**/release.yaml"


class Group(msgspec.Struct, frozen=True):
    """A set of persons from pinned sources; with several sources, their union.

    ``github_team`` is ``organisation/slug``; ``github_team_id`` pins it. ``members`` lists GitHub logins.
    """

    github_team: str | None = None
    github_team_id: int | None = None
    servicenow_group: str | None = None
    members: tuple[str, ...] = ()


class TrustedSigner(msgspec.Struct, frozen=True):
    """A key whose signature makes evidence count: its OpenSSH fingerprint (``SHA256:…``) and whose it is.

    ``public_key`` (an OpenSSH public key line) may be left out when the signed document carries the key.
    ``person`` is the GitHub login of a human who holds the key, where one does.
    """

    key: str
    who: str
    public_key: str | None = None
    person: str | None = None


class Seat(msgspec.Struct, frozen=True):
    """``count`` consents of distinct persons from ``group``, signed at least as strongly as asked.

    ``signature`` None means the default: ``personal`` for production, else ``attested``.
    """

    group: str
    count: int = 1
    signature: Strength | None = None
    accept: tuple[Way, ...] = ("review", "command", "cli")


class When(msgspec.Struct, frozen=True):
    """Which releases a rule is for; an empty tuple means any."""

    kind: tuple[Kind, ...] = ()
    name: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    base_ref: tuple[str, ...] = ()


class ChangeRule(msgspec.Struct, frozen=True):
    """What the change request must be: allowed types, who is asked, how many human approvals it needs."""

    type: ChangeType = "normal"
    assignment_group: str | None = None
    cab: bool = False
    approvals: int = 1


class Rule(msgspec.Struct, frozen=True):
    """One entry of ``rules``."""

    name: str
    when: When = When()
    seats: tuple[Seat, ...] = ()
    expires: int = DEFAULT_EXPIRY_S
    gates: tuple[GateName, ...] = ("artifacts", "rationale")
    evidence: tuple[str, ...] = ()
    change: ChangeRule | None = None


class Freeze(msgspec.Struct, frozen=True):
    """No deployment from ``start`` until before ``end``; ``environments`` empty means all."""

    name: str
    start: int
    end: int
    environments: tuple[str, ...] = ()


class Policy(msgspec.Struct, frozen=True):
    """One parsed policy of a repository."""

    schema: str
    groups: dict[str, Group] = {}
    trust: dict[str, tuple[TrustedSigner, ...]] = {}
    rules: tuple[Rule, ...] = ()
    freezes: tuple[Freeze, ...] = ()


class BaseRefs(msgspec.Struct, frozen=True):
    """The branches of one repository (``owner/name`` or ``owner/*``) whose pull requests can be allowed."""

    repository: str
    refs: tuple[str, ...]


class PeopleRules(msgspec.Struct, frozen=True):
    """How the people registry is kept, in seconds: how much older than the release a membership must be, and how
    long after its confirmation a key can first be used."""

    membership_age: int = 24 * 3600
    key_cooldown: int = 24 * 3600


class TenantPolicy(msgspec.Struct, frozen=True):
    """The policy over all of a tenant's repositories; a repository can only tighten it.

    ``freshness`` is the greatest age in seconds of a changeable fact at a production deployment.
    ``release_glob`` says which files are release manifests. In the environments of ``anchored`` nothing is allowed
    before its approvals are anchored outside the database.
    """

    schema: str
    base_refs: tuple[BaseRefs, ...] = ()
    installations: tuple[int, ...] = ()
    people: PeopleRules = PeopleRules()
    freshness: int = 60
    release_glob: str = DEFAULT_RELEASE_GLOB
    workflows: tuple[str, ...] = ()
    anchored: tuple[str, ...] = ()
    groups: dict[str, Group] = {}
    trust: dict[str, tuple[TrustedSigner, ...]] = {}
    rules: tuple[Rule, ...] = ()
    freezes: tuple[Freeze, ...] = ()
