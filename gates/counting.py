"""Which consents count for which seat, and why the others do not."""

from __future__ import annotations

import msgspec

from gates.bound import Binding, withdrawn
from gates.delegations import Mandates
from gates.excluded import Excluded
from gates.groups import Roster
from gates.membership import UNKNOWN_AGE, Registry, counts_from, registry, rosters, stranger
from gates.model import Consent, SignedDocument, Snapshot
from gates.terms import EffectiveRule, SeatTerms
from gates.ways import ways
from gates.words import SECOND, instant, listing
from manifests.policy import STRENGTHS

_RANK = {strength: rank for rank, strength in enumerate(STRENGTHS)}
_AGAIN = "If they still agree, they approve again for what the release is now."
_OTHERS = "Ask another member of the group who had no hand in this release."
_STRONGER = "They approve again with a key of their own, as strong as the seat asks: run countersign approve."
_LOOK = "They look at it and approve again by a way that shows it, such as countersign approve."
_NAME = "Name it in the manifest, where it is read; then they look at it and approve again."
_AGE = "Let an administrator find out since when, or ask another member of the group."


class Refusal(msgspec.Struct, frozen=True, order=True):
    """A consent that does not count: for the seat of ``group``, or for any seat where that is empty.

    ``idle`` tells that it does not count for another seat either, ``changes`` what would make it count.
    """

    name: str
    why: str
    remedy: str
    group: str = ""
    idle: bool = True
    changes: str = ""


Acting = tuple[str, str]
"""The person who acts, and the one for whom."""


class Ballot(msgspec.Struct, frozen=True):
    """``candidates`` has, per seat of the rule, each person who may fill it and until when (microseconds),
    ``acting`` those who may fill it for another; ``pairs`` are all of these in the order in which they came to be.
    ``elsewhere`` are those of either who said so in another place than ServiceNow; who acts for nobody else stands
    there twice."""

    candidates: tuple[dict[str, int], ...]
    acting: tuple[dict[Acting, int], ...]
    elsewhere: tuple[frozenset[Acting], ...]
    pairs: tuple[Acting, ...]
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
    seats = [counter.seats[seat.group] for seat in rule.seats]
    return Ballot(
        tuple(seat.candidates for seat in seats),
        tuple(seat.acting for seat in seats),
        tuple(frozenset(seat.elsewhere) for seat in seats),
        tuple(pair for pair, _ in sorted(counter.met.items(), key=lambda item: (item[1], item[0]))),
        counter.names,
        tuple(sorted(counter.relevant())),
        tuple(sorted(counter.changes)),
        counter.rosters,
        counter.registry,
    )


class _Seat:
    """What is asked for a seat, and who may fill it so far."""

    def __init__(self, terms: SeatTerms, snapshot: Snapshot, roster: Roster) -> None:
        self.terms, self.roster = terms, roster
        self.rank = _RANK[terms.signature]
        how = ways(terms, snapshot.pull.head_sha, snapshot.environment)
        self.again = f"They approve again {how}." if how else "No way that this seat accepts is as strong as it asks."
        self.shown = _documents(terms.shown, snapshot) if terms.shown else ()
        self.absent = sorted(set(terms.shown) - {document.type for document in self.shown})
        self.candidates: dict[str, int] = {}
        self.acting: dict[Acting, int] = {}
        self.elsewhere: set[Acting] = set()

    def unfit(self, consent: Consent) -> tuple[str, str]:
        """Why an approval of somebody who may act for the group is not what the seat asks for."""
        terms = self.terms
        if _RANK[consent.strength] < self.rank:
            return f"it is signed as {consent.strength}, and this seat asks for {terms.signature}", _STRONGER
        if consent.way not in terms.accept:
            return f"it came by {consent.way}, and this seat accepts {listing(terms.accept, 'or')}", self.again
        if self.absent:
            # Else an author would be spared the requirement by leaving the document out.
            return f"this seat wants {listing(self.absent)} to be shown, and the release has none", _NAME
        for document in self.shown:
            if not document.digest:
                return f"the approver cannot have been shown {document.path}, which cannot be read", _LOOK
            if document.digest not in consent.shown:
                return f"the approver was not shown {document.path}", _LOOK
        return "", ""


class _Counter:
    """Gathers candidates and refusals, in sets, so that the order of consents leaves no trace."""

    def __init__(self, snapshot: Snapshot, rule: EffectiveRule, excluded: Excluded) -> None:
        self.snapshot, self.rule, self.excluded = snapshot, rule, excluded
        self.registry = registry(snapshot, rule, excluded)
        self.rosters = rosters(snapshot, rule, self.registry)
        self.seats = {seat.group: _Seat(seat, snapshot, self.rosters[seat.group]) for seat in rule.seats}
        self.binding = Binding(snapshot, rule)
        self.mandates = Mandates(snapshot, rule, excluded)
        self.expires = rule.expires * SECOND
        self.names: dict[str, str] = {}
        self.refusals: set[tuple[str, Refusal]] = set()
        self.changes: set[int] = set()
        self.met: dict[Acting, tuple[int, str, str]] = {}

    def judge(self, consent: Consent) -> None:
        until = min(consent.not_after, consent.issued_at + self.expires)
        why, remedy = self._general(consent, until)
        if why:
            self.refusals.add((consent.person, Refusal(_name(consent), why, remedy)))
            if self.snapshot.at < consent.issued_at < until:
                self.changes.add(consent.issued_at)
            return
        self._call(consent)
        refused: list[Refusal] = []
        counted = False
        for group in consent.groups:
            seat = self.seats.get(group)
            if seat is None:
                continue
            refusal = self._seat(consent, seat, until)
            if refusal is None:
                counted = True
            else:
                refused.append(refusal)
        if counted:
            refused = [msgspec.structs.replace(refusal, idle=False) for refusal in refused]
        elif not refused:
            refused = [Refusal(_name(consent), *_acts_for_nobody(self.rule))]
        self.refusals.update((consent.person, refusal) for refusal in refused)

    def relevant(self) -> set[Refusal]:
        """All refusals, except of what somebody said before they said what counts now."""
        if not self.refusals:
            return set()
        counted = {person for seat in self.seats.values() for person in seat.candidates}
        counted |= {acting for seat in self.seats.values() for acting, _ in seat.acting}
        return {refusal for person, refusal in self.refusals if person not in counted or not refusal.idle}

    def _general(self, consent: Consent, until: int) -> tuple[str, str]:
        if why := withdrawn(consent) or self.binding.broken(consent):
            return why, _AGAIN
        if not consent.issued_at <= self.snapshot.at:
            return f"it is dated {instant(consent.issued_at)}, which is still to come", "Check the clocks."
        if self.snapshot.at >= until:
            return f"it expired at {instant(until)}", _AGAIN
        if deed := self.excluded.deed(consent.account, consent.person):
            return f"they {deed}", _OTHERS
        return "", ""

    def _seat(self, consent: Consent, seat: _Seat, until: int) -> Refusal | None:
        """Count the approval for the seat, as its person's own or by delegations, or say why it does not count."""
        group = seat.terms.group
        mine = stranger(consent, seat.roster, self.registry)
        behind, why = self.mandates.behind(consent, seat.terms, seat.roster, self.registry) if mine else ([], "")
        if mine and not behind:
            remedy = _AGE if mine == UNKNOWN_AGE else _OTHERS
            reason = f"{mine}; {why}" if why else mine
            return Refusal(_name(consent), reason, remedy, group, changes=self._later(consent, seat))
        unfit, remedy = seat.unfit(consent)
        if unfit:
            return Refusal(_name(consent), unfit, remedy, group)
        if not mine:
            seat.candidates[consent.person] = max(seat.candidates.get(consent.person, 0), until)
            self.changes.add(until)
            if consent.way != "servicenow":
                seat.elsewhere.add((consent.person, consent.person))
        for mandate in behind:
            given, ends = mandate.given, min(until, mandate.until)
            self._call(given)
            pair = (consent.person, given.person)
            since = (max(given.issued_at, consent.issued_at), given.id, consent.id)
            self.met[pair] = min(self.met.get(pair, since), since)
            seat.acting[pair] = max(seat.acting.get(pair, 0), ends)
            self.changes.add(ends)
            if consent.way != "servicenow":
                seat.elsewhere.add(pair)
        return None

    def _call(self, consent: Consent) -> None:
        name = _name(consent)
        known = self.names.get(consent.person)
        self.names[consent.person] = name if known is None else min(known, name)

    def _later(self, consent: Consent, seat: _Seat) -> str:
        since = counts_from(consent, seat.roster, self.registry)
        return "" if since is None else f"The membership counts for releases proposed from {instant(since)} on."


def _name(consent: Consent) -> str:
    return consent.name or consent.account


def _documents(types: tuple[str, ...], snapshot: Snapshot) -> tuple[SignedDocument, ...]:
    """What is there of these types, in the order of its paths."""
    found = [document for document in snapshot.evidence if document.type in types]
    if snapshot.lineage is not None and "lineage" in types:
        found.append(snapshot.lineage)
    return tuple(sorted(found, key=lambda document: (document.path, document.digest)))


def _acts_for_nobody(rule: EffectiveRule) -> tuple[str, str]:
    asked = listing([seat.group for seat in rule.seats], "or")
    return f"they did not belong to {asked} when approving", "Ask a member of the group that is missing."
