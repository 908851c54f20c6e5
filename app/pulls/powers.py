"""Who may let others act for them, grant exceptions, break the glass and look back on it; and for how long. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import msgspec

from app.clock import SECOND
from app.facts.view import PullView, ReleaseView
from app.pulls.signing import WITHHELD_FOR_S
from gates.excluded import Excluded, excluded
from gates.groups import Roster
from gates.membership import Registry, objection, registry, rosters
from gates.model import Contributor, FindingException, ReportingFacts, Snapshot
from gates.terms import EffectiveRule
from gates.words import instant, listing
from manifests.policy import STRENGTHS, Strength
from manifests.policy_terms import FindingsRule

INCIDENT = re.compile(r"(?:INC|CHG)[0-9]{4,15}")
WAIVED = (
    "approvals", "change", "evidence", "findings", "freeze", "rationale", "required_checks", "retrospective",
    "review_time", "windows",
)  # fmt: skip
"""The gates that a broken glass waives."""
_OTHERS = "Ask another member of the group who had no hand in this release."


class Refused(msgspec.Struct, frozen=True):
    """Why nothing is granted: what was expected, what was found, what to do."""

    code: str
    expected: str
    found: str
    remedy: str

    def sentence(self) -> str:
        return f"Nothing counts: expected {self.expected}, found {self.found}. {self.remedy}"


class Power(msgspec.Struct, frozen=True):
    """What somebody may say: for which of their groups, and until when (microseconds since 1970 UTC); None: as long as
    the rule lets approvals live."""

    groups: tuple[str, ...]
    not_after: int | None = None


class Giver(msgspec.Struct, frozen=True):
    """Who says it, and when (microseconds since 1970 UTC)."""

    person: str
    account: str
    at: int
    strength: Strength = "passkey"


class Delegate(msgspec.Struct, frozen=True):
    """The account that is to act for somebody. ``kind`` is GitHub's word (``User``, ``Bot``, …), empty where there is
    no such account; ``machine`` says that the tenant policy lists it as one that no human uses by hand."""

    login: str
    account: str = ""
    person: str = ""
    kind: str = ""
    machine: bool = False


class Glass(msgspec.Struct, frozen=True):
    """A broken glass: the persons who broke it, and the group that has to look back on it."""

    id: str = ""
    breakers: tuple[str, ...] = ()
    review_by: str = ""


class Setting(msgspec.Struct, frozen=True):
    """One release and environment, with whoever had a hand in it."""

    release: ReleaseView
    environment: str
    rule: EffectiveRule
    rosters: dict[str, Roster]
    excluded: Excluded
    registry: Registry

    def belongs(self, names: Iterable[str], giver: Giver) -> tuple[str, ...]:
        """Those of the groups that the person counts as a member of, sorted."""
        return tuple(sorted(name for name in set(names) if self._counts(name, giver)))

    def _counts(self, name: str, giver: Giver) -> bool:
        roster = self.rosters.get(name)
        if roster is None or roster.problem:
            return False
        entries = roster.members.get(giver.account, ())
        return any(entry.person == giver.person and not objection(entry, self.registry) for entry in entries)


def setting(
    view: PullView, release: ReleaseView, environment: str, rule: EffectiveRule, makers: Iterable[Contributor],
    reporting: ReportingFacts | None = None,
) -> Setting:  # fmt: skip
    """``makers`` had a hand in earlier heads or in the same artifacts elsewhere; ``reporting`` has the lines of whoever
    asked for the release and of whom the word is by and for, where the rule asks for lines."""
    # What somebody did in this head is told before what they did in an earlier one.
    now = {(one.account, one.person, one.role) for one in release.contributors.known}
    more = tuple(one for one in makers if (one.account, one.person, one.role) not in now)
    who = msgspec.structs.replace(release.contributors, known=(*release.contributors.known, *more))
    snapshot = Snapshot(
        at=0, question="merge", environment=environment, tenant="", pull=view.facts, release=release.facts,
        contributors=who, groups=release.groups.get(environment, ()), lineage=release.lineage,
        evidence=release.evidence, reporting=reporting,
    )  # fmt: skip
    barred = excluded(snapshot, rule)
    known = registry(snapshot, rule, barred)
    return Setting(release, environment, rule, rosters(snapshot, rule, known), barred, known)


def delegate(at: Setting, giver: Giver, to: Delegate, until: int | None) -> Power | Refused:
    """Let ``to`` act for the giver in the groups of theirs that seats ask, until ``until`` or as long as may be."""
    rule = at.rule.delegation
    if rule is None:
        return Refused(
            "statement.no_delegation", f"rules for {at.environment} that all let people act for others",
            "one that does not", "Approve yourself, or ask another member of your group.",
        )  # fmt: skip
    seats = at.rule.seats
    mine = at.belongs((seat.group for seat in seats), giver)
    strong = {seat.group for seat in seats if STRENGTHS.index(giver.strength) >= STRENGTHS.index(seat.signature)}
    refused = _unfit(at, giver, mine, [seat.group for seat in seats]) or _unfit_delegate(at, giver, to)
    if refused is None and not strong.intersection(mine):
        refused = Refused(
            "statement.strength", f"a signature of your own: {listing(mine)} asks for one", "a comment",
            "Sign it with `countersign delegate`.",
        )  # fmt: skip
    return refused or _ending(tuple(sorted(strong.intersection(mine))), giver, until, rule.longest)


def grant_exception(at: Setting, giver: Giver, wanted: FindingException, until: int | None) -> Power | Refused:
    """Let a finding stay until ``until`` or as long as may be."""
    rules = [rule for rule in at.rule.findings if wanted.type in rule.types]
    givers = {rule.exceptions_by for rule in rules if rule.exceptions_by is not None}
    if not givers:
        return Refused(
            "statement.no_exceptions", f"a rule for {at.environment} that lets somebody grant exceptions", "none",
            "Mend what was found; the policy takes no exception to it.",
        )  # fmt: skip
    if not wanted.control.strip():
        return Refused("statement.control", "the control that compensates for it", "none", "Say what it is.")
    mine = at.belongs(givers, giver)
    refused = _unfit(at, giver, mine, givers) or _unfound(at.release, wanted)
    return refused or _ending(mine, giver, until, min(_longest(rules, mine), default=0))


def break_glass(at: Setting, giver: Giver, incident: str, reason: str) -> Power | Refused:
    """Stand in for the rule, together with somebody else."""
    rule = at.rule.break_glass
    if rule is None:
        return no_glass(at.environment)
    if not INCIDENT.fullmatch(incident):
        return Refused(
            "statement.incident", "the number of an incident or emergency change, such as INC0012345",
            incident or "none", "Open one in ServiceNow, then name it.",
        )  # fmt: skip
    mine = at.belongs(rule.groups, giver)
    refused = _unfit(at, giver, mine, rule.groups) or _unreasoned(reason)
    return refused or Power(mine, giver.at + rule.valid * SECOND)


def review(at: Setting, giver: Giver, glass: Glass, reason: str) -> Power | Refused:
    """Look back on a broken glass, whatever the rule says by now."""
    mine = at.belongs([glass.review_by], giver)
    refused = _unfit(at, giver, mine, [glass.review_by]) or _unreasoned(reason)
    if giver.person in glass.breakers:
        refused = Refused(
            "statement.own_glass", "a review by somebody who did not break the glass", "one of those who did",
            f"Ask another member of {glass.review_by}.",
        )  # fmt: skip
    return refused or Power(mine, giver.at + WITHHELD_FOR_S * SECOND)


def no_glass(environment: str) -> Refused:
    return Refused(
        "statement.no_glass", f"rules for {environment} that all let the glass be broken", "one that does not",
        "Have the release approved as usual.",
    )  # fmt: skip


def _unfit(at: Setting, giver: Giver, mine: Collection[str], wanted: Iterable[str]) -> Refused | None:
    """Why somebody's word has no weight here."""
    if deed := at.excluded.deed(giver.account, giver.person):
        return Refused("statement.had_a_hand", "somebody who had no hand in this release", f"you, who {deed}", _OTHERS)
    if not mine:
        asked = listing(sorted(set(wanted)), "or") or "no group at all"
        return Refused(
            "statement.not_a_member", f"a member of {asked} whose membership counts", "you, who are none", _OTHERS
        )  # fmt: skip
    return None


def _unfit_delegate(at: Setting, giver: Giver, to: Delegate) -> Refused | None:
    """Why this account cannot act for the giver."""
    if not to.kind:
        found = "a login that no account has"
    elif to.kind != "User":
        found = f"the account of a {to.kind}"
    elif to.machine:
        found = "an account that no human uses by hand"
    elif to.person == giver.person or to.account == giver.account:
        found = "yourself"
    elif deed := at.excluded.deed(to.account, to.person):
        found = f"somebody who {deed}"
    else:
        return None
    return Refused(
        "statement.delegate", "another human, who had no hand in this release, to act for you", found,
        "Name somebody else.",
    )  # fmt: skip


def _unfound(release: ReleaseView, wanted: FindingException) -> Refused | None:
    reports = [document for document in release.evidence if document.type == wanted.type]
    known = {issue.id for document in reports for issue in document.findings or ()}
    if wanted.finding in known:
        return None
    unread = not reports or any(document.findings is None for document in reports)
    found = "none that can be read" if unread else f"none called {wanted.finding}"
    return Refused(
        "statement.finding", f"a finding in the release's {wanted.type}", found,
        f"It has: {listing(sorted(known), most=8) or 'none'}.",
    )  # fmt: skip


def _unreasoned(reason: str) -> Refused | None:
    if reason.strip():
        return None
    return Refused("statement.reason", "a reason", "none", "Say why, with --reason.")


def _longest(rules: Iterable[FindingsRule], mine: Collection[str]) -> list[int]:
    return [rule.longest for rule in rules if rule.exceptions_by in mine]


def _ending(groups: tuple[str, ...], giver: Giver, until: int | None, longest: int) -> Power | Refused:
    """Never longer than the rule lets it be."""
    last = giver.at + longest * SECOND
    if until is not None and until <= giver.at:
        return Refused("statement.until", "an end that is still to come", instant(until), "Name a later end.")
    return Power(groups, last if until is None else min(until, last))
