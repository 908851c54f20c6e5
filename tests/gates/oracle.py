"""Whether the seats can be filled, said a second time and differently: plain loops over every assignment.

Shares nothing with the gates but the model; it is slow on purpose and only for small worlds.
"""

from __future__ import annotations

from itertools import permutations

from gates.model import Consent, Policies, Snapshot

SECOND = 1_000_000
LADDER = {"attested": 1, "personal": 2, "passkey": 3}


def seats_can_be_filled(policies: Policies, snapshot: Snapshot, digest: str) -> bool:
    """For worlds in which one repository rule applies; ``digest`` is the effective rule's."""
    assert policies.repository is not None
    assert policies.tenant is not None
    rule = policies.repository.rules[0]
    if any(consent.difference for consent in snapshot.consents) or snapshot.contributors.unknown:
        return False
    wanted: list[set[str]] = []
    for seat in rule.seats:
        asked = seat.signature or ("personal" if snapshot.environment == "production" else "attested")
        fit = {
            consent.person
            for consent in snapshot.consents
            if _valid(consent, snapshot, digest, rule.expires)
            and _clean(consent, snapshot)
            and LADDER[consent.strength] >= LADDER[asked]
            and consent.way in seat.accept
            and seat.group in consent.groups
            and _belongs(consent, seat.group, snapshot, policies.tenant.people.membership_age)
        }
        wanted += [fit] * seat.count
    everybody = sorted(set().union(*wanted)) if wanted else []
    return bool(wanted) and any(
        all(person in fit for person, fit in zip(order, wanted, strict=True))
        for order in permutations(everybody, len(wanted))
    )


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
