"""What simulations and comparisons are asked over HTTP, and what they answer."""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.policy.difference import Change
from app.policy.trees import Difference
from gates.model import Outcome, Question, Verdict
from manifests.policy import Strength, Way

Login = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})\Z")]
Person = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
GroupName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9_-]{0,62}\Z")]
Line = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00-\x1f\x7f{}]{1,500}\Z")]
Environment = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,31}\Z")]
RepositoryName = Annotated[str, msgspec.Meta(pattern=r"\A[^\s/\x00{}]+/[^\s/\x00{}]+\Z", max_length=140)]
Branch = Annotated[str, msgspec.Meta(pattern=r"\A[^\s\x00{}]+\Z", max_length=255)]
Few = Annotated[tuple[Line, ...], msgspec.Meta(max_length=500)]


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody: by ``login``, or as ``person`` by the id that verdicts have. ``groups`` are those that they act for;
    left out: all of theirs that are asked. ``strength`` and ``way`` left out: as the seats ask."""

    login: Login = ""
    person: Person = ""
    groups: Annotated[tuple[GroupName, ...], msgspec.Meta(max_length=20)] | None = None
    strength: Strength | None = None
    way: Way | None = None


class Lending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``by`` lets ``to`` act for them, for ``lasting`` (``8h``, ``3d``); left out: as long as the rule allows."""

    by: Login
    to: Login
    groups: Annotated[tuple[GroupName, ...], msgspec.Meta(max_length=20)] | None = None
    lasting: str = ""


class Push(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``changed`` left out: it is not known what. ``by`` left out: whoever asked for the release."""

    changed: Few | None = None
    by: Login = ""


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    add: Few = ()
    remove: Few = ()


People = Annotated[tuple[Named, ...], msgspec.Meta(max_length=50)]
Logins = Annotated[tuple[Login, ...], msgspec.Meta(max_length=50)]
PolicyText = Annotated[str, msgspec.Meta(max_length=512 * 1024)]


class SimulationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``environment`` left out: all of the release. ``at`` is an instant (RFC 3339) or a span from now (``+2d``).
    ``push`` true: of which it is not known what it changes. ``policy`` is the text of another policy instead of the
    base branch's. ``lift`` ends rejections and holds."""

    question: Question = "merge"
    environment: Environment | None = None
    at: Annotated[str, msgspec.Meta(max_length=40)] = ""
    approve: People = ()
    reject: People = ()
    hold: People = ()
    revoke: Logins = ()
    lift: Logins = ()
    delegate: Annotated[tuple[Lending, ...], msgspec.Meta(max_length=50)] = ()
    push: bool | Push = False
    labels: Labels = Labels()
    policy: PolicyText | None = None


class Simulated(msgspec.Struct, frozen=True):
    """One environment. ``differences`` are between the two trees, ``gates`` those whose status is another.
    ``assumptions`` say in sentences what was assumed."""

    environment: str
    before: Verdict
    after: Verdict
    gates: tuple[str, ...]
    differences: tuple[Difference, ...]
    assumptions: tuple[str, ...]


class Simulation(msgspec.Struct, frozen=True):
    """``at`` is the instant of the verdicts before, ``then`` that of those after, as RFC 3339. ``policy`` is what the
    other policy changes."""

    release: str
    repository: str
    pull_number: int
    path: str
    question: Question
    at: str
    then: str
    simulated: tuple[Simulated, ...]
    policy: tuple[Change, ...] = ()


class ComparisonRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``policy`` is the text of the other policy. ``base_ref``: only releases into this branch. ``after`` is the
    ``next`` of the answer before; ``limit`` how many releases are compared in one answer."""

    repository: RepositoryName
    policy: PolicyText
    base_ref: Branch | None = None
    after: Annotated[str, msgspec.Meta(max_length=64)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10


class Compared(msgspec.Struct, frozen=True):
    """One release and environment: the outcome and the rule's digest before and after, the gates whose status is
    another, and who approved and would have to do so anew. ``problem``: why it could not be compared."""

    release: str
    pull_number: int
    path: str
    environment: str
    question: Question
    before: Outcome | None = None
    after: Outcome | None = None
    gates: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    anew: tuple[str, ...] = ()
    rule_before: str = ""
    rule_after: str = ""
    problem: str = ""


class Comparison(msgspec.Struct, frozen=True):
    """``total`` releases are compared in all, and ``left_out`` older ones are not; ``next`` is empty when all are done.
    ``policy`` is what the other policy changes, told once, in the first answer."""

    compared: tuple[Compared, ...]
    done: int
    total: int
    left_out: int
    next: str = ""
    policy: tuple[Change, ...] = ()
