"""Whether the seats can be filled, said a second time and differently: plain loops over every assignment.

Shares nothing with the gates but the model; it is slow on purpose and only for small worlds.
"""

from __future__ import annotations

from collections.abc import Sequence

from gates.model import Consent, Policies, Snapshot

SECOND = 1_000_000
Filling = tuple[frozenset[str], bool]
"""The people who fill a seat together, and whether that was said in ServiceNow."""

LADDER = {"attested": 1, "personal": 2, "passkey": 3}


def seats_can_be_filled(policies: Policies, snapshot: Snapshot, digest: str) -> bool:
    """For worlds in which one repository rule applies; ``digest`` is the effective rule's."""
    assert policies.repository is not None
    assert policies.tenant is not None
    rule = policies.repository.rules[0]
    if any(consent.difference for consent in snapshot.consents) or snapshot.contributors.unknown:
        return False
    age = policies.tenant.people.membership_age
    wanted: list[set[Filling]] = []
    for seat in rule.seats:
        asked = LADDER[seat.signature or ("personal" if snapshot.environment == "production" else "attested")]
        fit: set[Filling] = set()
        for consent in snapshot.consents:
            if (
                not _valid(consent, snapshot, digest, rule.expires)
                or not _clean(consent, snapshot)
                or LADDER[consent.strength] < asked
                or consent.way not in seat.accept
                or seat.group not in consent.groups
            ):
                continue
            by_servicenow = consent.way == "servicenow"
            if _belongs(consent, seat.group, snapshot, age):
                fit.add((frozenset({consent.person}), by_servicenow))
            elif rule.delegation is not None and not _is_listed_machine(consent, seat.group, snapshot):
                fit |= {
                    (frozenset({consent.person, given.person}), by_servicenow)
                    for given in snapshot.consents
                    if _lets_act(given, consent, snapshot, rule.delegation.longest)
                    and LADDER[given.strength] >= asked
                    and seat.group in given.groups
                    and _belongs(given, seat.group, snapshot, age)
                }
        wanted += [fit] * seat.count
    is_alone = snapshot.environment == "production"
    return bool(wanted) and _without_anybody_twice(wanted, frozenset(), is_alone)


def _without_anybody_twice(wanted: Sequence[set[Filling]], taken: frozenset[str], is_alone: bool) -> bool:
    """Whether each of the wanted can have people of its own: one, or the two whom a delegation takes up; in production
    at least one by another way than ServiceNow."""
    if not wanted:
        return not is_alone
    return any(
        not fit & taken and _without_anybody_twice(wanted[1:], taken | fit, is_alone and by_servicenow)
        for fit, by_servicenow in wanted[0]
    )


def _lets_act(given: Consent, consent: Consent, snapshot: Snapshot, longest: int) -> bool:
    terms = given.delegation
    if given.decision != "delegate" or terms is None or given.person == consent.person:
        return False
    if (terms.person, terms.account) != (consent.person, consent.account) or not _clean(given, snapshot):
        return False
    if (given.void, given.kind, given.via_app) != ("", "User", False) or given.account == "":
        return False
    if given.repository_id != snapshot.pull.repository_id or snapshot.environment not in given.environments:
        return False
    here = (snapshot.pull.number, snapshot.release.manifest_path)
    if terms.scope == "release" and (given.pull_number, given.manifest_path) != here:
        return False
    if terms.starts_at > consent.issued_at or given.issued_at > consent.issued_at or given.issued_at > snapshot.at:
        return False
    return snapshot.at < given.not_after and snapshot.at - given.issued_at < longest * SECOND


def _is_listed_machine(consent: Consent, group: str, snapshot: Snapshot) -> bool:
    listed = [member for facts in snapshot.groups if facts.name == group for member in facts.members]
    return any(member.account == consent.account and member.kind != "User" for member in listed)


def _valid(consent: Consent, snapshot: Snapshot, digest: str, expires: int) -> bool:
    release, pull = snapshot.release, snapshot.pull
    assert release.manifest is not None
    said = (
        consent.decision, consent.void, consent.kind, consent.via_app,
        consent.repository_id, consent.pull_number, consent.manifest_path, consent.base_ref,
        consent.head_sha, consent.revision, consent.effective_rule,
    )  # fmt: skip
    due = (
        "approve", "", "User", False,
        pull.repository_id, pull.number, release.manifest_path, pull.base_ref,
        pull.head_sha, release.revision, digest,
    )  # fmt: skip
    if said != due or snapshot.environment not in consent.environments:
        return False
    if {a.sha256 for a in release.manifest.artifacts_for(snapshot.environment)} - set(consent.artifacts):
        return False
    age = snapshot.at - consent.issued_at
    return 0 <= age < expires * SECOND and snapshot.at < consent.not_after


def _clean(consent: Consent, snapshot: Snapshot) -> bool:
    hands = {c.person for c in snapshot.contributors.known} | {c.account for c in snapshot.contributors.known}
    for document in [snapshot.lineage, *snapshot.evidence]:
        hands |= set(document.signer_people) if document else set()
    return bool(consent.person) and not hands & {consent.person, consent.account}


def _belongs(consent: Consent, group: str, snapshot: Snapshot, age: int) -> bool:
    asked_by = {c.account for c in snapshot.contributors.known if c.role == "requester"}
    askers = {c.person for c in snapshot.contributors.known if c.role == "requester"}
    holder = {m.account: m.person for g in snapshot.groups for m in g.members}
    for facts in snapshot.groups:
        for member in facts.members:
            if facts.name != group or (member.account, member.person) != (consent.account, consent.person):
                continue
            old = member.since is not None and snapshot.release.proposed_at - member.since >= age * SECOND
            granter = member.granted_by
            friend = granter is not None and (
                granter in asked_by
                or granter == member.account
                or holder.get(granter) in askers | {member.person}
                or set(member.granted_by_people) & (askers | {member.person})
            )
            if old and not friend and member.kind == "User":
                return True
    return False
