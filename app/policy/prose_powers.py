"""In plain words: who acts for others, exceptions and emergencies, what other systems say."""

from __future__ import annotations

from collections.abc import Iterator

from gates.model import Consent, Retrospective, Snapshot
from gates.words import instant, listing

_MANY = 50


def told(snapshot: Snapshot) -> Iterator[str]:
    """Sentences, one for each fact."""
    for consent in snapshot.consents:
        yield from _power(consent)
    yield from _checks(snapshot)
    yield from _reporting(snapshot)
    yield from (_owed(one) for one in snapshot.retrospectives)


def _power(consent: Consent) -> Iterator[str]:
    when = f"on {instant(consent.issued_at)} ({consent.strength})"
    void = f"; void: {consent.void}" if consent.void else ""
    if (given := consent.delegation) is not None:
        acting = consent_groups(consent)
        reach = "in the whole repository" if given.scope == "repository" else "in this release"
        yield (
            f"{consent.name} let {given.account.partition(':')[2]} act for them{acting} {reach}, {when}, from "
            f"{instant(given.starts_at)} until {instant(consent.not_after)}{void}."
        )
    elif (excepted := consent.exception) is not None:
        yield (
            f"{consent.name} excepted the finding {excepted.finding} of {excepted.type} until "
            f"{instant(consent.not_after)}, {when}, because of: “{excepted.control}”{void}."
        )
    elif consent.decision == "break-glass":
        yield (
            f"{consent.name}{consent_groups(consent)} broke the glass {when} for “{consent.incident}”, saying: "
            f"“{consent.reason}”{void}."
        )


def consent_groups(consent: Consent) -> str:
    return f" for {listing(consent.groups, most=_MANY)}" if consent.groups else ", who is in no group,"


def _checks(snapshot: Snapshot) -> Iterator[str]:
    checks = snapshot.checks
    if checks is None:
        return
    if checks.problem:
        yield f"The checks at the head cannot be read: {checks.problem}."
    for one in checks.checks:
        where = "the head" if one.sha == snapshot.pull.head_sha else "another commit"
        yield f"The check {one.name} of {one.app} at {where}: {one.conclusion or 'under way'}."


def _reporting(snapshot: Snapshot) -> Iterator[str]:
    facts = snapshot.reporting
    if facts is None:
        return
    if facts.problem:
        yield f"Who reports to whom cannot be told: {facts.problem}."
    for line in facts.lines:
        if line.managers:
            yield f"{_name(line.person)} reports to {listing(map(_name, line.managers), most=_MANY)}."


def _owed(one: Retrospective) -> str:
    return f"A glass broken for {one.release} in {one.environment} is to be reviewed by {instant(one.due_at)}."


def _name(person: str) -> str:
    return person.partition(":")[2]
