"""The approvals gate: whose word counts, for what, and how seats are filled."""

from __future__ import annotations

import pytest

from gates.decide import decide
from gates.model import Contributor, GroupFacts, NamedDigest, SignedDocument
from manifests.policy import Rule, Seat, TrustedSigner
from tests.gates.builders import (
    ALICE,
    BACKTEST,
    BOB,
    BOBS,
    CAROL,
    CAROLS,
    DAY,
    FRANK,
    GRACE,
    HOUR,
    NOW,
    PROPOSED,
    RISK,
    SECOND,
    SENIORS,
    alter,
    consent,
    member,
)
from tests.gates.tables import Row, altered, hold, nodes

TWO_RISK = {"repository_policy.rules.0.seats": (Seat("risk-managers", 2),)}
GRACES = consent(GRACE, "risk-managers")
BOTH = {
    "groups": (SENIORS, alter(RISK, members=(BOB,))),
    "consents": (consent(BOB, "senior-developers", "risk-managers", way="command"),),
}


def known(account: str, person: str, role: str = "committer", detail: str = "") -> object:
    return lambda contributors: (*contributors, Contributor(account, person, role, detail))


ROWS = (
    Row("every seat filled by another person passes", {}, "pass", "2 different persons"),
    Row("it is answered for merging too", {}, "pass", "Filled by Carol", "merge"),
    Row("no consent waits for every seat", {"consents": ()}, "wait", "1 approval from risk-managers and 1"),
    Row("one missing seat is named", {"consents": (BOBS,)}, "wait", "1 approval from risk-managers is missing"),
    Row("how many could approve is said", {"consents": (BOBS,)}, "wait", "2 persons of this group could"),
    Row("what to do names the head", {"consents": (CAROLS,)}, "wait", f"/approve {'a1' * 20} production"),
    Row(
        "a seat that nobody can fill says so",
        {"repository_policy.rules.0.seats": (Seat("risk-managers", 1, "passkey", ("review",)),), "consents": ()},
        "wait",
        "it asks for passkey and accepts review",
    ),
    Row(
        "a seat for passkeys asks for a hardware key",
        {"repository_policy.rules.0.seats": (Seat("risk-managers", 1, "passkey", ("cli", "passkey")),)}
        | {"consents": ()},
        "wait",
        "approves with countersign approve and a hardware key that verifies who uses it.",
    ),
    Row(
        "a change request approves where the seat accepts what ServiceNow says",
        {"repository_policy.rules.0.seats": (Seat("risk-managers", 1, "attested", ("servicenow", "cli")),)}
        | {"consents": ()},
        "wait",
        "with countersign approve or by approving the change request in ServiceNow, from a linked account.",
    ),
    Row(
        "a way that is too weak is not offered",
        {"repository_policy.rules.0.seats": (Seat("risk-managers", 1, "personal", ("servicenow", "review", "cli")),)}
        | {"consents": ()},
        "wait",
        "approves with countersign approve.",
    ),
    # --- what a consent binds
    Row("a void consent", {"consents.0.void": "its comment was edited"}, "wait", "it is void: its comment was"),
    Row("another repository", {"consents.0.repository_id": 902}, "wait", "for another release"),
    Row("another pull request", {"consents.0.pull_number": 8}, "wait", "for another release"),
    Row("another manifest", {"consents.0.manifest_path": "releases/b/release.yaml"}, "wait", "another release"),
    Row("another base", {"consents.0.base_ref": "next"}, "wait", "merging into next, and the base is now main"),
    Row("another head", {"consents.0.head_sha": "f" * 40}, "wait", "head fffffff, and the head is now a1a1a1a"),
    Row("another revision", {"consents.0.revision": "d" * 64}, "wait", "files of the release have changed"),
    Row("another rule", {"consents.0.effective_rule": "d" * 64}, "wait", "rules that apply have changed"),
    Row("no rule", {"consents.0.effective_rule": ""}, "wait", "rules that apply have changed"),
    Row("another environment", {"consents.0.environments": ("staging",)}, "wait", "given for staging, not for pro"),
    Row("no environment", {"consents.0.environments": ()}, "wait", "given for no environment"),
    Row("several environments", {"consents.0.environments": ("staging", "production")}, "pass"),
    Row("another artifact", {"consents.0.artifacts": ("d" * 64,)}, "wait", "does not name the artifact policy.pt"),
    Row("an expired statement", {"consents.0.not_after": NOW}, "wait", "it expired at 2026-11-20 18:00 UTC"),
    Row("a statement in its last instant", {"consents.0.not_after": NOW + 1}, "pass"),
    Row("older than the rule's expiry", {"consents.0.issued_at": NOW - 72 * HOUR}, "wait", "it expired at"),
    Row("just inside the rule's expiry", {"consents.0.issued_at": NOW - 72 * HOUR + 1}, "pass"),
    Row("dated in the future", {"consents.0.issued_at": NOW + 1}, "wait", "still to come"),
    Row("dated now", {"consents.0.issued_at": NOW}, "pass"),
    # --- whose word it is
    Row("a bot's", {"consents.0.kind": "Bot"}, "wait", "not made by a human's own hand"),
    Row("an organisation's", {"consents.0.kind": "Organization"}, "wait", "human's own hand"),
    Row("made through an app", {"consents.0.via_app": True}, "wait", "human's own hand"),
    Row("an unlinked account's", {"consents.0.person": ""}, "wait", "not linked to a known person"),
    Row("too weakly signed", {"consents.1.strength": "attested"}, "wait", "signed as attested, and this seat asks"),
    Row("more strongly signed", {"consents.0.strength": "passkey"}, "pass"),
    Row("by a way the rule does not accept", {"consents.0.way": "cli"}, "wait", "came by cli, and this seat acc"),
    Row("by such a way is told another", {"consents.0.way": "cli"}, "wait", "[They approve again with the comment"),
    # --- exclusion
    Row("the requester", {"contributors.known.0.account": "github:2"}, "wait", "Bob's approval does not count: th"),
    Row(
        "who pushed a commit",
        {"contributors.known": known("github:2", "p-bob", "pusher", "commit 1234567")},
        "wait",
        "they pushed part of it (commit 1234567)",
    ),
    Row(
        "who is excluded by account only",
        {"contributors.known": known("github:2", "")},
        "wait",
        "committed part of it",
    ),
    Row("by another account of the person", {"contributors.known": known("github:99", "p-bob")}, "wait", "Bob"),
    Row("co-authors", {"contributors.known": known("x", "p-bob", "co-author")}, "wait", "named as a co-author"),
    Row("who triggered the build", {"contributors.known": known("x", "p-bob", "builder")}, "wait", "its build"),
    Row("an unheard-of role", {"contributors.known": known("x", "p-bob", "muse")}, "wait", "took part in it as"),
    Row("who signed the evidence", {"evidence.0.signer_people": ("p-bob",)}, "wait", "named in or signed its"),
    Row("who signed the lineage", {"lineage.signer_people": ("p-carol",)}, "wait", "Carol's approval does not"),
    Row(
        "who signed a document that nobody named",
        {"evidence": lambda found: (*found, SignedDocument("x", "notes", signer_people=("p-bob",)))},
        "wait",
        "named in or signed",
    ),
    Row(
        "an unknown contributor fails",
        {"contributors.unknown": ("commit 1234567 is by eve@example.org, whom nobody knows",)},
        "fail",
        "eve@example.org, whom nobody knows.",
    ),
    Row("nobody known to have asked fails", {"contributors.known": ()}, "fail", "who asked for the release"),
    Row("a named report that is missing fails", {"evidence": ()}, "fail", "cannot be told who signed it"),
    Row("an unreadable lineage fails", {"lineage.problem": "not JSON"}, "fail", "cannot be told who signed it"),
    # --- membership
    Row("a leaver", {"groups.0.members": (ALICE, FRANK)}, "wait", "not a member of senior-developers now"),
    Row("member by another account", {"groups.0.members.1.account": "github:22"}, "wait", "not a member of"),
    Row("account now linked to another", {"groups.0.members.1.person": "p-eve"}, "wait", "not a member of"),
    Row("did not act for the group", {"consents.0.groups": ("risk-managers",)}, "wait", "is not a member of risk"),
    Row("acted for no group", {"consents.0.groups": ()}, "wait", "did not belong to risk-managers or senior"),
    Row("a bot as member", {"groups.0.members.1.kind": "Bot"}, "wait", "the account is a Bot"),
    Row("unknown age of membership", {"groups.0.members.1.since": None}, "wait", "not known since when"),
    Row(
        "too young a membership",
        {"groups.0.members.1.since": PROPOSED - 24 * HOUR + 1},
        "wait",
        "24 hours older than the release",
    ),
    Row("just old enough a membership", {"groups.0.members.1.since": PROPOSED - 24 * HOUR}, "pass"),
    Row(
        "the better of two entries of one account counts",
        {"groups.0.members": lambda m: (alter(BOB, since=None), *m)},
        "pass",
    ),
    Row("added by the requester", {"groups.0.members.1.granted_by": "github:1"}, "wait", "by the requester of"),
    Row(
        "added by another account of the requester",
        {"groups.0.members.1.granted_by": "servicenow:a", "groups.0.members.1.granted_by_people": ("p-alice",)},
        "wait",
        "by the requester of",
    ),
    Row(
        "added by an account that the requester is seen to hold",
        {
            "groups.0.members.1.granted_by": "github:77",
            "groups.1.members": lambda found: (*found, member(77, "Alice")),
        },
        "wait",
        "by the requester of",
    ),
    Row("added by themselves", {"groups.0.members.1.granted_by": "github:2"}, "wait", "by themselves"),
    Row(
        "added by another account of themselves",
        {"groups.0.members.1.granted_by": "github:8", "groups.0.members.1.granted_by_people": ("p-bob",)},
        "wait",
        "by themselves",
    ),
    Row("added by who only triggered the build", {"groups.0.members.1.granted_by": "github:9"}, "pass"),
    Row(
        "added by a requester who wrote nothing",
        {"groups.0.members.1.granted_by": "github:8", "contributors.known": known("github:8", "", "requester")},
        "wait",
        "by the requester of",
    ),
    Row("added by somebody else", {"groups.0.members.1.granted_by": "github:50"}, "pass"),
    Row("an unread group is an error", {"groups": (SENIORS,)}, "error", "its members were not read"),
    Row("a group that cannot be read", {"groups.1.problem": "GitHub said 404"}, "error", "GitHub said 404"),
    Row("a group read twice", {"groups": (SENIORS, RISK, RISK)}, "error", "read more than once"),
    Row("an empty group", {"groups.1.members": ()}, "wait", "has too few members who count"),
    # --- matching
    Row("one person for two seats of a group", {**TWO_RISK, "consents": (CAROLS,)}, "wait", "1 of 2 seats filled"),
    Row("two for two seats", {**TWO_RISK, "consents": (CAROLS, GRACES)}, "pass", "Carol and Grace", agreed=True),
    Row(
        "one person with two consents counts once",
        {**TWO_RISK, "consents": (CAROLS, alter(CAROLS, id="again", issued_at=NOW - HOUR))},
        "wait",
        "1 of 2 seats filled",
        agreed=True,
    ),
    Row(
        "one person with two accounts counts once",
        {
            **TWO_RISK,
            "groups.1.members": (CAROL, member(33, "Carol")),
            "consents": (CAROLS, alter(CAROLS, id="again", account="github:33")),
        },
        "wait",
        "1 of 2 seats filled",
        agreed=True,
    ),
    Row("one person in both groups fills one seat", BOTH, "wait", "Bob is in both risk-managers and senior"),
    Row(
        "a person in both groups moves so that all seats are filled",
        {
            "groups": (SENIORS, alter(RISK, members=(BOB, CAROL))),
            "consents": (
                consent(BOB, "senior-developers", "risk-managers", way="command"),
                consent(FRANK, "senior-developers", way="command"),
            ),
        },
        "pass",
        "Filled by Bob",
    ),
    Row(
        "a second rule's seat has to be filled too",
        {"tenant_policy.rules": (Rule("t", seats=(Seat("senior-developers", 2, "attested"),)),)},
        "wait",
        "1 of 2 seats filled, by Bob",
        agreed=True,
    ),
    # --- the log is the authority
    Row("an altered consent is an error", {"consents.0.difference": "other head"}, "error", "other head"),
    Row(
        "an altered rejection is an error",
        {"consents": lambda c: (*c, alter(CAROLS, id="r", decision="reject", void="lifted", difference="x"))},
        "error",
        "Consent r is not what its record",
    ),
    Row("without a rule nobody counts", {"repository_policy.rules": ()}, "fail", "no rule says who"),
    Row("what is not needed is told", {"consents": lambda c: (*c, consent(ALICE, "senior-developers"))}, "pass",
        "Not needed: Alice's approval does not count, because they asked for this release"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_approvals(row: Row) -> None:
    hold(alter_agreed(row), "approvals")


def alter_agreed(row: Row) -> Row:
    """A waiting case of an altered rule is about the seats, so its consents are given under that rule."""
    policy = any(path.startswith(("repository_policy.rules.0", "tenant_policy.rules")) for path in row.changes)
    return row._replace(agreed=True) if policy else row


def test_who_could_fill_a_seat_is_never_named() -> None:
    verdict = decide(*altered({"consents": ()}))
    said = "\n".join(node.summary + node.remedy for node in nodes(verdict.results))
    assert not any(name in said for name in ("Bob", "Carol", "Frank", "Grace", "github:", "p-"))


@pytest.mark.parametrize("decision", ["reject", "hold"])
def test_withholding_fills_no_seat(decision: str) -> None:
    verdict = decide(*altered({"consents.0.decision": decision}))
    assert verdict.failing() == ("approvals", "holds")


def test_people_who_cannot_approve_are_not_counted_as_eligible() -> None:
    people = (
        ALICE,
        BOB,
        alter(FRANK, since=None),
        member(20, "Bot", kind="Bot"),
        member(21, "Young", since=NOW - DAY),
        member(22, "Pet", granted_by="github:1"),
        member(23, "Bob"),
    )
    groups = (GroupFacts("senior-developers", people, NOW - SECOND), RISK)
    verdict = decide(*altered({"consents": (), "groups": groups}))
    seat = next(node for node in nodes(verdict.results) if node.name == "senior-developers")
    assert "1 person of this group could" in seat.summary


def test_persons_are_told_only_when_every_seat_is_filled() -> None:
    assert decide(*altered({})).persons == ("p-bob", "p-carol")
    assert decide(*altered({"consents": (BOBS,)})).persons == ()
    assert decide(*altered({"contributors.unknown": ("?",)})).persons == ()


def test_a_signer_whose_person_the_policy_names_has_to_be_linked() -> None:
    signer = TrustedSigner(BACKTEST.signers[0], "Hal", person="hal")
    changes = {"repository_policy.trust.test-result": (signer,)}
    assert "evidence" in decide(*altered(changes, agreed=True)).failing()
    linked = {**changes, "evidence.0.signer_people": ("p-hal",)}
    assert decide(*altered(linked, agreed=True)).outcome == "allow"


def test_documents_may_be_named_from_the_root_of_the_repository() -> None:
    changes = {
        "lineage.path": "releases/intraday/lineage.dsse.json",
        "evidence.0.path": "releases/intraday/evidence/backtest.dsse.json",
        "evidence.0.subjects": lambda found: (*found, NamedDigest("more", "0" * 64)),
    }
    assert decide(*altered(changes)).outcome == "allow"
