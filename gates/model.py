"""What a decision is made from (a snapshot) and what it says (a verdict).

Everything here is frozen, holds no I/O and can be written as canonical JSON, so that a decision can be
replayed years later. Instants are microseconds since 1970 UTC; digests are 64 lower-case hex digits of
SHA-256. An account is written ``github:<id>`` or ``servicenow:<sys_id>``; a person is a random id.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from manifests.errors import Problem
from manifests.policy import Policy, Strength, TenantPolicy, Way
from manifests.policy_terms import Recurrence
from manifests.release import Release

Question = Literal["merge", "deploy"]
Status = Literal["pass", "waived", "wait", "fail", "error"]
Outcome = Literal["allow", "wait", "deny"]


class Policies(msgspec.Struct, frozen=True):
    """The tenant policy and the repository's policy at the base branch, as parsed.

    ``repository`` is None when there is none or it cannot be read; ``problem`` then says why. ``unreleased`` says that
    this version of the repository's policy was never itself released under four eyes, so it counts for nothing.
    """

    tenant: TenantPolicy | None
    repository: Policy | None
    commit: str = ""
    problem: str = ""
    seen_at: int = 0
    unreleased: str = ""


class PullFacts(msgspec.Struct, frozen=True):
    """``head_ref`` is the branch it comes from, as ``owner:branch`` where that is a fork. None stands for what is not
    known: ``labels``, the ``changed`` paths (old names too), how many ``files`` and ``lines`` (added and deleted)."""

    repository_id: int
    repository: str
    number: int
    state: Literal["open", "closed", "merged"]
    draft: bool
    base_ref: str
    head_sha: str
    seen_at: int
    problem: str = ""
    head_ref: str | None = None
    labels: tuple[str, ...] | None = None
    changed: tuple[str, ...] | None = None
    files: int | None = None
    lines: int | None = None


class ReleaseFacts(msgspec.Struct, frozen=True):
    """The release at the head: its manifest (None when unreadable, ``problems`` then says why). ``head_since`` is when
    a delivery first told of this head (0: not known)."""

    manifest_path: str
    manifest: Release | None
    revision: str
    proposed_at: int
    problems: tuple[Problem, ...] = ()
    superseded: str = ""
    head_since: int = 0


class Contributor(msgspec.Struct, frozen=True):
    """Somebody who had a hand in the release. ``role`` is requester, author, committer, co-author, pusher,
    evidence, builder. ``person`` is every person the account was ever linked to (one entry each)."""

    account: str
    person: str
    role: str
    detail: str = ""


class Contributors(msgspec.Struct, frozen=True):
    """``unknown`` has a sentence for each contribution whose author cannot be told; any one fails closed."""

    known: tuple[Contributor, ...] = ()
    unknown: tuple[str, ...] = ()
    seen_at: int = 0


class Member(msgspec.Struct, frozen=True):
    """One member's account. ``since`` is when the membership was first known (None: unknown), ``granted_by``
    the account that added them, where that was seen, and ``granted_by_people`` every person that account was
    ever linked to."""

    account: str
    person: str
    name: str
    kind: str = "User"
    since: int | None = None
    granted_by: str | None = None
    granted_by_people: tuple[str, ...] = ()


class GroupFacts(msgspec.Struct, frozen=True):
    """A group as it is now. ``problem`` not empty means it could not be read or is not the pinned one."""

    name: str
    members: tuple[Member, ...] = ()
    seen_at: int = 0
    problem: str = ""


class Delegation(msgspec.Struct, frozen=True):
    """Who may act for the person who delegates, from ``starts_at`` on: for this release, or for every release of the
    repository. It ends with the consent's ``not_after``."""

    person: str
    account: str
    starts_at: int
    scope: Literal["release", "repository"] = "release"


class FindingException(msgspec.Struct, frozen=True):
    """The finding that may stay, by the type of the evidence that has it and its id there, and the ``control`` that
    compensates for it."""

    type: str
    finding: str
    control: str


ConsentDecision = Literal["approve", "reject", "hold", "delegate", "except", "break-glass", "review"]


class Consent(msgspec.Struct, frozen=True):
    """A verified statement. ``void`` says why it no longer counts; ``difference`` says how its record does
    not bear it out. ``groups`` are those the person belonged to when consenting, or acted for by a delegation.

    ``shown`` are the SHA-256 of the documents that were displayed. ``incident`` is the number of the incident or
    emergency change for which the glass is broken; a ``review`` looks back on the broken ``glass`` with that id."""

    id: str
    decision: ConsentDecision
    person: str
    account: str
    name: str
    repository_id: int
    pull_number: int
    manifest_path: str
    base_ref: str
    head_sha: str
    revision: str
    effective_rule: str
    environments: tuple[str, ...]
    groups: tuple[str, ...]
    artifacts: tuple[str, ...]
    strength: Strength
    way: Way
    issued_at: int
    not_after: int
    kind: str = "User"
    via_app: bool = False
    reason: str = ""
    void: str = ""
    difference: str = ""
    shown: tuple[str, ...] = ()
    delegation: Delegation | None = None
    exception: FindingException | None = None
    incident: str = ""
    glass: str = ""


class ArtifactFacts(msgspec.Struct, frozen=True):
    """Where the bytes of an artifact were found. ``found`` is the digest of what was there, if anything."""

    name: str
    status: Literal["present", "absent", "mismatch", "unreadable"]
    where: Literal["repository", "lfs", "uri", "manifest", ""] = ""
    found: str = ""
    size: int | None = None
    detail: str = ""


class NamedDigest(msgspec.Struct, frozen=True):
    """A file by name and SHA-256; ``sha256`` empty means that the document gives none."""

    name: str
    sha256: str


class Field(msgspec.Struct, frozen=True):
    """One value of a report's predicate, by its dotted path: ``text`` is a number's decimal literal, a text itself,
    ``true`` or ``false``, or the canonical JSON of anything else."""

    path: str
    kind: Literal["number", "text", "boolean", "list", "object", "null"]
    text: str


class FoundIssue(msgspec.Struct, frozen=True):
    """A finding of a scan: its id there, and its severity in lower case as the report gives it."""

    id: str
    severity: str
    about: str = ""


class SignedDocument(msgspec.Struct, frozen=True):
    """Lineage or evidence: what it says and which keys verifiably signed it (OpenSSH fingerprints).

    ``problem`` not empty means absent or unreadable. ``result`` is the report's own outcome in upper case.
    ``signer_people`` are persons known to hold one of the signing keys. ``fields`` are those that the policy compares;
    ``findings`` is None where the report lists none that can be read.
    """

    path: str
    type: str
    digest: str = ""
    signers: tuple[str, ...] = ()
    subjects: tuple[NamedDigest, ...] = ()
    datasets: tuple[NamedDigest, ...] = ()
    predicate_type: str = ""
    result: str = ""
    signer_people: tuple[str, ...] = ()
    problem: str = ""
    fields: tuple[Field, ...] = ()
    findings: tuple[FoundIssue, ...] | None = None


class ChangeApproval(msgspec.Struct, frozen=True):
    """One row of sysapproval_approver. ``own_hand`` tells whether the approver made the last update."""

    id: str
    approver: str
    person: str | None
    name: str
    state: str
    own_hand: bool
    active: bool
    group: str
    in_group: bool
    updated_at: int


class ChangeFacts(msgspec.Struct, frozen=True):
    """The change request of this release and environment. ``content_at`` is when its content or window was
    last changed: approvals before that do not count. ``problem`` not empty means it cannot be relied on."""

    number: str = ""
    url: str = ""
    type: str = ""
    state: str = ""
    start: int | None = None
    end: int | None = None
    on_hold: bool = False
    content_at: int = 0
    approvals: tuple[ChangeApproval, ...] = ()
    seen_at: int = 0
    problem: str = ""


class DeploymentFacts(msgspec.Struct, frozen=True):
    """What the pipeline is about to put live: the commit, whether the base ref contains it, the revision
    recomputed at it, and the subjects it named."""

    commit: str
    reachable: bool
    revision: str
    subjects: tuple[NamedDigest, ...]
    seen_at: int
    problem: str = ""


class Unanchored(msgspec.Struct, frozen=True):
    """A grant whose record is under no anchor outside the database; recorded ``since``."""

    grant: str
    since: int


class LogFacts(msgspec.Struct, frozen=True):
    """The audit log: the time of its last record, and why it cannot be relied on, if it cannot. ``differences`` say
    which rows that were counted are not what their records say."""

    last_at: int = 0
    problem: str = ""
    unanchored: tuple[Unanchored, ...] = ()
    differences: tuple[str, ...] = ()


class Occurrences(msgspec.Struct, frozen=True):
    """When a recurrence is under way: all spans (start, end) that touch the time from ``since`` until ``until``."""

    recurrence: Recurrence
    since: int
    until: int
    spans: tuple[tuple[int, int], ...] = ()
    problem: str = ""


class CheckFacts(msgspec.Struct, frozen=True):
    """The newest check run or status of this name and App (its slug, or ``status``) at ``sha``. ``conclusion`` is
    empty while it is under way."""

    name: str
    app: str
    sha: str
    conclusion: str = ""


class ChecksFacts(msgspec.Struct, frozen=True):
    """The other checks at the head. ``problem`` not empty means that they could not be read."""

    checks: tuple[CheckFacts, ...] = ()
    seen_at: int = 0
    problem: str = ""


class Push(msgspec.Struct, frozen=True):
    """What differs between the trees of two heads: every path, or None where that could not be found out."""

    from_sha: str
    to_sha: str
    changed: tuple[str, ...] | None = None


class ReportingLine(msgspec.Struct, frozen=True):
    """A person's managers, nearest first, to the top."""

    person: str
    managers: tuple[str, ...]


class ReportingFacts(msgspec.Struct, frozen=True):
    """What the identity provider says of who reports to whom; a person without a line is not known there."""

    lines: tuple[ReportingLine, ...] = ()
    seen_at: int = 0
    problem: str = ""


class Retrospective(msgspec.Struct, frozen=True):
    """A broken glass of this repository that is to be reviewed by ``due_at`` and is not yet. ``release`` names it to
    people; ``own`` tells that it is the release that is asked about."""

    grants: tuple[str, ...]
    release: str
    environment: str
    due_at: int
    own: bool = False


class Snapshot(msgspec.Struct, frozen=True):
    """Everything one decision depends on, except the policies, at one instant. ``settings`` digests the settings
    of the service that gathered it."""

    at: int
    question: Question
    environment: str
    tenant: str
    pull: PullFacts
    release: ReleaseFacts
    contributors: Contributors = Contributors()
    groups: tuple[GroupFacts, ...] = ()
    consents: tuple[Consent, ...] = ()
    artifacts: tuple[ArtifactFacts, ...] = ()
    lineage: SignedDocument | None = None
    evidence: tuple[SignedDocument, ...] = ()
    change: ChangeFacts | None = None
    deployment: DeploymentFacts | None = None
    log: LogFacts = LogFacts()
    settings: str = ""
    calendar: tuple[Occurrences, ...] = ()
    checks: ChecksFacts | None = None
    pushes: tuple[Push, ...] = ()
    reporting: ReportingFacts | None = None
    retrospectives: tuple[Retrospective, ...] = ()


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """One node of the explaining tree: what holds or is missing, and what to do about it.

    ``who`` says who may act (groups, never names of members); ``changes`` what would change this result, with the
    instant where it is a matter of time.
    """

    name: str
    status: Status
    summary: str
    remedy: str = ""
    children: tuple[Result, ...] = ()
    who: str = ""
    changes: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """The answer to one question for one release and environment.

    ``recheck_at`` is the next instant at which the answer could change by the clock alone; None if never.
    ``persons`` are those who fill the seats, when they are filled.
    """

    question: Question
    environment: str
    outcome: Outcome
    results: tuple[Result, ...]
    revision: str
    effective_rule: str
    persons: tuple[str, ...] = ()
    recheck_at: int | None = None

    def failing(self) -> tuple[str, ...]:
        """Names of the gates that do not hold, in the order of the tree."""
        return tuple(r.name for r in self.results if r.status not in ("pass", "waived"))
