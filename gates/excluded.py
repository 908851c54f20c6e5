"""Whose consent can never count: everybody who had a hand in the release, by account and by person."""

from __future__ import annotations

import msgspec

from gates.documents import named_documents
from gates.model import Contributor, Snapshot

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
    """Accounts and persons with what they did. ``unknown`` are contributions whose author cannot be told."""

    accounts: dict[str, str]
    persons: dict[str, str]
    requester_accounts: frozenset[str]
    requester_persons: frozenset[str]
    unknown: tuple[str, ...]

    def deed(self, account: str, *persons: str) -> str:
        """What the account or any of the persons did; empty when none had a hand in the release."""
        if account in self.accounts:
            return self.accounts[account]
        return next((self.persons[person] for person in persons if person in self.persons), "")


def excluded(snapshot: Snapshot) -> Excluded:
    """Contributors, and whoever signed a document that came with the release."""
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
    return Excluded(
        accounts,
        persons,
        frozenset(c.account for c in requesters if c.account),
        frozenset(c.person for c in requesters if c.person),
        tuple(sorted(set(unknown))),
    )


def _weight(contributor: Contributor) -> tuple[int, str, str]:
    roles = list(_DEEDS)
    known = roles.index(contributor.role) if contributor.role in _DEEDS else len(roles)
    return known, contributor.role, contributor.detail


def _deed(contributor: Contributor) -> str:
    deed = _DEEDS.get(contributor.role, f"took part in it as {contributor.role or 'a contributor'}")
    return f"{deed} ({contributor.detail})" if contributor.detail else deed
