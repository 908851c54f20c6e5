"""Exceptions: who says that a finding may stay, which control compensates for it, and until when that counts."""

from __future__ import annotations

import msgspec

from gates.bound import elsewhere, withdrawn
from gates.model import Consent, Snapshot
from gates.standing import Standing
from gates.terms import EffectiveRule
from gates.tighten import default_signature
from gates.words import SECOND, instant
from manifests.policy import STRENGTHS
from manifests.policy_terms import FindingsRule


class Excepted(msgspec.Struct, frozen=True):
    """An exception to ``rule`` that counts ``until`` (microseconds)."""

    consent: Consent
    until: int


class Exceptions(msgspec.Struct, frozen=True):
    """Those that count for one rule by type of evidence and id of the finding, why the others do not, and when the
    clock alone changes either."""

    granted: dict[tuple[str, str], Excepted]
    refused: dict[tuple[str, str], tuple[str, ...]]
    changes_at: tuple[int, ...] = ()


def exceptions(terms: FindingsRule, rule: EffectiveRule, snapshot: Snapshot, by: Standing) -> Exceptions:
    """Judge every exception that was given; of several to one finding the one that lasts longest counts.

    An exception is bound to the release, the environment and the artifacts, and not to the head, the revision or the
    effective rule: what it weighs is one finding about these very bytes, and a push that leaves them as they are
    changes nothing of that. The report that has the finding is looked at anew each time.
    """
    granted: dict[tuple[str, str], Excepted] = {}
    refused: dict[tuple[str, str], set[str]] = {}
    moments: set[int] = set()
    for consent in snapshot.consents:
        if consent.decision != "except" or consent.exception is None:
            continue
        key = (consent.exception.type, consent.exception.finding)
        until = min(consent.not_after, consent.issued_at + terms.longest * SECOND)
        if why := _objection(consent, terms, rule, snapshot, by):
            refused.setdefault(key, set()).add(f"{consent.name or consent.account}'s exception does not count: {why}")
            continue
        moments.update((consent.issued_at, until))
        if consent.issued_at <= snapshot.at < until:
            given = Excepted(consent, until)
            granted[key] = max(granted.get(key, given), given, key=lambda one: (one.until, one.consent.id))
        else:
            word = f"ended at {instant(until)}" if snapshot.at >= until else f"begins at {instant(consent.issued_at)}"
            refused.setdefault(key, set()).add(f"{consent.name or consent.account}'s exception {word}")
    told = {key: tuple(sorted(sentences)) for key, sentences in refused.items()}
    return Exceptions(granted, told, tuple(sorted(moments)))


def _objection(consent: Consent, terms: FindingsRule, rule: EffectiveRule, snapshot: Snapshot, by: Standing) -> str:
    if terms.exceptions_by is None:
        return "the rule lets nobody grant one"
    if why := withdrawn(consent) or elsewhere(_as_of_now(consent, rule, snapshot), snapshot, rule):
        return why
    if consent.exception is None or not consent.exception.control.strip():
        return "it names no control that compensates for the finding"
    if terms.exceptions_by not in consent.groups:
        return f"they did not belong to {terms.exceptions_by} when granting it"
    if why := by.hand(consent) or by.stranger(consent, terms.exceptions_by):
        return why
    asked = default_signature(snapshot.environment)
    if STRENGTHS.index(consent.strength) < STRENGTHS.index(asked):
        return f"it is signed as {consent.strength}, and {snapshot.environment} asks for {asked}"
    return ""


def _as_of_now(consent: Consent, rule: EffectiveRule, snapshot: Snapshot) -> Consent:
    """The same words, as if they had been said of the head, the revision and the rule that are there now."""
    return msgspec.structs.replace(
        consent,
        head_sha=snapshot.pull.head_sha,
        revision=snapshot.release.revision,
        effective_rule=rule.digest,
    )
