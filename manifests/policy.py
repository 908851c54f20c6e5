"""The policy (`.github/countersign.yaml`, schema countersign/policy/v1) and the tenant policy over it.

Durations are in seconds, instants in microseconds since 1970 UTC. What a rule may ask for beyond the first version
has a default that asks for nothing, so that a policy without it keeps its meaning and its digest.
"""

from __future__ import annotations

from typing import Literal

import msgspec

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
from manifests.release import Kind

SCHEMA = "countersign/policy/v1"
POLICY_PATH = ".github/countersign.yaml"

Strength = Literal["attested", "personal", "passkey"]
Way = Literal["review", "command", "cli", "passkey", "servicenow"]
Permission = Literal["read", "triage", "write", "maintain", "admin"]
Risk = Literal["low", "moderate", "high"]
GateName = Literal[
    "artifacts", "lineage", "rationale", "evidence", "change", "freeze", "required_checks", "findings"
]  # fmt: skip

STRENGTHS: tuple[Strength, ...] = ("attested", "personal", "passkey")
PERMISSIONS: tuple[Permission, ...] = ("read", "triage", "write", "maintain", "admin")
RISKS: tuple[Risk, ...] = ("low", "moderate", "high")
GATE_NAMES: tuple[GateName, ...] = (
    "artifacts", "lineage", "rationale", "evidence", "change", "freeze", "required_checks", "findings",
)  # fmt: skip
DEFAULT_EXPIRY_S = 72 * 3600
DEFAULT_RELEASE_GLOB = "releases/**/release.yaml"


class Group(msgspec.Struct, frozen=True):
    """A set of persons: the union of its sources and of the groups ``any_of``; with ``all_of``, only those of them
    who are in each of these groups too (without a source of its own, their intersection).

    ``github_team`` is ``organisation/slug``; ``github_team_id`` pins it. ``members`` lists GitHub logins.
    ``github_org`` are an organisation's members, ``permission`` those with at least this permission on the
    repository, ``codeowners`` the owners that the base branch's CODEOWNERS names for the release's files.
    """

    github_team: str | None = None
    github_team_id: int | None = None
    servicenow_group: str | None = None
    members: tuple[str, ...] = ()
    github_org: str | None = None
    permission: Permission | None = None
    codeowners: bool = False
    idp_group: str | None = None
    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()


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

    ``signature`` None means the default: ``personal`` for production, else ``attested``. ``shown`` are the types of
    documents (``lineage`` or types of evidence) that the person must have been shown when consenting.
    """

    group: str
    count: int = 1
    signature: Strength | None = None
    accept: tuple[Way, ...] = ("review", "command", "cli")
    shown: tuple[str, ...] = ()


class Size(msgspec.Struct, frozen=True):
    """A change of at least so many files, or of at least so many lines added and deleted."""

    files: int | None = None
    lines: int | None = None


class When(msgspec.Struct, frozen=True):
    """Which releases a rule is for: every key that is there has to hold. An empty tuple or None means any.

    ``risk`` is the least risk: a release that declares more, or none, is meant too. ``labels``: the pull request has
    one of them. ``requester``: who asks is in one of these groups. ``changed``: a changed path matches. What cannot
    be told counts as holding, and so does its contrary: doubt adds requirements.
    """

    kind: tuple[Kind, ...] = ()
    name: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    base_ref: tuple[str, ...] = ()
    repository: tuple[str, ...] = ()
    head_ref: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    risk: Risk | None = None
    size: Size | None = None
    changed: tuple[str, ...] = ()
    requester: tuple[str, ...] = ()
    all: tuple[When, ...] = ()
    any: tuple[When, ...] = ()
    not_: When | None = msgspec.field(default=None, name="not")


class Rule(msgspec.Struct, frozen=True):
    """One entry of ``rules``. Members of the groups of ``veto`` may reject and hold without having a seat.
    ``review_time`` is how long a head must have been open for review; ``windows`` when deployments may happen."""

    name: str
    when: When = When()
    seats: tuple[Seat, ...] = ()
    expires: int = DEFAULT_EXPIRY_S
    gates: tuple[GateName, ...] = ("artifacts", "rationale")
    evidence: tuple[str, ...] = ()
    change: ChangeRule | None = None
    veto: tuple[str, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    required_checks: tuple[RequiredCheck, ...] = ()
    findings: FindingsRule | None = None
    review_time: int = 0
    deadline: DeadlineRule | None = None
    windows: tuple[Recurrence, ...] = ()
    keep: KeepRule | None = None
    delegation: DelegationRule | None = None
    break_glass: BreakGlassRule | None = None


class Freeze(msgspec.Struct, frozen=True):
    """No deployment from ``start`` until before ``end``, or in each occurrence of ``recurrence``; ``environments``
    empty means all. With ``emergency``, an approved emergency change goes live all the same."""

    name: str
    start: int = 0
    end: int = 0
    environments: tuple[str, ...] = ()
    recurrence: Recurrence | None = None
    emergency: bool = False


class Include(msgspec.Struct, frozen=True):
    """A policy that is part of this one: exactly the bytes with this digest, at ``path`` of ``repository`` (None:
    this one) at ``ref`` (None: the commit that this policy is read at)."""

    path: str
    sha256: str
    repository: str | None = None
    ref: str | None = None


class Policy(msgspec.Struct, frozen=True):
    """One parsed policy of a repository, with what it includes."""

    schema: str
    groups: dict[str, Group] = {}
    trust: dict[str, tuple[TrustedSigner, ...]] = {}
    rules: tuple[Rule, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    include: tuple[Include, ...] = ()


class BaseRefs(msgspec.Struct, frozen=True):
    """The branches of one repository (``owner/name`` or ``owner/*``) whose pull requests can be allowed."""

    repository: str
    refs: tuple[str, ...]


class PeopleRules(msgspec.Struct, frozen=True):
    """How the people registry is kept, in seconds: how much older than the release a membership must be, and how
    long after its confirmation a key can first be used. ``machines`` are logins of accounts that no human uses by
    hand (AI agents, service accounts): they never count."""

    membership_age: int = 24 * 3600
    key_cooldown: int = 24 * 3600
    machines: tuple[str, ...] = ()


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
