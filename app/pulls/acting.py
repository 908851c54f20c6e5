"""The groups that somebody acts for: their own, and those of people who let them act for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.facts.view import ReleaseView
from app.pulls.admission import groups_of
from gates.model import Consent, GroupFacts
from gates.terms import EffectiveRule


def delegable(release: ReleaseView) -> bool:
    """Whether any rule of the release lets people act for others: only then are delegations looked for."""
    return any(isinstance(rule, EffectiveRule) and rule.delegation is not None for rule in release.rules.values())


def delegations_of(consents: Iterable[Consent], number: int, path: str) -> tuple[Consent, ...]:
    """Those of ``consents`` by which somebody may act in the release at ``path`` of pull request ``number``. They are
    all of its repository."""
    return tuple(
        consent
        for consent in consents
        if consent.decision == "delegate" and consent.delegation is not None
        if consent.delegation.scope == "repository" or (consent.pull_number, consent.manifest_path) == (number, path)
    )


def acting_groups(
    groups: Sequence[GroupFacts], account: str, person: str, delegations: Iterable[Consent], environment: str, at: int
) -> tuple[str, ...]:
    """The names of the groups that an account belongs to, and of those that it acts for in the environment ``at`` that
    instant (microseconds since 1970 UTC) by one of the ``delegations``; sorted. Who delegates has to belong to the
    group themselves: nobody hands on what was delegated to them."""
    found = set(groups_of(groups, account))
    for consent in delegations:
        if _stands(consent, account, person, environment, at):
            found.update(set(consent.groups) & set(groups_of(groups, consent.account)))
    return tuple(sorted(found))


def _stands(consent: Consent, account: str, person: str, environment: str, at: int) -> bool:
    terms = consent.delegation
    return (
        terms is not None
        and (terms.account, terms.person) == (account, person)
        and environment in consent.environments
        and max(terms.starts_at, consent.issued_at) <= at < consent.not_after
        and not (consent.void or consent.difference)
    )
