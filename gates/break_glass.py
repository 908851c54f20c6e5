"""Breaking the glass: in an emergency several independent persons stand in for most of the rule, for a short time."""

from __future__ import annotations

from gates import breakers
from gates.breakers import Breakers
from gates.case import Case, Finding
from gates.model import Result, Snapshot
from gates.standing import Standing, standing
from gates.terms import NoRule
from gates.words import count, instant, listing
from manifests.policy_terms import BreakGlassRule

NAME = "break glass"


def is_asked(case: Case) -> bool:
    """Whether the rule lets the glass be broken and somebody said that it is, for this release and environment."""
    allowed = not isinstance(case.rule, NoRule) and case.rule.break_glass is not None
    return allowed and bool(breakers.said(case.snapshot))


def break_glass(case: Case) -> Finding:
    """Pass with those who broke it; wait while somebody is missing. Who had a hand in the release has to be known of
    everybody, and no consent may differ from its record: an emergency is no reason to trust less."""
    if isinstance(case.rule, NoRule) or case.rule.break_glass is None:
        return Finding(Result(NAME, "wait", "No rule lets anybody break the glass.", "Do what the rule asks for."))
    terms = case.rule.break_glass
    by = standing(case.snapshot, case.rule)
    found = breakers.judge(case.snapshot, case.rule, terms, by)
    doubts = _doubts(case.snapshot, by)
    broken = [chosen for _, those in sorted(found.by_incident.items()) if (chosen := breakers.enough(those, terms))]
    if not broken or doubts:
        return Finding(_incomplete(terms, found, doubts), found.changes_at)
    longest = max(broken, key=lambda chosen: min(one.until for one in chosen))
    until = instant(min(one.until for one in longest))
    who = listing(sorted({breakers.name(one.consent) for one in longest}), most=8)
    summary = f"{who} broke the glass for {longest[0].consent.incident.strip()}, until {until}."
    return Finding(Result(NAME, "pass", summary), found.changes_at, breakers.persons(longest))


def _doubts(snapshot: Snapshot, by: Standing) -> list[str]:
    differing = sorted({consent.id for consent in snapshot.consents if consent.difference})
    return [
        *(f"not everybody who had a hand in this release is known: {one.rstrip('.')}" for one in by.excluded.unknown),
        *(f"consent {id} is not what its record in the audit log says" for id in differing),
    ]


def _incomplete(terms: BreakGlassRule, found: Breakers, doubts: list[str]) -> Result:
    needed, groups = breakers.needs(terms), listing(sorted(terms.groups), "or")
    incident, those = max(
        sorted(found.by_incident.items()), key=lambda item: len(breakers.persons(item[1])), default=("", ())
    )
    who = listing(sorted({breakers.name(one.consent) for one in those}), most=8)
    by = f", by {who}" if who else ""
    why = f"{len(breakers.persons(those))} of {count(needed, 'person')} said so{by}"
    if len(breakers.persons(those)) >= needed:
        why = doubts[0] if doubts else f"{why}, and nobody of {listing(breakers.unrepresented(those, terms))} besides"
    children = [_child(sentence) for sentence in (*doubts, *found.refusals)]
    if len(found.by_incident) > 1:
        children.append(
            _child(f"different incidents are named, and one has to be: {listing(sorted(found.by_incident))}")
        )
    what = f"for {incident}" if incident else "with the number of an incident"
    remedy = f"Somebody else from {groups} who had no hand in this release runs countersign break-glass {what}."
    changes = "the word of somebody else from these groups"
    return Result(NAME, "wait", f"The glass is not broken: {why}.", remedy, tuple(children), groups, changes)


def _child(sentence: str) -> Result:
    said = f"{sentence[:1].upper()}{sentence[1:]}."
    return Result("not counted", "wait", said, "Mend what it says; whose word is missing then says it again.")
