"""Delegations: who acts for a member of a group, and why a delegation does not help."""

from __future__ import annotations

import msgspec

from gates.bound import withdrawn
from gates.excluded import Excluded
from gates.groups import Roster
from gates.membership import Registry, stranger
from gates.model import Consent, Snapshot
from gates.terms import EffectiveRule, SeatTerms
from gates.words import SECOND, instant, listing
from manifests.policy import STRENGTHS

_RANK = {strength: rank for rank, strength in enumerate(STRENGTHS)}


class Mandate(msgspec.Struct, frozen=True):
    """A delegation, until when it holds (microseconds), and why it lets nobody act; nothing where it does."""

    given: Consent
    until: int
    why: str


class Mandates:
    """The delegations of a snapshot by whom they let act: their account and person, both as the delegating person
    named them."""

    def __init__(self, snapshot: Snapshot, rule: EffectiveRule, excluded: Excluded) -> None:
        self._to: dict[tuple[str, str], list[Mandate]] = {}
        longest = rule.delegation.longest if rule.delegation is not None else 0
        for given in snapshot.consents:
            if given.decision == "delegate" and given.delegation is not None and rule.delegation is not None:
                until = min(given.not_after, given.issued_at + longest * SECOND)
                mandate = Mandate(given, until, _objection(given, snapshot, excluded, until))
                self._to.setdefault((given.delegation.account, given.delegation.person), []).append(mandate)

    def behind(
        self, consent: Consent, seat: SeatTerms, roster: Roster, registry: Registry
    ) -> tuple[list[Mandate], str]:
        """By which delegations the approval counts for the seat; with none, why those that there are do not help."""
        offered = self._to.get((consent.account, consent.person), ())
        if not offered or any(entry.kind != "User" for entry in roster.members.get(consent.account, ())):
            return [], ""
        found: list[Mandate] = []
        useless: set[str] = set()
        for mandate in offered:
            given = mandate.given
            if seat.group not in given.groups or given.person == consent.person:
                continue
            if why := mandate.why or _late(given, consent) or _weak(given, seat) or stranger(given, roster, registry):
                useless.add(f"{given.name or given.account}'s delegation does not count, because {why}")
            else:
                found.append(mandate)
        return found, listing(sorted(useless)) if not found else ""


def _objection(given: Consent, snapshot: Snapshot, excluded: Excluded, until: int) -> str:
    if why := withdrawn(given):
        return why
    if why := _elsewhere(given, snapshot):
        return why
    if given.issued_at > snapshot.at:
        return f"it is dated {instant(given.issued_at)}, which is still to come"
    if snapshot.at >= until:
        return f"it ended at {instant(until)}"
    deed = excluded.deed(given.account, given.person)
    return f"they {deed}" if deed else ""


def _elsewhere(given: Consent, snapshot: Snapshot) -> str:
    """A delegation outlives pushes and altered rules; it binds its repository, or one release there."""
    whole = given.delegation is not None and given.delegation.scope == "repository"
    here = (snapshot.pull.number, snapshot.release.manifest_path)
    if given.repository_id != snapshot.pull.repository_id:
        return "it was given in another repository"
    if not whole and (given.pull_number, given.manifest_path) != here:
        return "it was given for another release"
    if snapshot.environment not in given.environments:
        named = listing(sorted(given.environments)) or "no environment"
        return f"it was given for {named}, not for {snapshot.environment}"
    return ""


def _late(given: Consent, consent: Consent) -> str:
    begins = max(given.delegation.starts_at if given.delegation else 0, given.issued_at)
    return f"it began at {instant(begins)}, after the approval" if begins > consent.issued_at else ""


def _weak(given: Consent, seat: SeatTerms) -> str:
    if _RANK[given.strength] >= _RANK[seat.signature]:
        return ""
    return f"it is signed as {given.strength}, and this seat asks for {seat.signature}"
