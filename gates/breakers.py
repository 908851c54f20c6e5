"""Who breaks the glass: whose words count for it, and whether those for one incident are enough together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gates.bound import elsewhere, withdrawn
from gates.matching import Demand, fill
from gates.model import Consent, Snapshot
from gates.standing import Standing
from gates.terms import EffectiveRule
from gates.words import SECOND, instant, listing
from manifests.policy_terms import MAX_BREAK_GLASS_S, BreakGlassRule

LEAST = 2
"""Four eyes, whatever a policy says."""

_STRONG = ("personal", "passkey")


class Breaker(msgspec.Struct, frozen=True):
    """What one person said that counts ``until`` (microseconds), and the groups for which they can stand."""

    consent: Consent
    until: int
    groups: frozenset[str]


class Breakers(msgspec.Struct, frozen=True):
    """The words that count now by incident, why the others do not, and when the clock alone changes either."""

    by_incident: dict[str, tuple[Breaker, ...]]
    refusals: tuple[str, ...]
    changes_at: tuple[int, ...]


def said(snapshot: Snapshot) -> list[Consent]:
    """The words to break the glass for this release and environment that nobody took back."""
    pull, release = snapshot.pull, snapshot.release
    here = (pull.repository_id, pull.number, release.manifest_path)
    return [
        consent
        for consent in snapshot.consents
        if consent.decision == "break-glass"
        and not consent.void
        and (consent.repository_id, consent.pull_number, consent.manifest_path) == here
        and snapshot.environment in consent.environments
    ]


def judge(snapshot: Snapshot, rule: EffectiveRule, terms: BreakGlassRule, by: Standing) -> Breakers:
    """Hold each of them to what an approval is held to, and to what an emergency asks besides."""
    counted: dict[str, list[Breaker]] = {}
    refusals: set[str] = set()
    moments: set[int] = set()
    for consent in said(snapshot):
        until = min(consent.not_after, consent.issued_at + min(terms.valid, MAX_BREAK_GLASS_S) * SECOND)
        groups = frozenset(group for group in consent.groups if group in terms.groups)
        if why := _objection(consent, snapshot, rule, by) or _outside(consent, groups, terms, by):
            refusals.add(f"{name(consent)}'s word does not count: {why}")
            continue
        moments.update((consent.issued_at, until))
        if consent.issued_at <= snapshot.at < until:
            stands = frozenset(group for group in groups if not by.stranger(consent, group))
            counted.setdefault(consent.incident.strip(), []).append(Breaker(consent, until, stands))
        else:
            past = snapshot.at >= until
            word = f"ended at {instant(until)}" if past else f"counts only from {instant(consent.issued_at)}"
            refusals.add(f"{name(consent)}'s word {word}")
    ordered = {incident: tuple(sorted(found, key=_lasting)) for incident, found in counted.items()}
    return Breakers(ordered, tuple(sorted(refusals)), tuple(sorted(moments)))


def enough(found: Sequence[Breaker], terms: BreakGlassRule) -> Sequence[Breaker]:
    """Those of ``found`` (one incident's, the longest lasting first) that last longest and are enough together;
    nobody where all of them are not."""
    needed = needs(terms)
    for size in range(needed, len(found) + 1):
        chosen = found[:size]
        if len(persons(chosen)) >= needed and not (asks_for_each(terms) and unrepresented(chosen, terms)):
            return chosen
    return ()


def asks_for_each(terms: BreakGlassRule) -> bool:
    """Whether each of the groups needs a person of its own."""
    return needs(terms) >= len(set(terms.groups))


def needs(terms: BreakGlassRule) -> int:
    return max(terms.count, LEAST)


def persons(found: Sequence[Breaker]) -> tuple[str, ...]:
    return tuple(sorted({one.consent.person for one in found}))


def unrepresented(found: Sequence[Breaker], terms: BreakGlassRule) -> list[str]:
    """The groups for which nobody is left when each person stands for one."""
    groups = sorted(set(terms.groups))
    demands = [Demand(1, frozenset(one.consent.person for one in found if group in one.groups)) for group in groups]
    return [group for group, filled in zip(groups, fill(demands), strict=True) if not filled]


def name(consent: Consent) -> str:
    return consent.name or consent.account


def _lasting(one: Breaker) -> tuple[int, str, str, list[str]]:
    return -one.until, one.consent.person, one.consent.id, sorted(one.groups)


def _objection(consent: Consent, snapshot: Snapshot, rule: EffectiveRule, by: Standing) -> str:
    if why := withdrawn(consent) or elsewhere(consent, snapshot, rule):
        return why
    if consent.strength not in _STRONG:
        return f"it is signed as {consent.strength}, and breaking the glass asks for a key of their own"
    if not consent.incident.strip():
        return "it names no incident"
    if not consent.reason.strip():
        return "it gives no reason"
    return by.hand(consent)


def _outside(consent: Consent, groups: frozenset[str], terms: BreakGlassRule, by: Standing) -> str:
    if not groups:
        return f"they did not belong to {listing(sorted(terms.groups), 'or')} when they said so"
    objections = sorted(by.stranger(consent, group) for group in groups)
    return objections[0] if all(objections) else ""
