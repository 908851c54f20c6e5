"""Whether the glass is broken, said a second time and differently: plain loops over every choice of persons.

Shares nothing with the gates but the model; it is slow on purpose and only for small worlds.
"""

from __future__ import annotations

from itertools import combinations, permutations

from gates.model import Consent, Snapshot
from manifests.policy_terms import BreakGlassRule

SECOND = 1_000_000


def is_broken(snapshot: Snapshot, terms: BreakGlassRule, digest: str, age: int) -> bool:
    if snapshot.contributors.unknown or any(consent.difference for consent in snapshot.consents):
        return False
    words = [consent for consent in snapshot.consents if _counts(consent, snapshot, terms, digest, age)]
    return any(
        _stand([word for word in words if word.incident == incident], snapshot, terms, age)
        for incident in {word.incident for word in words}
    )


def _stand(words: list[Consent], snapshot: Snapshot, terms: BreakGlassRule, age: int) -> bool:
    needed = max(2, terms.count)
    for chosen in combinations(sorted({word.person for word in words}), needed):
        if needed < len(terms.groups):
            return True
        for order in permutations(chosen, len(terms.groups)):
            if all(
                any(word.person == person and _for(word, group, snapshot, age) for word in words)
                for person, group in zip(order, terms.groups, strict=True)
            ):
                return True
    return False


def _counts(consent: Consent, snapshot: Snapshot, terms: BreakGlassRule, digest: str, age: int) -> bool:
    release, pull = snapshot.release, snapshot.pull
    assert release.manifest is not None
    said = (
        consent.decision, consent.void, consent.kind, consent.via_app,
        consent.repository_id, consent.pull_number, consent.manifest_path, consent.base_ref,
        consent.head_sha, consent.revision, consent.effective_rule,
    )  # fmt: skip
    due = (
        "break-glass", "", "User", False,
        pull.repository_id, pull.number, release.manifest_path, pull.base_ref,
        pull.head_sha, release.revision, digest,
    )  # fmt: skip
    if said != due or snapshot.environment not in consent.environments:
        return False
    if {a.sha256 for a in release.manifest.artifacts_for(snapshot.environment)} - set(consent.artifacts):
        return False
    if not consent.incident or not consent.reason or consent.strength == "attested" or not consent.person:
        return False
    if (
        not 0 <= snapshot.at - consent.issued_at < min(terms.valid, 4 * 3600) * SECOND
        or snapshot.at >= consent.not_after
    ):
        return False
    hands = {c.person for c in snapshot.contributors.known} | {c.account for c in snapshot.contributors.known}
    if hands & {consent.person, consent.account}:
        return False
    return any(_for(consent, group, snapshot, age) for group in terms.groups)


def _for(consent: Consent, group: str, snapshot: Snapshot, age: int) -> bool:
    """In the worlds nobody's membership was granted by the requester; how old it is counts."""
    return group in consent.groups and any(
        (member.account, member.person, member.kind) == (consent.account, consent.person, "User")
        and member.since is not None
        and snapshot.release.proposed_at - member.since >= age * SECOND
        for facts in snapshot.groups
        if facts.name == group and not facts.problem
        for member in facts.members
    )
