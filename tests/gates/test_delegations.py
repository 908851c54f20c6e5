"""Acting for somebody: whose delegation lets whom fill which seat, and that it takes up both persons."""

from __future__ import annotations

from typing import Any

import pytest

from gates.decide import decide
from gates.model import Consent, Delegation, GroupFacts
from manifests.policy import Rule, Seat
from manifests.policy_terms import DelegationRule
from tests.gates.builders import (
    BOBS,
    CAROL,
    CAROLS,
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

DAVE = member(4, "Dave")
ERIN = member(5, "Erin")
TO_DAVE = Delegation(DAVE.person, DAVE.account, NOW - 3 * HOUR)
GIVEN = consent(CAROL, "risk-managers", id="given", decision="delegate", delegation=TO_DAVE, issued_at=NOW - 3 * HOUR)
"""Carol, of the risk managers, lets Dave act for her."""
DAVES = consent(DAVE, "risk-managers")
WEEK = {"repository_policy.rules.0.delegation": DelegationRule()}


def acting(given: Consent = GIVEN, approval: Consent = DAVES, **changes: Any) -> dict[str, Any]:
    return {**WEEK, "consents": (BOBS, given, approval), **changes}


def given(**fields: Any) -> dict[str, Any]:
    return acting(alter(GIVEN, **fields))


def terms(**fields: Any) -> dict[str, Any]:
    return given(delegation=alter(TO_DAVE, **fields))


def but(says: str) -> str:
    return f"the account is not a member of risk-managers now; Carol's delegation does not count, because {says}"


ONE_RELEASE = {"delegation": alter(TO_DAVE, scope="release")}
EVERYWHERE = {"delegation": alter(TO_DAVE, scope="repository")}
ROWS = (
    Row("who acts for a member fills the seat", acting(), "pass", "Filled by Dave (for Carol)"),
    Row("a rule that does not let anybody", {**acting(), "repository_policy.rules.0.delegation": None}, "wait",
        "not a member of risk-managers now."),
    Row("a second rule that does not let anybody",
        {**acting(), "tenant_policy.rules": (Rule("t", seats=(Seat("risk-managers"),)),)}, "wait",
        "not a member of risk-man"),
    Row("the delegation alone fills nothing", {**WEEK, "consents": (BOBS, GIVEN)}, "wait", "1 approval from risk"),
    Row("both approve themselves", {**WEEK, "consents": (BOBS, GIVEN, CAROLS)}, "pass", "Filled by Carol."),
    # --- whom it names
    Row("to somebody else", terms(person="p-eve", account="github:66"), "wait", "not a member of risk-managers now."),
    Row("to another account", terms(account="github:66"), "wait", "not a member of risk-managers now."),
    Row("to another person of the account", terms(person="p-eve"), "wait", "not a member of risk-managers now."),
    Row("for another group", given(groups=("senior-developers",)), "wait", "not a member of risk-managers now."),
    Row("for several groups", given(groups=("x", "risk-managers")), "pass"),
    Row("acting for no group", acting(approval=alter(DAVES, groups=())), "wait", "did not belong to"),
    # --- where
    Row("for another environment", given(environments=("staging",)), "wait", but("it was given for staging, not for")),
    Row("in another repository", given(repository_id=902), "wait", but("it was given in another repository")),
    Row("of another pull request", given(pull_number=8, **ONE_RELEASE), "wait", but("it was given for another")),
    Row("of another manifest", given(manifest_path="x", **ONE_RELEASE), "wait", but("it was given for another")),
    Row("of an earlier head", given(head_sha="0" * 40, revision="0" * 64, **ONE_RELEASE), "pass"),
    Row("in the whole repository", given(pull_number=8, manifest_path="x", **EVERYWHERE), "pass"),
    # --- when
    Row("begins with the approval", terms(starts_at=NOW - 2 * HOUR), "pass"),
    Row("begins after the approval", terms(starts_at=NOW - 2 * HOUR + 1), "wait", but("it began at 2026-11-20 16:00")),
    Row("given after the approval", given(issued_at=NOW - HOUR), "wait", but("it began at 2026-11-20 17:00")),
    Row("given in the future", given(issued_at=NOW + 1), "wait", but("it is dated 2026-11-20 18:00")),
    Row("ended", given(not_after=NOW), "wait", but("it ended at 2026-11-20 18:00 UTC")),
    Row("in its last instant", given(not_after=NOW + 1), "pass"),
    Row("longer than the rule lets", {**acting(), "repository_policy.rules.0.delegation": DelegationRule(3 * 3600)},
        "wait", but("it ended at 2026-11-20 18:00 UTC")),
    Row("as long as the rule lets", {**acting(), "repository_policy.rules.0.delegation": DelegationRule(3 * 3600 + 1)},
        "pass"),
    # --- whose word it is
    Row("void", given(void="revoked"), "wait", but("it is void: revoked")),
    Row("altered", given(difference="other bytes"), "error", "Consent given is not what its record"),
    Row("a machine's", given(kind="Bot"), "wait", but("it was not made by a human's own hand")),
    Row("made through an app", given(via_app=True), "wait", but("it was not made by a human's own hand")),
    Row("too weakly signed", given(strength="attested"), "wait", but("it is signed as attested, and")),
    Row("of a leaver", {**acting(), "groups.1.members": (GRACE,)}, "wait", but("the account is not a member of risk")),
    Row("of a new member", {**acting(), "groups.1.members": (alter(CAROL, since=PROPOSED),)}, "wait",
        but("they belong to the group only since")),
    Row("of the requester", {**acting(), "contributors.known.0.person": "p-carol"}, "wait", but("they asked for this")),
    Row("of who wrote part of it", {**acting(), "contributors.known.1.account": CAROL.account}, "wait",
        but("they wrote part of it")),
    Row("to the requester", {**acting(), "contributors.known.0.person": "p-dave"}, "wait",
        "Dave's approval does not count: they asked for this release"),
    Row("to somebody in the group's list who is no human",
        {**acting(), "groups.1.members": lambda m: (*m, alter(DAVE, kind="Bot"))}, "wait", "the account is a Bot"),
    Row("to a member who is too young",
        {**acting(), "groups.1.members": lambda m: (*m, alter(DAVE, since=PROPOSED))}, "pass", "Dave (for Carol)"),
    Row("to oneself", {**WEEK, "consents": (BOBS, alter(GIVEN, delegation=alter(TO_DAVE, person="p-carol",
        account="github:33")), consent(member(33, "Carol"), "risk-managers"))}, "wait", "not a member of risk-man"),
    # --- what the approval has to be
    Row("approved too weakly", acting(approval=alter(DAVES, strength="attested")), "wait", "it is signed as attested"),
    Row("approved by another way", acting(approval=alter(DAVES, way="servicenow")), "wait", "it came by servicenow"),
    Row("approved for another head", acting(approval=alter(DAVES, head_sha="0" * 40)), "wait", "head is now a1a1a1a"),
    # --- whom it takes up
    Row("who delegated cannot fill another seat",
        {**WEEK, "repository_policy.rules.0.seats": (Seat("risk-managers", 2),), "consents": (CAROLS, GIVEN, DAVES)},
        "wait", "1 of 2 seats filled, by Carol"),
    Row("nor one of another group",
        {**acting(), "groups": (alter(SENIORS, members=(CAROL,)), RISK),
         "consents": (consent(CAROL, "senior-developers", way="command"), GIVEN, DAVES)}, "wait",
        "risk-managers is missing"),
    Row("who acts cannot fill another seat",
        {**acting(), "groups": (alter(SENIORS, members=(DAVE,)), RISK),
         "consents": (GIVEN, alter(DAVES, way="command", groups=("risk-managers", "senior-developers")))},
        "wait", "is missing"),
    Row("nor act for a second",
        {**WEEK, "repository_policy.rules.0.seats": (Seat("risk-managers", 2),),
         "consents": (GIVEN, alter(GIVEN, id="h", person=GRACE.person, account=GRACE.account, name="Grace"), DAVES)},
        "wait", "1 of 2 seats filled, by Dave (for Carol)"),
    Row("two act for two",
        {**WEEK, "repository_policy.rules.0.seats": (Seat("risk-managers", 2),),
         "consents": (GIVEN, alter(GIVEN, id="h", person=GRACE.person, account=GRACE.account, name="Grace",
             delegation=Delegation(ERIN.person, ERIN.account, 0)), DAVES, consent(ERIN, "risk-managers"))},
        "pass", "Dave (for Carol) and Erin (for Grace)"),
    Row("two act for one",
        {**WEEK, "repository_policy.rules.0.seats": (Seat("risk-managers", 2),),
         "consents": (GIVEN, alter(GIVEN, id="h", delegation=Delegation(ERIN.person, ERIN.account, 0)), DAVES,
             consent(ERIN, "risk-managers"))}, "wait", "1 of 2 seats filled"),
    Row("no delegation is used where none is needed",
        {**WEEK, "repository_policy.rules.0.seats": (Seat("risk-managers", 1),), "consents": (CAROLS, GIVEN, DAVES)},
        "pass", "Filled by Carol."),
    Row("the member moves, so that the delegation helps",
        {**WEEK, "repository_policy.rules.0.seats": (Seat("risk-managers", 2),),
         "consents": (consent(GRACE, "risk-managers"), CAROLS, GIVEN, DAVES)}, "pass", "Filled by Carol and Grace"),
    Row("what was delegated is not handed on",
        {**WEEK, "consents": (BOBS, GIVEN, alter(GIVEN, id="on", person=DAVE.person, account=DAVE.account, name="Dave",
            delegation=Delegation(ERIN.person, ERIN.account, 0)), consent(ERIN, "risk-managers"))},
        "wait", "Dave's delegation does not count, because the account is not a member of risk-managers now"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_delegations(row: Row) -> None:
    hold(row._replace(agreed=True), "approvals")


def test_the_verdict_names_who_acts() -> None:
    verdict = decide(*altered(acting(), agreed=True))
    assert verdict.outcome == "allow"
    assert verdict.persons == ("p-bob", "p-dave")


def test_a_delegation_outlives_the_rule_that_it_was_given_under() -> None:
    policies, snapshot = altered(acting(), agreed=True)
    old = alter(GIVEN, effective_rule="0" * 64, base_ref="next")
    consents = tuple(old if one.id == GIVEN.id else one for one in snapshot.consents)
    assert decide(policies, alter(snapshot, consents=consents)).outcome == "allow"


def test_when_the_delegation_ends_the_answer_is_looked_at_again() -> None:
    verdict = decide(*altered(given(not_after=NOW + 7), "merge", agreed=True))
    assert (verdict.outcome, verdict.recheck_at) == ("allow", NOW + 7)
    seat = next(node for node in nodes(verdict.results) if node.name == "risk-managers")
    assert seat.changes.startswith("It opens again when Dave's approval expires at 2026-11-20 18:00")


def test_delegations_to_one_who_approves_by_two_accounts_take_up_one_person() -> None:
    other = alter(DAVES, id="second", account="github:44")
    changes = {
        **WEEK,
        "repository_policy.rules.0.seats": (Seat("risk-managers", 2),),
        "groups": (SENIORS, GroupFacts("risk-managers", (CAROL, FRANK), NOW - SECOND)),
        "consents": (
            GIVEN,
            alter(GIVEN, id="h", person="p-frank", account="github:6", delegation=alter(TO_DAVE, account="github:44")),
            DAVES,
            other,
        ),
    }
    verdict = decide(*altered(changes, agreed=True))
    assert next(r for r in verdict.results if r.name == "approvals").status == "wait"
