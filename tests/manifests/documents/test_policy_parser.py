"""A policy is read exactly, or refused with every mistake and its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import ManifestError
from manifests.policy import (
    BaseRefs,
    Freeze,
    Group,
    PeopleRules,
    Policy,
    Rule,
    Seat,
    TenantPolicy,
    TrustedSigner,
    When,
)
from manifests.policy_parser import MAX_BYTES, parse_policy, parse_tenant_policy
from manifests.policy_terms import ChangeRule
from tests.manifests.documents.samples import (
    FINGERPRINT,
    POLICY,
    RICH,
    TENANT,
    codes,
    edited,
    marked,
    policy,
    policy_problems,
    tenant,
    tenant_problems,
)

# The bytes 0 to 31 in the place of an Ed25519 key; `ssh-keygen -lf` printed the fingerprint used below.
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"


def test_the_sample_is_read() -> None:
    assert policy() == Policy(
        schema="countersign/policy/v1",
        groups={
            "senior-developers": Group(github_team="acme/senior-developers"),
            "risk-managers": Group(github_team="acme/risk", servicenow_group="Risk Management"),
        },
        trust={
            "lineage": (TrustedSigner(FINGERPRINT, "training cluster"),),
            "test-result": (TrustedSigner(FINGERPRINT, "back-test service"),),
        },
        rules=(
            Rule(
                name="model to production",
                when=When(kind=("model",), environment=("production",), paths=("releases/**",)),
                seats=(
                    Seat("senior-developers", 1, "attested", ("review", "command")),
                    Seat("risk-managers", 1, "personal"),
                ),
                expires=72 * 3600,
                gates=("artifacts", "lineage", "rationale", "evidence", "change", "freeze"),
                evidence=("test-result",),
                change=ChangeRule("normal", "Change Management", cab=True),
            ),
        ),
    )


def test_the_tenant_policy_has_the_same_form_and_more() -> None:
    found = tenant()
    assert found.rules == policy().rules
    assert found.base_refs == (
        BaseRefs("acme/models", ("main", "release-2")),
        BaseRefs("acme/*", ("main",)),
    )
    assert found.installations == (4711,)
    assert found.people == PeopleRules(membership_age=86_400)
    assert found.freshness == 60
    assert found.workflows == ("acme/models/.github/workflows/deploy.yml@refs/heads/main",)
    assert found.freezes == (Freeze("year end", 1_797_721_200_000_000, 1_799_103_600_000_000, ("production",)),)


@pytest.mark.parametrize("key", ["base_refs", "installations", "people", "freshness", "workflows"])
def test_a_repository_cannot_say_what_only_the_tenant_may(key: str) -> None:
    found = policy_problems(TENANT)
    assert codes(found).count("field.unknown") == 6
    assert any(f"'{key}'" in problem.message for problem in found)


def test_a_rule_with_the_gate_change_asks_for_an_ordinary_change_unless_it_says_more() -> None:
    text = edited(POLICY, "    change: {type: normal, assignment_group: Change Management, cab: true}\n", "")
    assert policy(text).rules[0].change == ChangeRule()


def test_a_rule_without_the_gate_change_asks_for_none() -> None:
    text = edited(POLICY, "    change: {type: normal, assignment_group: Change Management, cab: true}\n", "")
    assert policy(edited(text, "change, freeze", "freeze")).rules[0].change is None


@pytest.mark.parametrize(
    ("trust", "types"),
    [
        ("lineage: [", ("test-result",)),
        ("bias-report: [", ("bias-report", "test-result")),
    ],
)
def test_the_gate_evidence_asks_for_every_trusted_type_unless_the_rule_lists_them(
    trust: str, types: tuple[str, ...]
) -> None:
    assert policy(edited(POLICY, "lineage:     [", trust)).rules[0].evidence == types


def test_the_types_that_a_rule_lists_are_the_ones_it_asks_for() -> None:
    text = edited(POLICY, "    expires: 72h\n", "    expires: 72h\n    evidence: [bias-report]\n")
    assert policy(text).rules[0].evidence == ("bias-report",)


def test_a_condition_may_be_one_value_or_a_list() -> None:
    one = policy(edited(POLICY, "kind: model", "kind: model, name: intraday, base_ref: main")).rules[0].when
    many = policy(edited(POLICY, "kind: model", "kind: [model], name: [intraday], base_ref: [main]"))
    assert one == many.rules[0].when
    assert one.name == ("intraday",)


def test_seats_may_name_the_tenants_groups() -> None:
    text = edited(POLICY, "group: risk-managers", "group: compliance")
    assert codes(policy_problems(text)) == ["policy.unknown_group"]
    assert parse_policy(text.encode(), "p", {"compliance"}).rules[0].seats[1].group == "compliance"


def test_a_public_key_must_be_the_one_of_the_fingerprint() -> None:
    other = edited(POLICY, "who: training", f'public_key: "{PUBLIC_KEY}", who: training')
    assert codes(policy_problems(other)) == ["policy.key_mismatch"]
    ours = edited(other, FINGERPRINT, "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA")
    assert policy(ours).trust["lineage"][0].public_key == PUBLIC_KEY


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("countersign/policy/v1", "‸countersign/policy/v2", "field.choice"),
        ("trust:\n", "  ‸Senior: {members: [bob]}\ntrust:\n", "field.form"),
        ("trust:\n", "  none: ‸{}\ntrust:\n", "policy.empty_group"),
        ("acme/senior-developers", "‸senior-developers", "field.form"),
        ("{github_team: acme/risk, s", "{github_team_id: ‸7, s", "policy.team_id_alone"),
        ("{github_team: acme/risk, s", "{members: [bob, ‸BOB], s", "field.duplicate"),
        ("{github_team: acme/risk, s", "{members: [‸bob smith], s", "field.form"),
        (f'"{FINGERPRINT}"', "‸MD5:aa:bb", "field.form"),
        (f'"{FINGERPRINT}"', f'‸"{FINGERPRINT[:-1]}"', "field.form"),
        (f'"{FINGERPRINT}"', f'‸"{FINGERPRINT[:-1]}B"', "field.form"),
        (f'{{key: "{FINGERPRINT}", who: training cluster', f'‸{{key: "{FINGERPRINT}"', "field.missing"),
        ("paths: [", "‸path: [", "field.unknown"),
        ('paths: ["releases/**"]', "paths: ‸[]", "field.length"),
        ("environment: production", "environment: ‸Production", "field.form"),
        ("kind: model", "kind: [model, ‸model]", "field.duplicate"),
        ("group: risk-managers", "group: ‸risk-manager", "policy.unknown_group"),
        ("count: 1, signature: p", "count: ‸0, signature: p", "field.form"),
        ("count: 1, signature: p", "count: ‸21, signature: p", "field.form"),
        ("signature: personal", "signature: ‸person", "field.choice"),
        ("accept: [review, command]", "accept: ‸[]", "field.length"),
        ("accept: [review, command]", "accept: [‸email]", "field.choice"),
        ("expires: 72h", "expires: ‸72", "field.form"),
        ("expires: 72h", "expires: ‸91d", "field.form"),
        ("freeze]", "‸freezing]", "field.choice"),
        ("freeze]", "‸change]", "field.duplicate"),
        ("evidence, change, freeze]\n    change: {", "evidence]\n    change: ‸{", "policy.gate_missing"),
        ("cab: true", "cab: ‸yes", "field.form"),
        ("cab: true", "approvals: ‸0", "policy.no_approvals"),
        ("    expires: 72h\n", "    evidence: ‸[]\n", "field.length"),
    ],
)
def test_each_mistake_is_reported_where_it_stands(old: str, new: str, code: str) -> None:
    text, place = marked(POLICY, old, new)
    found = policy_problems(text)
    assert [(p.code, (p.line, p.column)) for p in found] == [(code, place)]
    assert "xpected" in found[0].message
    assert found[0].remedy


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [
        ("freeze]", "freze]", "Did you mean `freeze`?"),
        ("group: risk-managers", "group: risk-manger", "Did you mean `risk-managers`?"),
        ("accept:", "acept:", "Did you mean `accept`?"),
        ("github_team: acme/risk, ", "github-team: acme/risk, ", "Did you mean `github_team`?"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_right_one(old: str, new: str, remedy: str) -> None:
    (problem,) = policy_problems(edited(POLICY, old, new))
    assert problem.remedy == remedy


def test_the_gate_evidence_without_any_type_is_refused() -> None:
    start, end = POLICY.index("trust:"), POLICY.index("rules:")
    assert codes(policy_problems(POLICY[:start] + POLICY[end:])) == ["policy.no_evidence_types"]


def test_a_requirement_that_no_gate_reads_is_refused() -> None:
    text = edited(POLICY, "    gates: [artifacts, lineage, rationale, evidence, change, freeze]\n", "")
    text = edited(text, "    expires: 72h\n", "    evidence: [test-result]\n")
    assert codes(policy_problems(text)) == ["policy.gate_missing", "policy.gate_missing"]


def test_every_mistake_is_reported_at_once() -> None:
    text = POLICY.replace("cab: true", "cab: on").replace("72h", "3 days").replace("count: 1", "count: one", 1)
    assert [problem.line for problem in policy_problems(text)] == [12, 14, 16]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("repository: acme/models", "repository: models", "field.form"),
        ("repository: acme/models", "repository: acme/..", "field.form"),
        ("repository: acme/models", "repository: acme/mod*", "field.form"),
        ("repository: acme/models", "repository: ACME/*", "field.duplicate"),
        ("[main, release-2]", "[refs/heads/main]", "field.form"),
        ("[main, release-2]", "[release/*]", "field.form"),
        ("[main, release-2]", "[a..b]", "field.form"),
        ("[main, release-2]", "[]", "field.length"),
        (", refs: main", "", "field.missing"),
        ("[4711]", "[0]", "field.form"),
        ("[4711]", "[4711, 4711]", "field.duplicate"),
        ("membership_age: 24h", "membership_age: never", "field.form"),
        ("freshness: 60s", "freshness: 2h", "field.form"),
        ("freshness: 60s", "freshness: 60", "field.form"),
        ("workflows: [acme/models/.github", "workflows: [acme/models/github", "field.form"),
        ("start: 2026-12-20", "start: 2027-12-20", "policy.freeze_order"),
        ("name: year end, ", "", "field.missing"),
        ("environments: production", "environments: []", "field.length"),
    ],
)
def test_the_tenant_policys_own_keys_are_judged(old: str, new: str, code: str) -> None:
    assert codes(tenant_problems(edited(TENANT, old, new))) == [code]


@pytest.mark.parametrize(
    ("old", "new", "bounds"),
    [
        ("freshness: 60s", "freshness: 2h", "from 1s to 1h"),
        ("membership_age: 24h", "membership_age: never", "from 0s to "),
    ],
)
def test_bounds_of_times_are_told_as_one_writes_times(old: str, new: str, bounds: str) -> None:
    (problem,) = tenant_problems(edited(TENANT, old, new))
    assert bounds in problem.message


def test_a_policy_larger_than_the_limit_is_refused() -> None:
    assert codes(policy_problems(POLICY + "#" * MAX_BYTES)) == ["yaml.too_large"]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for parse in (parse_policy, parse_tenant_policy):
        with pytest.raises(ManifestError):
            parse(data, "p")


@given(
    st.sampled_from([(TENANT, parse_tenant_policy), (RICH, parse_policy)]),
    st.floats(min_value=0, max_value=1),
    st.integers(min_value=0, max_value=20),
    st.text(max_size=8),
)
def test_any_edit_is_read_or_refused(
    sample: tuple[str, Callable[[bytes, str], Policy | TenantPolicy]], place: float, cut: int, new: str
) -> None:
    text, parse = sample
    at = round(place * len(text))
    data = (text[:at] + new + text[at + cut :]).encode("utf-8", "surrogatepass")
    try:
        found = parse(data, "t")
    except ManifestError:
        return
    assert found == parse(data, "t")


_LINES = TENANT.splitlines(keepends=True)


@given(st.integers(min_value=0, max_value=len(_LINES) - 1))
def test_a_line_that_stands_twice_never_passes_silently(index: int) -> None:
    # A second equal seat asks for one person more; everything else would hide or repeat something.
    twice = "".join([*_LINES[: index + 1], _LINES[index], *_LINES[index + 1 :]])
    try:
        found = tenant(twice)
    except ManifestError:
        return
    assert len(found.rules[0].seats) == 3
