"""The effective rule: everything that matches applies, and nothing an author declares takes a demand away."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.model import Policies
from gates.rule import effective_rule
from gates.terms import EffectiveRule, NoRule, SeatTerms, digest_of
from manifests.policy import POLICY_PATH, BaseRefs, Group, PeopleRules, Policy, Rule, Seat, TrustedSigner, When
from manifests.policy_terms import ChangeRule
from tests.gates.arbitrary import patient
from tests.gates.builders import MANIFEST, POLICIES, POLICY, PULL, RELEASE, RULE, TENANT, alter
from tests.gates.tables import Row, hold, put

ROWS = (
    Row("the matching rules are named", {}, "pass", "repository/model to production"),
    Row("no rule at all fails", {"repository_policy.rules": ()}, "fail", "No rule of the policy matches"),
    Row("another kind is not matched", {"release.manifest.kind": "config"}, "fail", "No rule"),
    Row(
        "another path is not matched",
        {"release.manifest_path": "other/x/release.yaml"},
        "fail",
        "No rule of the policy matches other/x/release.yaml",
    ),
    Row(
        "another branch is not matched",
        {"repository_policy.rules.0.when.base_ref": ("release/*",)},
        "fail",
        "into main",
    ),
    Row("a rule without seats fails", {"repository_policy.rules.0.seats": ()}, "fail", "nobody's consent"),
    Row(
        "a seat of nobody is no seat",
        {"repository_policy.rules.0.seats": (Seat("risk-managers", 0),)},
        "fail",
        "nobody's consent",
    ),
    Row("an undefined group fails", {"repository_policy.groups": {}}, "fail", "which no policy defines"),
    Row(
        "a repository cannot redefine a group of the tenant",
        {"tenant_policy.groups": {"risk-managers": Group(github_team="acme/real-risk")}},
        "fail",
        "defines the group risk-managers differently",
    ),
    Row(
        "rules that accept no common way fail",
        {"tenant_policy.rules": (Rule("t", seats=(Seat("risk-managers", accept=("servicenow",)),)),)},
        "fail",
        "no common way",
    ),
    Row(
        "rules that ask for different changes fail",
        {"tenant_policy.rules": (Rule("t", change=ChangeRule("emergency")),)},
        "fail",
        "emergency and normal",
    ),
    Row(
        "rules that ask different groups for the change fail",
        {"tenant_policy.rules": (Rule("t", change=ChangeRule("normal", "Other")),)},
        "fail",
        "Change Management and Other",
    ),
    Row("without a tenant policy there is no rule", {"policies.tenant": None}, "fail", "no tenant policy"),
    Row("an unreadable policy gives no rule", {"policies.problem": "bad"}, "fail", "cannot be used: bad"),
    Row(
        "a policy that was never released gives no rule",
        {"policies.unreleased": "Nobody released it."},
        "fail",
        "Nobody released it. [Have it released by a pull request that Countersign allows",
    ),
    Row(
        "a release that calls itself a policy is none",
        {"policies.unreleased": "Nobody released it.", "release.manifest.kind": "policy"},
        "fail",
        "Nobody released it.",
    ),
    Row("without a manifest there is no rule", {"release.manifest": None}, "fail", "no rule can be chosen"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_rule(row: Row) -> None:
    hold(row, "rule")


def found(*tenant: Rule, repository: tuple[Rule, ...] = (), environment: str = "production") -> EffectiveRule:
    policies = alter(
        POLICIES,
        tenant=alter(TENANT, rules=tenant, groups={"a": Group(), "b": Group()}),
        repository=alter(POLICY, rules=repository),
    )
    rule = effective_rule(policies, RELEASE, PULL, environment)
    assert isinstance(rule, EffectiveRule), rule
    return rule


def test_counts_and_strengths_grow_and_ways_shrink_over_all_rules() -> None:
    rule = found(
        Rule("t", seats=(Seat("a", 2, "attested", ("review", "cli")), Seat("b"))),
        repository=(Rule("r", seats=(Seat("a", 1, "passkey", ("cli", "passkey")),)),),
    )
    assert rule.seats == (
        SeatTerms("a", 2, "passkey", ("cli",)),
        SeatTerms("b", 1, "personal", ("cli", "command", "review")),
    )


def test_two_seats_of_one_group_in_one_rule_are_two_people() -> None:
    assert found(Rule("t", seats=(Seat("a", 1), Seat("a", 2)))).seats[0].count == 3


@pytest.mark.parametrize(
    ("environment", "signature"), [("production", "personal"), ("PRODUCTION", "personal"), ("staging", "attested")]
)
def test_production_asks_for_a_personal_signature_by_default(environment: str, signature: str) -> None:
    assert found(Rule("t", seats=(Seat("a"),)), environment=environment).seats[0].signature == signature


def test_the_shortest_expiry_all_gates_and_all_evidence_apply() -> None:
    rule = found(
        Rule("t", seats=(Seat("a"),), expires=10, gates=("freeze",), evidence=("sbom",)),
        repository=(Rule("r", expires=20, gates=("artifacts",), evidence=("test-result",)),),
    )
    assert (rule.expires, rule.gates, rule.evidence) == (
        10,
        ("artifacts", "evidence", "freeze"),
        ("sbom", "test-result"),
    )


def test_terms_of_a_change_ask_for_the_change_gate_and_add_up() -> None:
    rule = found(
        Rule("t", seats=(Seat("a"),), change=ChangeRule("normal", None, False, 3)),
        repository=(Rule("r", change=ChangeRule("normal", "CM", True, 1)),),
    )
    assert rule.change == ChangeRule("normal", "CM", True, 3)
    assert "change" in rule.gates


def test_listing_only_the_gate_means_the_default_change() -> None:
    assert found(Rule("t", seats=(Seat("a"),), gates=("change",))).change == ChangeRule()
    assert found(Rule("t", seats=(Seat("a"),))).change is None


K1, K2, K3 = (TrustedSigner(f"SHA256:{n}", n) for n in "123")


@pytest.mark.parametrize(
    ("tenant", "repository", "keys"),
    [
        ({}, {}, ()),
        ({"lineage": (K1,)}, {}, (K1,)),
        ({}, {"lineage": (K2, K1)}, (K1, K2)),
        ({"lineage": (K1, K2)}, {"lineage": (K2, K3)}, (K2,)),
        ({"lineage": (K1,)}, {"lineage": (K3,)}, ()),
        ({"lineage": ()}, {"lineage": (K3,)}, ()),
    ],
)
def test_only_keys_that_both_policies_trust_count(tenant: Any, repository: Any, keys: Any) -> None:
    policies = alter(POLICIES, tenant=alter(TENANT, trust=tenant), repository=alter(POLICY, trust=repository))
    rule = effective_rule(policies, RELEASE, PULL, "production")
    assert isinstance(rule, EffectiveRule)
    assert rule.signers("lineage") == keys


@pytest.mark.parametrize(
    ("when", "applies"),
    [
        (When(), True),
        (When(kind=("model",)), True),
        (When(kind=("policy", "config")), False),
        (When(name=("intraday-*",)), True),
        (When(name=("INTRADAY-policy",)), True),
        (When(name=("intraday",)), False),
        (When(environment=("Production",)), True),
        (When(environment=("staging",)), False),
        (When(paths=("releases/**",)), True),
        (When(paths=("releases/*",)), False),
        (When(paths=("Releases/**",)), False),
        (When(base_ref=("main",)), True),
        (When(base_ref=("m*",)), True),
        (When(base_ref=("Main",)), False),
        (When(kind=("model",), environment=("staging",)), False),
    ],
)
def test_a_rule_is_for_what_all_its_conditions_match(when: When, applies: bool) -> None:
    policies = alter(POLICIES, repository=alter(POLICY, rules=(alter(RULE, when=when),)))
    assert isinstance(effective_rule(policies, RELEASE, PULL, "production"), EffectiveRule) is applies


def test_the_digest_is_that_of_the_terms_with_an_empty_digest() -> None:
    rule = effective_rule(POLICIES, RELEASE, PULL, "production")
    assert isinstance(rule, EffectiveRule)
    assert rule.digest == digest_of(rule) == digest_of(alter(rule, digest="else"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("repository.rules.0.name", "renamed"),
        ("repository.rules.0.seats.0.count", 2),
        ("repository.rules.0.seats.0.signature", "passkey"),
        ("repository.rules.0.seats.0.accept", ("review",)),
        ("repository.rules.0.expires", 60),
        ("repository.rules.0.gates", ("artifacts",)),
        ("repository.rules.0.evidence", ("sbom",)),
        ("repository.rules.0.change.approvals", 2),
        ("repository.groups.risk-managers.github_team_id", 99),
        ("repository.trust.lineage", ()),
        ("repository.trust.test-result", (K1,)),
        ("tenant.people.membership_age", 1),
        ("tenant.freshness", 61),
        ("tenant.rules", (Rule("another"),)),
    ],
)
def test_the_digest_tells_every_term(path: str, value: Any) -> None:
    before = effective_rule(POLICIES, RELEASE, PULL, "production")
    after = effective_rule(put(POLICIES, path.split("."), value), RELEASE, PULL, "production")
    assert before.digest != after.digest != ""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("repository.freezes", ()),
        ("repository.groups.unused", Group(members=("x",))),
        ("repository.trust.unused", (K1,)),
        ("tenant.base_refs", (BaseRefs("acme/models", ("main", "next")),)),
        ("tenant.installations", (1, 2)),
        ("commit", "ee" * 20),
    ],
)
def test_the_digest_stays_when_nothing_that_applies_changes(path: str, value: Any) -> None:
    before = effective_rule(POLICIES, RELEASE, PULL, "production")
    assert before.digest == effective_rule(put(POLICIES, path.split("."), value), RELEASE, PULL, "production").digest


_SEATS = st.lists(
    st.builds(
        Seat,
        st.sampled_from("ab"),
        st.integers(0, 3),
        st.sampled_from([None, "attested", "personal", "passkey"]),
        st.lists(st.sampled_from(["review", "cli", "command"]), max_size=3).map(tuple),
    ),
    max_size=3,
).map(tuple)
_RULES = st.lists(
    st.builds(
        Rule,
        st.sampled_from(["x", "y"]),
        st.builds(When, kind=st.sampled_from([(), ("model",), ("config",)])),
        _SEATS,
        st.integers(1, 100),
        st.lists(st.sampled_from(["artifacts", "freeze"]), max_size=2).map(tuple),
        st.lists(st.sampled_from(["sbom"]), max_size=1).map(tuple),
        st.sampled_from([None, ChangeRule(), ChangeRule("normal", "CM", True, 2), ChangeRule("standard")]),
    ),
    max_size=4,
).map(tuple)


def _merged(rules: tuple[Rule, ...]) -> EffectiveRule | NoRule:
    policies = Policies(
        alter(TENANT, rules=rules, groups={"a": Group(), "b": Group()}, people=PeopleRules(0)), Policy("s")
    )
    return effective_rule(policies, alter(RELEASE, manifest=MANIFEST), PULL, "production")


_OWN = Rule("policies", When(kind=("policy",)), (Seat("owners", 2),), gates=("rationale",))
_REPLACED = alter(RELEASE, manifest_path=POLICY_PATH, manifest=alter(MANIFEST, kind="policy"))


@pytest.mark.parametrize(
    "changes",
    [{"unreleased": "Nobody released it."}, {"problem": "line 3: tab", "repository": None}],
    ids=["a policy that was never released", "no policy that can be read"],
)
def test_what_takes_the_place_of_a_policy_that_does_not_count_is_judged_by_the_tenant_alone(
    changes: dict[str, Any],
) -> None:
    tenant = alter(TENANT, rules=(_OWN,), groups={"owners": Group(members=("grace", "heidi"))})
    lax = Policy("s", rules=(Rule("lax", seats=(Seat("anybody"),)),), groups={"anybody": Group(members=("mallory",))})
    policies = alter(Policies(tenant, lax), **changes)
    rule = effective_rule(policies, _REPLACED, PULL, "policy")
    assert isinstance(rule, EffectiveRule)
    assert (rule.rules, [seat.group for seat in rule.seats]) == (("tenant/policies",), ["owners"])

    other = effective_rule(policies, alter(RELEASE, manifest=alter(MANIFEST, kind="policy")), PULL, "policy")
    assert isinstance(other, NoRule), "only the policy itself"
    nobody = effective_rule(alter(policies, tenant=alter(tenant, rules=())), _REPLACED, PULL, "policy")
    assert isinstance(nobody, NoRule)
    assert len(nobody.problems) == 2, nobody.problems


@patient
@given(_RULES, st.randoms())
def test_the_order_of_rules_does_not_matter(rules: tuple[Rule, ...], random: Any) -> None:
    shuffled = random.sample(rules, len(rules))
    one, other = _merged(rules), _merged(tuple(shuffled))
    assert one.digest == other.digest
    assert isinstance(one, EffectiveRule) == isinstance(other, EffectiveRule)


@patient
@given(_RULES, _RULES)
def test_one_more_rule_only_adds_demands(rules: tuple[Rule, ...], more: tuple[Rule, ...]) -> None:
    one, both = _merged(rules), _merged(rules + more)
    if isinstance(one, NoRule) or isinstance(both, NoRule):
        return
    order = ("attested", "personal", "passkey")
    after = {seat.group: seat for seat in both.seats}
    for seat in one.seats:
        assert after[seat.group].count >= seat.count
        assert order.index(after[seat.group].signature) >= order.index(seat.signature)
        assert set(after[seat.group].accept) <= set(seat.accept)
    assert both.expires <= one.expires
    assert set(one.gates) <= set(both.gates)
    assert set(one.evidence) <= set(both.evidence)
    if one.change is not None:
        assert both.change is not None
        assert both.change.approvals >= one.change.approvals
        assert both.change.cab >= one.change.cab
        assert both.change.type == one.change.type
