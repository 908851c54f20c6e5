"""What a file of policy tests says: facts, and the verdict that is expected of them.

None means that the file does not say; `app.policy.facts` then puts in what is in order. Instants are microseconds
since 1970 UTC, spans are seconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gates.model import Field, FoundIssue, Outcome, Question, Status
from manifests.policy import Risk, Strength, Way
from manifests.release import ChangeType, Kind

SCHEMA = "countersign/policy-tests/v1"
SECOND = 1_000_000
DEFAULT_AT = 1_780_315_200 * SECOND
"""2026-06-01 12:00 UTC, a Monday: without `at`, a case asks on the same day for ever."""

STRANGER = "stranger"
"""Under `signed_by`: a key that nobody trusts."""

Role = Literal["author", "committer", "co-author", "pusher", "builder", "evidence", "maker"]
Part = Literal["head", "revision", "rule", "base_ref"]
ArtifactState = Literal["present", "absent", "mismatch", "unreadable"]
PullState = Literal["open", "closed", "merged"]
Unread = Literal["labels", "changed", "files", "lines", "head_ref", "head_since"]
Scope = Literal["release", "repository"]
Conclusion = Literal[
    "success", "failure", "neutral", "cancelled", "timed_out", "action_required", "stale", "skipped", "running"
]  # fmt: skip
GateStatus = Status | Literal["not-asked"]


class Time(msgspec.Struct, frozen=True):
    """An instant, or so many seconds before or after the instant that the case asks at."""

    seconds: int = 0
    instant: int | None = None

    def at(self, now: int) -> int:
        return now + self.seconds * SECOND if self.instant is None else self.instant


class Word(msgspec.Struct, frozen=True):
    """A name with the place where it stands, so that a wrong one can be shown there."""

    text: str
    line: int = 0
    column: int = 0


class WindowSaid(msgspec.Struct, frozen=True):
    start: Time
    end: Time


class ReleaseSaid(msgspec.Struct, frozen=True):
    """The release and its pull request. ``unread`` names what could not be found out of it."""

    kind: Kind | None = None
    name: str | None = None
    version: str | None = None
    rationale: str | None = None
    environments: tuple[str, ...] | None = None
    path: str | None = None
    repository: str | None = None
    base_ref: str | None = None
    author: Word | None = None
    proposed: Time | None = None
    state: PullState | None = None
    draft: bool | None = None
    window: WindowSaid | None = None
    risk: Risk | None = None
    labels: tuple[str, ...] | None = None
    changed: tuple[str, ...] | None = None
    files: int | None = None
    lines: int | None = None
    head_ref: str | None = None
    head_since: Time | None = None
    superseded: str | None = None
    unread: tuple[Unread, ...] | None = None


class PersonSaid(msgspec.Struct, frozen=True):
    """A person by login; ``also`` are further accounts of the same person."""

    also: tuple[str, ...] = ()
    bot: bool = False


class MemberSaid(msgspec.Struct, frozen=True):
    login: Word
    since: Time | None = None
    added_by: Word | None = None


class GroupSaid(msgspec.Struct, frozen=True):
    """Who belongs to a group; ``problem`` says why it cannot be read."""

    name: Word
    members: tuple[MemberSaid, ...] = ()
    problem: str = ""


class ConsentSaid(msgspec.Struct, frozen=True):
    """An approval, a rejection or a hold. ``groups`` are those the person acted for; None: all that they are in.

    ``changed_since`` are the parts of the release that have changed since it was given, ``pushed`` the paths that a
    push since has changed (None: there was none). ``shown`` are the types of documents that were shown; None: all.
    """

    by: Word
    at: Time = Time(-3600)
    way: Way = "command"
    strength: Strength | None = None
    environments: tuple[str, ...] | None = None
    groups: tuple[Word, ...] | None = None
    changed_since: tuple[Part, ...] = ()
    via_app: bool = False
    void: str = ""
    reason: str = ""
    shown: tuple[Word, ...] | None = None
    pushed: tuple[str, ...] | None = None


class DelegationSaid(msgspec.Struct, frozen=True):
    """``by`` lets ``to`` act for them, in ``groups`` (None: all that they are in) from ``start`` until ``until``."""

    by: Word
    to: Word
    groups: tuple[Word, ...] | None = None
    at: Time = Time(-7200)
    start: Time | None = None
    until: Time = Time(86_400)
    scope: Scope = "release"
    environments: tuple[str, ...] | None = None
    strength: Strength = "personal"
    void: str = ""


class ExceptionSaid(msgspec.Struct, frozen=True):
    """``by`` lets a finding stay until ``until``, because of a ``control``."""

    by: Word
    type: str = ""
    finding: str = ""
    control: str = "A control made up for this test compensates for it."
    at: Time = Time(-3600)
    until: Time = Time(86_400)
    environments: tuple[str, ...] | None = None
    strength: Strength = "personal"
    void: str = ""


class GlassSaid(msgspec.Struct, frozen=True):
    """What one person said to break the glass."""

    by: Word
    incident: str = "INC0000001"
    reason: str = "An emergency made up for this test."
    at: Time = Time(-600)
    groups: tuple[Word, ...] | None = None
    environments: tuple[str, ...] | None = None
    strength: Strength = "personal"
    changed_since: tuple[Part, ...] = ()
    void: str = ""


class OwedSaid(msgspec.Struct, frozen=True):
    """A broken glass of the repository that is to be reviewed by ``due``; ``own``: it was broken for this release."""

    due: Time = Time(86_400)
    release: str = "another release"
    environment: str | None = None
    own: bool = False


class CheckSaid(msgspec.Struct, frozen=True):
    """A check of another App; ``app`` None: the one that the rule asks for."""

    name: str
    app: str | None = None
    conclusion: Conclusion = "success"
    at_head: bool = True


class ChecksSaid(msgspec.Struct, frozen=True):
    """``problem`` not empty: they could not be read."""

    checks: tuple[CheckSaid, ...] = ()
    problem: str = ""


class ReportingSaid(msgspec.Struct, frozen=True):
    """Login → managers, nearest first. Whoever is not named reports to nobody; ``unknown`` are not known there."""

    managers: dict[str, tuple[Word, ...]] = {}
    unknown: tuple[Word, ...] = ()
    problem: str = ""


class ContributorSaid(msgspec.Struct, frozen=True):
    """Somebody with a hand in the release, or, as ``unknown``, a sentence on a hand that nobody can name."""

    who: Word | None = None
    role: Role = "author"
    unknown: str = ""


class ArtifactSaid(msgspec.Struct, frozen=True):
    name: str
    state: ArtifactState = "present"


class DocumentSaid(msgspec.Struct, frozen=True):
    """Lineage or evidence. ``signed_by`` names signers of the policy by ``who`` or key; None: one that is trusted.

    Without ``present`` the manifest names none; without ``readable`` it names one that nobody can read. ``covers``
    tells whether it names every artifact; ``datasets`` whether it names what the model was made from. ``fields`` are
    what the report says beside what the rule requires, which it says too, except ``without`` these. ``findings`` None:
    it has no list of them that can be read.
    """

    type: Word = Word("lineage")
    present: bool = True
    readable: bool = True
    signed_by: tuple[Word, ...] | None = None
    covers: bool = True
    datasets: bool = True
    result: str = "PASSED"
    fields: tuple[Field, ...] = ()
    without: tuple[str, ...] = ()
    findings: tuple[FoundIssue, ...] | None = ()


class ChangeApprovalSaid(msgspec.Struct, frozen=True):
    by: Word
    state: str = "approved"
    group: str | None = None
    at: Time = Time(-3600)
    own_hand: bool = True
    active: bool = True
    in_group: bool = True
    linked: bool = True


class ChangeSaid(msgspec.Struct, frozen=True):
    """The change request; approvals None: those that the rule asks for are there."""

    present: bool = True
    type: ChangeType | None = None
    state: str = "scheduled"
    on_hold: bool = False
    window: WindowSaid | None = None
    content_at: Time = Time(-2 * 86_400)
    approvals: tuple[ChangeApprovalSaid, ...] | None = None
    problem: str = ""


class DeploymentSaid(msgspec.Struct, frozen=True):
    """What the pipeline wants to put live: by default what was approved, from a commit of the base branch."""

    present: bool = True
    reachable: bool = True
    same_revision: bool = True
    same_artifacts: bool = True


class Facts(msgspec.Struct, frozen=True):
    """What a case, or the file for all of its cases, says of the world."""

    question: Question | None = None
    at: int | None = None
    environment: str | None = None
    seen: Time | None = None
    release: ReleaseSaid = ReleaseSaid()
    people: dict[str, PersonSaid] = {}
    groups: dict[str, GroupSaid] = {}
    approvals: tuple[ConsentSaid, ...] | None = None
    rejections: tuple[ConsentSaid, ...] | None = None
    holds: tuple[ConsentSaid, ...] | None = None
    contributors: tuple[ContributorSaid, ...] | None = None
    artifacts: tuple[ArtifactSaid, ...] | None = None
    lineage: DocumentSaid | None = None
    evidence: tuple[DocumentSaid, ...] | None = None
    change: ChangeSaid | None = None
    deployment: DeploymentSaid | None = None
    delegations: tuple[DelegationSaid, ...] | None = None
    exceptions: tuple[ExceptionSaid, ...] | None = None
    glass: tuple[GlassSaid, ...] | None = None
    retrospectives: tuple[OwedSaid, ...] | None = None
    checks: ChecksSaid | None = None
    reporting: ReportingSaid | None = None

    def over(self, common: Facts) -> Facts:
        """These facts, completed by those of the file: release, people and groups key by key, the rest whole."""
        said = {name: value for name in Facts.__struct_fields__ if (value := getattr(self, name)) is not None}
        said["release"] = _over(self.release, common.release)
        said["people"] = {**common.people, **self.people}
        said["groups"] = {**common.groups, **self.groups}
        return msgspec.structs.replace(common, **said)


class Expected(msgspec.Struct, frozen=True):
    """The outcome, the status of gates by name, and texts that the verdict has to say somewhere."""

    outcome: Outcome
    gates: dict[str, GateStatus] = {}
    says: tuple[str, ...] = ()


class Case(msgspec.Struct, frozen=True):
    """One test. ``why`` tells a reader what it is for; ``line`` is where it begins."""

    name: str
    facts: Facts
    expect: Expected
    why: str = ""
    line: int = 0


class Suite(msgspec.Struct, frozen=True):
    """One file of tests. ``policy`` and ``tenant`` are paths relative to the file."""

    cases: tuple[Case, ...]
    policy: str = "countersign.yaml"
    tenant: str | None = None


def _over(release: ReleaseSaid, common: ReleaseSaid) -> ReleaseSaid:
    said = {name: value for name in ReleaseSaid.__struct_fields__ if (value := getattr(release, name)) is not None}
    return msgspec.structs.replace(common, **said)
