"""Whose consent can never count: everybody who had a hand in the release, by account and by person."""

from __future__ import annotations

import msgspec

from gates.documents import named_documents
from gates.model import Contributor, Snapshot
from gates.reporting import Lines, lines
from gates.terms import EffectiveRule

_DEEDS = {
    "requester": "asked for this release",
    "author": "wrote part of it",
    "committer": "committed part of it",
    "co-author": "is named as a co-author of it",
    "pusher": "pushed part of it",
    "builder": "triggered its build",
    "evidence": "is named in or signed its lineage or evidence",
    "maker": "had a hand in the same artifact before",
}


class Excluded(msgspec.Struct, frozen=True):
    """Accounts and persons with what they did. ``unknown`` are contributions whose author cannot be told. ``lines``
    are there where the requester's reporting line is excluded too."""

    accounts: dict[str, str]
    persons: dict[str, str]
    requester_accounts: frozenset[str]
    requester_persons: frozenset[str]
    unknown: tuple[str, ...]
    lines: Lines | None = None

    def deed(self, account: str, *persons: str) -> str:
        """What keeps the account or any of the persons from counting ("wrote part of it"); empty when nothing does."""
        if account in self.accounts:
            return self.accounts[account]
        for person in persons:
            if person in self.persons:
                return self.persons[person]
        return self.lines.objection(persons) if self.lines is not None else ""


def excluded(snapshot: Snapshot, rule: EffectiveRule | None = None) -> Excluded:
    """Contributors, whoever signed a document that came with the release, and whom the ``rule`` excludes besides."""
    accounts: dict[str, str] = {}
    persons: dict[str, str] = {}
    for contributor in sorted(snapshot.contributors.known, key=_weight):
        deed = _deed(contributor)
        if contributor.account:
            accounts.setdefault(contributor.account, deed)
        if contributor.person:
            persons.setdefault(contributor.person, deed)
    unknown = list(snapshot.contributors.unknown)
    for document in (*snapshot.evidence, *([snapshot.lineage] if snapshot.lineage else [])):
        for person in document.signer_people:
            persons.setdefault(person, _DEEDS["evidence"])
    for reference, documents in named_documents(snapshot):
        if not documents or any(document.problem for document in documents):
            unknown.append(f"{reference} cannot be read, so it cannot be told who signed it")
    requesters = [c for c in snapshot.contributors.known if c.role == "requester"]
    if not requesters:
        unknown.append("it cannot be told who asked for the release")
    asking = frozenset(c.person for c in requesters if c.person)
    return Excluded(
        accounts,
        persons,
        frozenset(c.account for c in requesters if c.account),
        asking,
        tuple(sorted(set(unknown))),
        lines(snapshot.reporting, asking) if rule is not None and "reporting-line" in rule.exclude else None,
    )


def _weight(contributor: Contributor) -> tuple[int, str, str]:
    roles = list(_DEEDS)
    known = roles.index(contributor.role) if contributor.role in _DEEDS else len(roles)
    return known, contributor.role, contributor.detail


def _deed(contributor: Contributor) -> str:
    deed = _DEEDS.get(contributor.role, f"took part in it as {contributor.role or 'a contributor'}")
    return f"{deed} ({contributor.detail})" if contributor.detail else deed
