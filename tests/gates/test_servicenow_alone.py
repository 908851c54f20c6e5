"""ServiceNow alone never releases production: one person who fills a seat approved in another place."""

from __future__ import annotations

from typing import Any

import pytest

from gates.decide import decide
from gates.model import Consent, Delegation, Member
from manifests.policy import Rule, Seat, Way, When
from manifests.policy_terms import DelegationRule
from tests.gates.builders import BOB, CAROL, FRANK, GRACE, HOUR, NOW, RULE, alter, consent
from tests.gates.tables import Row, altered, hold

ANY: tuple[Way, ...] = ("review", "command", "cli", "servicenow")
SEATS = (Seat("senior-developers", 1, "attested", ANY), Seat("risk-managers", 1, "attested", ANY))
TWO = (Seat("risk-managers", 2, "attested", ANY),)
ONLY = tuple(alter(seat, accept=("servicenow",)) for seat in SEATS)


def said(who: Member, group: str, way: Way = "servicenow", **fields: Any) -> Consent:
    base = consent(who, group, way=way, strength="attested", id=f"{who.name}-{way}")
    return alter(base, **fields)


def rule(*seats: Seat, **fields: Any) -> dict[str, Any]:
    return {"repository_policy.rules": (alter(RULE, seats=seats, **fields),)}


BOBS, FRANKS = said(BOB, "senior-developers"), said(FRANK, "senior-developers")
CAROLS, GRACES = said(CAROL, "risk-managers"), said(GRACE, "risk-managers")
BY_COMMAND = said(BOB, "senior-developers", "command")
FOR_CAROL = consent(
    CAROL, "risk-managers", id="delegation", decision="delegate", delegation=Delegation(GRACE.person, GRACE.account, 0),
    issued_at=NOW - 3 * HOUR,
)  # fmt: skip
GRACE_IS_OUT = {"groups.1.members": lambda found: found[:1]}

ROWS = (
    Row("all in ServiceNow", {**rule(*SEATS), "consents": (BOBS, CAROLS)}, "wait", "alone never releases production"),
    Row("it says who can help", {**rule(*SEATS), "consents": (BOBS, CAROLS)}, "wait",
        "Somebody from risk-managers or senior-developers approves elsewhere too; from risk-managers, with c"),
    Row("nobody can help", {**rule(*ONLY), "consents": (BOBS, CAROLS)}, "wait", "accept another way than servicenow"),
    Row("one of two elsewhere", {**rule(*SEATS), "consents": (BY_COMMAND, CAROLS)}, "pass"),
    Row("one of them twice", {**rule(*SEATS), "consents": (BOBS, CAROLS, BY_COMMAND)}, "pass"),
    Row("what was said elsewhere ended",
        {**rule(*SEATS), "consents": (BOBS, CAROLS, alter(BY_COMMAND, not_after=NOW))}, "wait", "alone never"),
    Row("what was said elsewhere is not accepted", {**rule(*ONLY), "consents": (BOBS, CAROLS, BY_COMMAND)}, "wait",
        "alone never"),
    Row("whoever has no seat is found one", {**rule(*SEATS), "consents": (CAROLS, GRACES, BOBS,
        said(FRANK, "senior-developers", "review"))}, "pass", "Frank"),
    Row("also among two of one group", {**rule(Seat("risk-managers", 1, "attested", ANY)), "consents": (CAROLS,
        said(GRACE, "risk-managers", "command"))}, "pass", "Grace"),
    Row("two of one group", {**rule(*TWO), "consents": (CAROLS, GRACES)}, "wait", "alone never"),
    Row("one of two of one group", {**rule(*TWO), "consents": (CAROLS, alter(GRACES, way="cli"))}, "pass"),
    Row("a seat is missing", {**rule(*SEATS), "consents": (BOBS,)}, "wait", "1 approval from risk-managers is missing"),
    Row("when merging too", {**rule(*SEATS), "consents": (BOBS, CAROLS)}, "wait", "alone never", "merge"),
    Row("who acts for another does so in ServiceNow",
        {**rule(*SEATS, delegation=DelegationRule()), **GRACE_IS_OUT, "consents": (BOBS, GRACES, FOR_CAROL)},
        "wait", "alone never"),
    Row("who acts for another does so elsewhere",
        {**rule(*SEATS, delegation=DelegationRule()), **GRACE_IS_OUT,
         "consents": (BOBS, alter(GRACES, way="cli"), FOR_CAROL)}, "pass", "Grace (for Carol)"),
    Row("who acts for another makes room",
        {**rule(*SEATS, delegation=DelegationRule()), **GRACE_IS_OUT,
         "consents": (BOBS, CAROLS, alter(GRACES, way="cli"), FOR_CAROL)}, "pass", "Grace (for Carol)"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_servicenow_alone_never_releases_production(row: Row) -> None:
    hold(row._replace(agreed=True), "approvals")


@pytest.mark.parametrize(
    ("environment", "outcome"), [("production", "wait"), ("Production", "wait"), ("staging", "allow")]
)
def test_it_may_release_anything_else(environment: str, outcome: str) -> None:
    rules = (Rule("r", When(), SEATS, gates=()),)
    consents = tuple(alter(one, environments=(environment,)) for one in (BOBS, CAROLS))
    changes = {
        "repository_policy.rules": rules, "environment": environment, "consents": consents,
        "release.manifest.environments": (environment,), "release.manifest.change.window": None,
    }  # fmt: skip
    assert decide(*altered(changes, agreed=True)).outcome == outcome
