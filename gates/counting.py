"""Which consents count for which seat, and why the others do not."""

from __future__ import annotations

import msgspec

from gates.excluded import Excluded
from gates.groups import Roster
from gates.membership import UNKNOWN_AGE, Registry, objection, registry, rosters
from gates.model import Consent, Snapshot
from gates.terms import EffectiveRule, SeatTerms
from gates.words import SECOND, instant, listing, short
from manifests.policy import STRENGTHS

_RANK = {strength: rank for rank, strength in enumerate(STRENGTHS)}
_AGAIN = "If they still agree, they approve again for what the release is now."
_OTHERS = "Ask another member of the group who had no hand in this release."


class Refusal(msgspec.Struct, frozen=True, order=True):
    """A consent that does not count: for the seat of ``group``, or for any seat where that is empty.

    ``idle`` tells that it does not count for another seat either.
    """

    name: str
    why: str
    remedy: str
    group: str = ""
    idle: bool = True


class Ballot(msgspec.Struct, frozen=True):
    """``candidates`` has, per seat of the rule, each person who may fill it and until when (microseconds)."""

    candidates: tuple[dict[str, int], ...]
    names: dict[str, str]
    refusals: tuple[Refusal, ...]
    changes_at: tuple[int, ...]
    rosters: dict[str, Roster]
    registry: Registry


def count(snapshot: Snapshot, rule: EffectiveRule, excluded: Excluded) -> Ballot:
    """Judge every approval against every seat that its person acts for."""
    counter = _Counter(snapshot, rule, excluded)
    for consent in snapshot.consents:
        if consent.decision == "approve":
            counter.judge(consent)
    return Ballot(
        tuple(counter.candidates[seat.group] for seat in rule.seats),
        counter.names,
        tuple(sorted(counter.relevant())),
        tuple(sorted(counter.changes)),
        counter.rosters,
        counter.registry,
    )


class _Counter:
    """Gathers candidates and refusals, in sets, so that the order of consents leaves no trace."""

    def __init__(self, snapshot: Snapshot, rule: EffectiveRule, excluded: Excluded) -> None:
        self.snapshot, self.rule, self.excluded = snapshot, rule, excluded
        self.rosters = rosters(snapshot, rule)
        self.registry = registry(snapshot, rule, excluded)
        self.seats = {seat.group: seat for seat in rule.seats}
        self.candidates: dict[str, dict[str, int]] = {seat.group: {} for seat in rule.seats}
        self.names: dict[str, str] = {}
        self.refusals: set[tuple[str, Refusal]] = set()
        self.changes: set[int] = set()

    def judge(self, consent: Consent) -> None:
        name = consent.name or consent.account
        until = min(consent.not_after, consent.issued_at + self.rule.expires * SECOND)
        why, remedy = _general(consent, self.snapshot, self.rule, self.excluded, until)
        if why:
            self.refusals.add((consent.person, Refusal(name, why, remedy)))
            if self.snapshot.at < consent.issued_at < until:
                self.changes.add(consent.issued_at)
            return
        self.names[consent.person] = min(self.names.get(consent.person, name), name)
        refused, counted = self._seat(consent, name, until)
        if counted:
            told = [msgspec.structs.replace(refusal, idle=False) for refusal in refused]
        else:
            told = refused or [Refusal(name, *_acts_for_nobody(consent, self.rule))]
        self.refusals.update((consent.person, refusal) for refusal in told)

    def relevant(self) -> set[Refusal]:
        """All refusals, except of what somebody said before they said what counts now."""
        counted = {person for candidates in self.candidates.values() for person in candidates}
        return {refusal for person, refusal in self.refusals if person not in counted or not refusal.idle}

    def _seat(self, consent: Consent, name: str, until: int) -> tuple[list[Refusal], bool]:
        refused: list[Refusal] = []
        counted = False
        for group in consent.groups:
            if group not in self.seats:
                continue
            why, remedy = _for_seat(consent, self.seats[group], self.rosters[group], self.registry)
            if why:
                refused.append(Refusal(name, why, remedy, group))
                continue
            counted = True
            eligible = self.candidates[group]
            eligible[consent.person] = max(eligible.get(consent.person, 0), until)
            self.changes.add(until)
        return refused, counted


def _general(
    consent: Consent, snapshot: Snapshot, rule: EffectiveRule, excluded: Excluded, until: int
) -> tuple[str, str]:
    if why := withdrawn(consent, snapshot) or elsewhere(consent, snapshot, rule):
        return why, _AGAIN
    if not consent.issued_at <= snapshot.at:
        return f"it is dated {instant(consent.issued_at)}, which is still to come", "Check the clocks."
    if snapshot.at >= until:
        return f"it expired at {instant(until)}", _AGAIN
    if deed := excluded.deed(consent.account, consent.person):
        return f"they {deed}", _OTHERS
    return "", ""


def withdrawn(consent: Consent, snapshot: Snapshot) -> str:
    """Why the statement is not a human's valid word; its own record is judged by the gate as a whole."""
    if consent.difference:
        return "its record does not bear it out"
    if consent.void:
        return f"it is void: {consent.void}"
    if consent.kind != "User" or consent.via_app:
        return "it was not made by a human's own hand"
    if not consent.person or not consent.account:
        return "the account is not linked to a known person"
    return ""


def elsewhere(consent: Consent, snapshot: Snapshot, rule: EffectiveRule) -> str:
    """Why it binds something other than what is asked about (THREATS 1, 4 and 9)."""
    pull, release = snapshot.pull, snapshot.release
    if (
        consent.repository_id != pull.repository_id
        or consent.pull_number != pull.number
        or consent.manifest_path != release.manifest_path
    ):
        return "it was given for another release"
    if consent.head_sha != pull.head_sha or not pull.head_sha:
        return f"it was given for head {short(consent.head_sha)}, and the head is now {short(pull.head_sha)}"
    if consent.base_ref != pull.base_ref:
        return f"it was given for merging into {consent.base_ref}, and the base is now {pull.base_ref}"
    if consent.revision != release.revision or not release.revision:
        return "the files of the release have changed since"
    if consent.effective_rule != rule.digest:
        return "the rules that apply have changed since"
    if snapshot.environment not in consent.environments:
        named = listing(sorted(consent.environments)) or "no environment"
        return f"it was given for {named}, not for {snapshot.environment}"
    if release.manifest is not None:
        for artifact in release.manifest.artifacts_for(snapshot.environment):
            if artifact.sha256 not in consent.artifacts:
                return f"it does not name the artifact {artifact.name} ({short(artifact.sha256)})"
    return ""


def _for_seat(consent: Consent, seat: SeatTerms, roster: Roster, registry: Registry) -> tuple[str, str]:
    if why := stranger(consent, roster, registry):
        wait = "Let an administrator find out since when, or ask another member of the group."
        return why, wait if why == UNKNOWN_AGE else _OTHERS
    if _RANK[consent.strength] < _RANK[seat.signature]:
        why = f"it is signed as {consent.strength}, and this seat asks for {seat.signature}"
        return why, "They approve again with a key of their own, as strong as the seat asks: run countersign approve."
    if consent.way not in seat.accept:
        return f"it came by {consent.way}, and this seat accepts {listing(seat.accept, 'or')}", _AGAIN
    return "", ""


def stranger(consent: Consent, roster: Roster, registry: Registry) -> str:
    if roster.problem:
        return f"the group {roster.group} cannot be relied on: {roster.problem}"
    objections: list[str] = []
    for member in roster.members.get(consent.account, ()):
        if member.person == consent.person:
            why = objection(member, registry)
            if not why:
                return ""
            objections.append(why)
    return min(objections, default=f"the account is not a member of {roster.group} now")


def _acts_for_nobody(consent: Consent, rule: EffectiveRule) -> tuple[str, str]:
    asked = listing([seat.group for seat in rule.seats], "or")
    return f"they did not belong to {asked} when approving", "Ask a member of the group that is missing."
