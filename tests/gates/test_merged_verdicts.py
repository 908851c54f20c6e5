"""One more rule never turns a verdict into an allow, whatever terms it has and whoever approved under both."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from gates.decide import decide
from gates.model import Outcome, Policies, Snapshot
from gates.rule import applying_rule
from gates.terms import NoRule
from manifests.policy import Group, Rule, When
from manifests.policy_terms import BreakGlassRule, ChangeRule, DelegationRule, KeepRule
from tests.gates.builders import BOB, CAROL, GRACE, alter, consent, passing, under
from tests.gates.full import passing_full
from tests.gates.rich import rich

CASES = (passing(), passing_full(), rich())
RULES = [rule for policies, _ in CASES for rule in (policies.repository.rules if policies.repository else ())]
GROUPS: dict[str, Group] = {}
for _policies, _ in CASES:
    GROUPS |= _policies.repository.groups if _policies.repository else {}
BOTH = ("senior-developers", "risk-managers")
TERMS: dict[str, tuple[Any, ...]] = {
    **{field: tuple(getattr(rule, field) for rule in RULES) for field in Rule.__struct_fields__[2:]},
    "change": (
        None, ChangeRule(), ChangeRule("normal", None, cab=True), ChangeRule("normal", "Change Management"),
        ChangeRule("normal", "CAB Approval", cab=True), ChangeRule("normal", "Operations", cab=True),
    ),
    "break_glass": (BreakGlassRule(BOTH, BOTH[0]), BreakGlassRule(BOTH[1:], BOTH[0], 2, 3 * 3600), None),
    "delegation": (None, DelegationRule(), DelegationRule(3600)),
    "keep": (None, KeepRule(), KeepRule(("docs/**",))),
    "expires": (3600, 7200, 72 * 3600),
}  # fmt: skip
SMASHED = tuple(
    consent(who, *BOTH, id=f"glass-{who.name}", decision="break-glass", incident="INC1", reason="Down.")
    for who in (BOB, CAROL, GRACE)
)


def drawn(chance: random.Random, called: str) -> Rule:
    rule = chance.choice(RULES)
    fields = chance.sample(sorted(TERMS), chance.randint(0, 4))
    fields += [name for name in ("break_glass", "change") if chance.random() < 0.6]
    return alter(rule, name=called, when=When(), **{field: chance.choice(TERMS[field]) for field in fields})


def world(chance: random.Random) -> tuple[Policies, Snapshot]:
    policies, snapshot = chance.choice(CASES)
    if chance.random() < 0.4:
        some = chance.sample(snapshot.consents, chance.randint(1, len(snapshot.consents)))
        snapshot = alter(snapshot, consents=tuple(some))
    if chance.random() < 0.4:
        snapshot = alter(snapshot, consents=(*snapshot.consents, *chance.sample(SMASHED, 2)))
    if snapshot.change is not None and chance.random() < 0.4:
        groups = ("CAB Approval", "Change Management", "Operations")
        rows = tuple(alter(row, group=chance.choice(groups)) for row in snapshot.change.approvals)
        snapshot = alter(snapshot, change=alter(snapshot.change, approvals=rows))
    return policies, snapshot


def outcome(policies: Policies, snapshot: Snapshot, *rules: Rule) -> Outcome:
    assert policies.repository is not None
    asked = alter(policies, repository=alter(policies.repository, rules=rules, groups=GROUPS))
    if isinstance(applying_rule(asked, snapshot), NoRule):
        return "deny"
    return decide(asked, under(asked, snapshot)).outcome


@pytest.mark.parametrize("seed", range(6))
def test_one_more_rule_never_makes_an_allow(seed: int) -> None:
    chance = random.Random(seed)
    allowed = 0
    for _ in range(1000):
        policies, snapshot = world(chance)
        one, more = drawn(chance, "one"), drawn(chance, "more")
        if outcome(policies, snapshot, one, more) == "allow":
            allowed += 1
            assert outcome(policies, snapshot, one) == "allow", msgspec.json.encode((one, more))
    assert allowed
