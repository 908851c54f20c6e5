"""The approvals gate: every seat of the rule is filled by another person, none of whom had a hand in it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gates.case import Case, Finding, holds, worst
from gates.counting import Ballot, Refusal
from gates.counting import count as count_consents
from gates.excluded import excluded
from gates.membership import eligible
from gates.model import Result, Snapshot
from gates.seating import Seat, changes, names, seated
from gates.terms import EffectiveRule, NoRule, SeatTerms
from gates.tighten import is_production
from gates.ways import ways
from gates.words import count, instant, listing

UNCOUNTED = "not counted"
"""The name of what is said of an approval that does not count."""


def approvals(case: Case) -> Finding:
    """Fill the seats; pass when all are filled, wait while approvals are missing."""
    if isinstance(case.rule, NoRule):
        why = "Nobody's approval can be counted, because no rule says who has to approve."
        return Finding(
            Result(
                "approvals", "wait" if case.rule.waits else "fail", why, "First correct what the rule above is missing."
            )
        )
    barred = excluded(case.snapshot, case.rule)
    ballot = count_consents(case.snapshot, case.rule, barred)
    seats = seated(case.rule.seats, ballot, case.snapshot.environment)
    children = (
        *_altered(case.snapshot),
        *(_unknown(sentence) for sentence in barred.unknown),
        *(_seat(seat, ballot, case.snapshot, case.rule) for seat in seats),
        *_alone(seats, case.snapshot),
    )
    if worst(children) == "pass":
        result = _complete(seats, ballot, children)
        persons = tuple(sorted(person for seat in seats for person in seat.persons))
        return Finding(result, ballot.changes_at, persons)
    open_groups = {seat.terms.group for seat in seats if seat.missing()}
    useless = [refusal for refusal in ballot.refusals if refusal.idle and refusal.group not in open_groups]
    children = (*children, *(_refused(refusal) for refusal in useless))
    return Finding(_incomplete(seats, children), ballot.changes_at)


def _complete(seats: Sequence[Seat], ballot: Ballot, children: tuple[Result, ...]) -> Result:
    who = [f"{names(seat, ballot)} ({seat.terms.group}, {seat.terms.signature})" for seat in seats]
    people = sum(len(seat.persons) for seat in seats)
    summary = f"Every seat is filled: {listing(who)}; {count(people, 'person', 'different persons')}."
    if useless := [refusal for refusal in ballot.refusals if refusal.idle]:
        unneeded = listing([f"{r.name}'s approval does not count, because {r.why}" for r in useless], most=3)
        children = (*children, Result(UNCOUNTED, "pass", f"Not needed: {unneeded}."))
    return Result("approvals", "pass", summary, children=children, changes=_first_to_expire(seats))


def _incomplete(seats: Sequence[Seat], children: tuple[Result, ...]) -> Result:
    bad = [child for child in children if not holds(child)]
    status = worst(bad)
    first = next(child for child in bad if child.status == status)
    missing = [(seat.missing(), seat.terms.group) for seat in seats if seat.missing()]
    summary = first.summary
    if status == "wait" and missing:
        needed = [f"{count(number, 'approval')} from {group}" for number, group in missing]
        verb = "is" if sum(number for number, _ in missing) == 1 else "are"
        summary = f"{listing(needed)} {verb} missing."
    who = listing(child.who for child in children if child.who)
    return Result("approvals", status, summary, first.remedy, children, who, _first_to_expire(seats))


def _alone(seats: Sequence[Seat], snapshot: Snapshot) -> list[Result]:
    """ServiceNow alone never releases production."""
    complete = not any(seat.missing() for seat in seats)
    if not complete or not is_production(snapshot.environment) or not all(seat.alone for seat in seats):
        return []
    summary = f"Every approval was given in ServiceNow, which alone never releases {snapshot.environment}."
    how = {seat.terms.group: _besides_servicenow(seat.terms, snapshot) for seat in seats}
    able = [group for group, said in how.items() if said]
    who = listing(able, "or")
    remedy = "Let an administrator have one seat accept another way than servicenow, such as cli."
    if able:
        remedy = f"Somebody from {who} approves elsewhere too; from {able[0]}, {how[able[0]]}."
    return [Result("servicenow alone", "wait", summary, remedy, who=who)]


def _besides_servicenow(terms: SeatTerms, snapshot: Snapshot) -> str:
    accept = tuple(way for way in terms.accept if way != "servicenow")
    return ways(msgspec.structs.replace(terms, accept=accept), snapshot.pull.head_sha, snapshot.environment)


def _first_to_expire(seats: Sequence[Seat]) -> str:
    ending = min((seat.ending for seat in seats if seat.ending is not None), default=None)
    return "" if ending is None else f"The first approval to expire is {ending[1]}'s, at {instant(ending[0])}."


def _seat(seat: Seat, ballot: Ballot, snapshot: Snapshot, rule: EffectiveRule) -> Result:
    group, roster = seat.terms.group, ballot.rosters[seat.terms.group]
    if roster.problem:
        return Result(
            group,
            "error",
            f"The members of {group} cannot be relied on: {roster.problem}.",
            "Let an administrator make the group readable and pin it in the policy, then evaluate again.",
        )
    lasting = changes(seat, snapshot, rule)
    if not seat.missing():
        return Result(group, "pass", f"Filled by {names(seat, ballot)}.", changes=lasting)
    by = f", by {names(seat, ballot)}" if seat.persons else ""
    could = eligible(roster, ballot.registry)
    asked = f"{len(seat.persons)} of {count(seat.terms.count, 'seat')} filled{by}"
    summary = f"{asked}. {count(could, 'person')} of this group could approve this release."
    children = (
        *(_twice(person, other, group, ballot) for person, other in seat.elsewhere),
        *(_refused(refusal) for refusal in ballot.refusals if refusal.group == group),
    )
    who = f"{group} ({could} of its members could)"
    return Result(group, "wait", summary, _ask(seat.terms, could, snapshot), children, who, lasting)


def _ask(terms: SeatTerms, could: int, snapshot: Snapshot) -> str:
    if could < terms.count:
        return (
            f"{terms.group} has too few members who count; let its owner add some. New members count for "
            "releases proposed after the waiting time of the policy."
        )
    how = ways(terms, snapshot.pull.head_sha, snapshot.environment)
    if not how:
        return (
            f"Nobody can fill this seat: it asks for {terms.signature} and accepts {listing(terms.accept, 'or')}. "
            "Let an administrator change that in the policy."
        )
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
    return Result(UNCOUNTED, "wait", summary, refusal.remedy, changes=refusal.changes)


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
