"""The approvals gate: every seat of the rule is filled by another person, none of whom had a hand in it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gates.case import Case, Finding, holds, worst
from gates.counting import Ballot, Refusal
from gates.counting import count as count_consents
from gates.excluded import excluded
from gates.matching import Demand, fill
from gates.membership import eligible
from gates.model import Result, Snapshot
from gates.terms import NoRule, SeatTerms
from gates.words import count, listing

_WAYS: dict[str, str] = {
    "review": "by an approving GitHub review",
    "command": "with the comment /approve {head} {environment}",
    "cli": "with countersign approve",
}
"""The ways there are; a policy may also accept ones that are yet to come."""


class _Seat(msgspec.Struct, frozen=True):
    """A seat with those who fill it, and those who could but already fill another."""

    terms: SeatTerms
    persons: tuple[str, ...]
    elsewhere: tuple[tuple[str, str], ...]

    def missing(self) -> int:
        return max(self.terms.count - len(self.persons), 0)


def approvals(case: Case) -> Finding:
    """Fill the seats; pass when all are filled, wait while approvals are missing."""
    if isinstance(case.rule, NoRule):
        why = "Nobody's approval can be counted, because no rule says who has to approve."
        return Finding(Result("approvals", "fail", why, "First correct what the rule above is missing."))
    barred = excluded(case.snapshot)
    ballot = count_consents(case.snapshot, case.rule, barred)
    seats = _seats(case.rule.seats, ballot)
    children = (
        *_altered(case.snapshot),
        *(_unknown(sentence) for sentence in barred.unknown),
        *(_seat(seat, ballot, case.snapshot) for seat in seats),
    )
    if worst(children) == "pass":
        result = _complete(seats, ballot, children)
        persons = tuple(sorted(person for seat in seats for person in seat.persons))
        return Finding(result, ballot.changes_at, persons)
    open_groups = {seat.terms.group for seat in seats if seat.missing()}
    useless = [refusal for refusal in ballot.refusals if refusal.idle and refusal.group not in open_groups]
    children = (*children, *(_refused(refusal) for refusal in useless))
    return Finding(_incomplete(seats, children), ballot.changes_at)


def _seats(terms: Sequence[SeatTerms], ballot: Ballot) -> list[_Seat]:
    demands = [
        Demand(seat.count, frozenset(candidates)) for seat, candidates in zip(terms, ballot.candidates, strict=True)
    ]
    filled = fill(demands)
    group_of = {person: seat.group for seat, persons in zip(terms, filled, strict=True) for person in persons}
    return [
        _Seat(
            seat,
            persons,
            tuple(
                (person, group_of[person])
                for person in sorted(demand.candidates)
                if len(persons) < seat.count and group_of.get(person, seat.group) != seat.group
            ),
        )
        for seat, persons, demand in zip(terms, filled, demands, strict=True)
    ]


def _complete(seats: Sequence[_Seat], ballot: Ballot, children: tuple[Result, ...]) -> Result:
    who = [f"{_names(seat.persons, ballot)} ({seat.terms.group}, {seat.terms.signature})" for seat in seats]
    people = sum(len(seat.persons) for seat in seats)
    summary = f"Every seat is filled: {listing(who)}; {count(people, 'person', 'different persons')}."
    if useless := [refusal for refusal in ballot.refusals if refusal.idle]:
        unneeded = listing([f"{r.name}'s approval does not count, because {r.why}" for r in useless], most=3)
        children = (*children, Result("not counted", "pass", f"Not needed: {unneeded}."))
    return Result("approvals", "pass", summary, children=children)


def _incomplete(seats: Sequence[_Seat], children: tuple[Result, ...]) -> Result:
    bad = [child for child in children if not holds(child)]
    status = worst(bad)
    first = next(child for child in bad if child.status == status)
    missing = [(seat.missing(), seat.terms.group) for seat in seats if seat.missing()]
    if status == "wait" and missing:
        needed = [f"{count(number, 'approval')} from {group}" for number, group in missing]
        verb = "is" if sum(number for number, _ in missing) == 1 else "are"
        return Result("approvals", status, f"{listing(needed)} {verb} missing.", first.remedy, children)
    return Result("approvals", status, first.summary, first.remedy, children)


def _seat(seat: _Seat, ballot: Ballot, snapshot: Snapshot) -> Result:
    group, roster = seat.terms.group, ballot.rosters[seat.terms.group]
    if roster.problem:
        return Result(
            group,
            "error",
            f"The members of {group} cannot be relied on: {roster.problem}.",
            "Let an administrator make the group readable and pin it in the policy, then evaluate again.",
        )
    if not seat.missing():
        return Result(group, "pass", f"Filled by {_names(seat.persons, ballot)}.")
    by = f", by {_names(seat.persons, ballot)}" if seat.persons else ""
    could = eligible(roster, ballot.registry)
    asked = f"{len(seat.persons)} of {count(seat.terms.count, 'seat')} filled{by}"
    summary = f"{asked}. {count(could, 'person')} of this group could approve this release."
    children = (
        *(_twice(person, other, group, ballot) for person, other in seat.elsewhere),
        *(_refused(refusal) for refusal in ballot.refusals if refusal.group == group),
    )
    return Result(group, "wait", summary, _ask(seat.terms, could, snapshot), children)


def _ask(terms: SeatTerms, could: int, snapshot: Snapshot) -> str:
    if could < terms.count:
        return (
            f"{terms.group} has too few members who count; let its owner add some. New members count for "
            "releases proposed after the waiting time of the policy."
        )
    reaching = {"attested": tuple(_WAYS), "personal": ("cli",), "passkey": ()}[terms.signature]
    ways = [_WAYS[way] for way in terms.accept if way in reaching]
    if not ways:
        return (
            f"Nobody can fill this seat yet: it asks for {terms.signature} and accepts {listing(terms.accept, 'or')}. "
            "Let an administrator change that in the policy."
        )
    how = listing(ways, "or").format(head=snapshot.pull.head_sha, environment=snapshot.environment)
    return f"Somebody from {terms.group} who had no hand in this release approves {how}."


def _twice(person: str, other: str, group: str, ballot: Ballot) -> Result:
    name = ballot.names.get(person, person)
    return Result(
        "one seat each",
        "wait",
        f"{name} is in both {other} and {group} and fills one seat only, that of {other}.",
        "A second person must sign.",
    )


def _refused(refusal: Refusal) -> Result:
    summary = f"{refusal.name}'s approval does not count: {refusal.why}."
    return Result("not counted", "wait", summary, refusal.remedy)


def _altered(snapshot: Snapshot) -> list[Result]:
    found = sorted({(consent.id, consent.difference) for consent in snapshot.consents if consent.difference})
    return [
        Result(
            "record",
            "error",
            f"Consent {id} is not what its record in the audit log says: {difference}.",
            "Treat this as tampering: run countersign audit verify and follow the runbook on altered records.",
        )
        for id, difference in found
    ]


def _unknown(sentence: str) -> Result:
    return Result(
        "contributors",
        "fail",
        f"Not everybody who had a hand in this release is known: {sentence.rstrip('.')}.",
        "Link the e-mail address or account to a GitHub account, or commit again from a linked one; "
        "an unreadable document has to be corrected.",
    )


def _names(persons: Sequence[str], ballot: Ballot) -> str:
    return listing([ballot.names.get(person, person) for person in persons])
