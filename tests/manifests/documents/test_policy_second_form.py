"""What a policy can say beside the first form of it: read exactly, or refused where the mistake stands."""

from __future__ import annotations

import pytest

from manifests.policy import Freeze, Group, Seat, Size, When
from manifests.policy_parser_forms import MAX_CONDITION_DEPTH, MAX_CONDITIONS, MAX_GROUP_DEPTH
from manifests.policy_terms import (
    BreakGlassRule,
    Comparison,
    DeadlineRule,
    DelegationRule,
    FindingsRule,
    KeepRule,
    Recurrence,
    RequiredCheck,
    Requirement,
)
from tests.manifests.documents.samples import (
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

RULE = policy(RICH).rules[0]


def test_groups_have_every_source_and_may_be_made_of_others() -> None:
    assert policy(RICH).groups == {
        "devs": Group(github_team="acme/devs", github_team_id=7),
        "everybody": Group(github_org="acme"),
        "writers": Group(permission="write"),
        "owners": Group(codeowners=True),
        "cab": Group(servicenow_group="CAB"),
        "idp": Group(idp_group="Risk/Managers"),
        "risk": Group(any_of=("cab", "idp"), all_of=("everybody",)),
        "both": Group(all_of=("devs", "risk")),
    }


def test_conditions_are_read_with_their_combinations() -> None:
    assert RULE.when == When(
        kind=("model",),
        repository=("acme/*",),
        head_ref=("alice:fix-*", "release/*"),
        labels=("Needs Review", "1.0"),
        risk="moderate",
        size=Size(20, 500),
        changed=("src/**",),
        requester=("devs",),
        all=(When(any=(When(paths=("a",)), When(labels=("b",)))),),
        not_=When(requester=("risk",), any=(When(paths=("docs/**",)), When(not_=When(size=Size(3))))),
    )


def test_defaults_stand_in_for_keys_that_are_left_out() -> None:
    assert RULE.seats == (
        Seat("both", 1, "personal", ("cli",), ("lineage", "test-result")),
        Seat("devs", 1, "attested", ("review",)),
    )
    assert RULE.expires == 48 * 3600
    assert RULE.gates == ("rationale", "evidence", "findings", "required_checks")


def test_comparisons_are_kept_as_text_of_one_form() -> None:
    assert RULE.evidence == ("bias-report", "test-result")
    assert RULE.requirements == (
        Requirement(
            "test-result",
            (
                Comparison("metrics.breach_rate", "number", "<=", ("0.6 %",)),
                Comparison("runs", "number", ">=", ("100",)),
                Comparison("finished_at", "age", "<=", ("2592000",)),
                Comparison("finished_at", "time", ">=", ("2026-01-01T00:00:00Z",)),
                Comparison("verdict", "text", "one-of", ("good", "better")),
                Comparison("verdict", "text", "none-of", ("bad",)),
                Comparison("suites", "set", "includes", ("unit", "stress")),
                Comparison("suites", "set", "excludes", ("smoke",)),
                Comparison("reviewed", "boolean", "is", ("true",)),
            ),
        ),
    )


def test_the_other_terms_of_a_rule_are_read() -> None:
    assert RULE.veto == ("risk",)
    assert RULE.exclude == ("reporting-line",)
    assert RULE.required_checks == (RequiredCheck("ci/test", "github-actions"),)
    assert RULE.findings == FindingsRule("critical", ("vulnerability-report",), "risk", 20 * 86_400)
    assert RULE.review_time == 7_200
    assert RULE.deadline == DeadlineRule(48 * 3600, (24 * 3600,), ("risk",))
    assert RULE.windows == (
        Recurrence(
            "FREQ=WEEKLY;BYDAY=SA,SU", "2026-01-03T00:00:00", 48 * 3600, "Europe/Zurich", ("2026-12-26",)
        ),
    )  # fmt: skip
    assert RULE.keep == KeepRule(("src/**",))
    assert RULE.delegation == DelegationRule(5 * 86_400)
    assert RULE.break_glass == BreakGlassRule(("devs", "risk"), "cab", 3, 7_200, 48 * 3600)


def test_terms_that_say_only_what_they_must_have_their_defaults() -> None:
    text = edited(RICH, ", exceptions: {by: risk, longest: 20d}", "")
    text = edited(text, ", count: 3, valid: 2h, review_within: 48h", "")
    text = edited(text, "{longest: 5d}", "{}")
    rule = policy(edited(text, "{unless_changed: [src/**]}", "{}")).rules[0]
    assert rule.findings == FindingsRule("critical", ("vulnerability-report",))
    assert rule.break_glass == BreakGlassRule(("devs", "risk"), "cab", 2, 4 * 3600, 72 * 3600)
    assert rule.delegation == DelegationRule(7 * 86_400)
    assert rule.keep == KeepRule()


def test_a_freeze_may_come_again_and_let_emergencies_pass() -> None:
    nights = Recurrence("FREQ=DAILY", "2026-01-03T22:00:00", 8 * 3600)
    assert policy(RICH).freezes == (Freeze("nights", recurrence=nights, emergency=True),)


def test_the_tenant_names_its_machines() -> None:
    text = edited(TENANT, "membership_age: 24h", 'membership_age: 24h, machines: [acme-deploy, "agent[bot]"]')
    assert tenant(text).people.machines == ("acme-deploy", "agent[bot]")
    assert codes(tenant_problems(edited(text, '"agent[bot]"', "ACME-deploy"))) == ["field.duplicate"]


def test_a_policy_of_the_first_form_asks_for_nothing_more() -> None:
    rule = policy(POLICY).rules[0]
    assert not any(
        (rule.veto, rule.exclude, rule.requirements, rule.required_checks, rule.findings, rule.review_time,
         rule.deadline, rule.windows, rule.keep, rule.delegation, rule.break_glass)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("{github_org: acme}", "{github_org: ‸acme/devs}", "field.form"),
        ("{permission: write}", "{permission: ‸writer}", "field.choice"),
        ("{codeowners: true}", "{codeowners: ‸yes}", "field.form"),
        ("{codeowners: true}", "‸{codeowners: false}", "policy.empty_group"),
        ("any_of: [cab, idp]", "any_of: [cab, ‸ipd]", "policy.unknown_group"),
        ("any_of: [cab, idp]", "any_of: [cab, ‸cab]", "field.duplicate"),
        ("any_of: [cab, idp]", "any_of: ‸[]", "field.length"),
        ("any_of: [cab, idp]", "any_of: [cab, ‸risk]", "policy.group_circle"),
        (
            "[cab, idp], all_of: [everybody]}\n  both: {all_of: [devs, risk]}",
            "[cab, both]}\n  both: {all_of: [devs, ‸risk]}",
            "policy.group_circle",
        ),
        ("kind: model", "‸kinds: model", "field.unknown"),
        ('head_ref: ["alice:fix-*"', "head_ref: [‸a b", "field.form"),
        ('labels: [Needs Review, "1.0"]', 'labels: [Needs Review, ‸1.0]', "yaml.unquoted"),
        ('labels: [Needs Review, "1.0"]', "labels: [Needs Review, ‸needs REVIEW]", "field.duplicate"),
        ('labels: [Needs Review, "1.0"]', "labels: ‸[]", "field.length"),
        ("risk: moderate", "risk: ‸medium", "field.choice"),
        ("size: {files: 20, lines: 500}", "size: {files: ‸0, lines: 500}", "field.form"),
        ("size: {files: 20, lines: 500}", "size: ‸{}", "policy.no_condition"),
        ("size: {files: 20, lines: 500}", "size: ‸20", "field.type"),
        ("requester: [devs]", "requester: [‸dev]", "policy.unknown_group"),
        ("[{paths: a}, {labels: b}]", "[{paths: a}, ‸{}]", "policy.no_condition"),
        ("[{paths: a}, {labels: b}]", "‸[]", "field.length"),
        ("not: {requester: risk,", "not: {requester: risk, ‸kind: model,", "policy.not_declared"),
        ("not: {requester: risk,", "not: {requester: risk, ‸name: a,", "policy.not_declared"),
        ("not: {requester: risk,", "not: {requester: risk, ‸risk: low,", "policy.not_declared"),
        ("not: {requester: risk,", "not: {requester: risk, ‸head_ref: a,", "policy.not_declared"),
        ("{paths: docs/**}", "{‸labels: docs}", "policy.not_declared"),
        ("{size: {files: 3}}", "{‸labels: docs}", "policy.not_declared"),
        ("shown: [lineage, test-result]", "shown: [lineage, ‸lineage]", "field.duplicate"),
        ("shown: [lineage, test-result]", "shown: [‸Lineage]", "field.form"),
        ("- bias-report\n", "- bias-report\n      - ‸bias-report\n", "field.duplicate"),
        ("- bias-report", "- {type: bias-report, require: ‸[]}", "field.length"),
        ("- bias-report", "- ‸{type: bias-report}", "field.missing"),
        ("- bias-report", "- {type: bias-report, ‸requires: a, require: [{field: a, is: true}]}", "field.unknown"),
        ("{field: runs, n", "‸{n", "field.missing"),
        ("field: runs", "field: ‸metrics..runs", "field.form"),
        ('number: ">=100"', 'number: ‸"~ 100"', "field.form"),
        ('number: ">=100"', 'number: ‸"100"', "field.form"),
        ('number: ">=100"', "number: ‸100", "field.form"),
        ('number: ">=100"', 'number: ‸">= 100 furlongs"', "field.form"),
        ('number: ">=100"', 'number: ‸">= 1e999999999"', "field.form"),
        ('number: ">=100"', 'number: ">=100", ‸is: true', "policy.comparison"),
        ('{field: runs, number: ">=100"}', "‸{field: runs}", "policy.comparison"),
        ('age: "<= 30d"', 'age: ‸"= 30d"', "field.form"),
        ('age: "<= 30d"', 'age: ‸"<= 30 days"', "field.form"),
        ('age: "<= 30d"', 'age: ‸"<= 9999d"', "field.form"),
        ('time: ">= 2026-01-01T00:00:00Z"', 'time: ‸">= 2026-01-01"', "field.form"),
        ("one_of: [good, better]", "one_of: [good, ‸good]", "field.duplicate"),
        ("one_of: [good, better]", "one_of: [good, ‸7]", "yaml.unquoted"),
        ("one_of: [good, better]", "one_of: ‸[]", "field.length"),
        ("is: true", "is: ‸yes", "field.form"),
        ("veto: [risk]", "veto: [‸risks]", "policy.unknown_group"),
        ("veto: [risk]", "veto: ‸risk", "field.type"),
        ("exclude: [reporting-line]", "exclude: [‸report-line]", "field.choice"),
        ("{name: ci/test, app: github-actions}", "‸{name: ci/test}", "field.missing"),
        ("app: github-actions", "app: ‸GitHub", "field.form"),
        ("app: github-actions}", "app: any}, {name: b, app: any}, ‸{name: b, app: any}", "field.duplicate"),
        ("from: critical", "from: ‸severe", "field.choice"),
        ("exceptions: {by: risk, ", "exceptions: {by: ‸risky, ", "policy.unknown_group"),
        ("exceptions: {by: risk, ", "exceptions: ‸{", "field.missing"),
        ("longest: 20d", "longest: ‸400d", "field.form"),
        ("    required_checks: ", "    gates: [evidence, findings]\n    required_checks: ‸", "policy.gate_missing"),
        ("    findings: {", "    gates: [evidence, required_checks]\n    findings: ‸{", "policy.gate_missing"),
        ("review_time: 2h", "review_time: ‸2 hours", "field.form"),
        ("within: 48h, ", "within: ‸48, ", "field.form"),
        ("deadline: {within: 48h, ", "deadline: ‸{", "field.missing"),
        ("remind: [24h]", "remind: ‸[24h, 48h]", "policy.late_reminder"),
        ("escalate: [risk]", "escalate: [‸boss]", "policy.unknown_group"),
        ("unless_changed: [src/**]", "unless_changed: ‸[]", "field.length"),
        ("longest: 5d", "longest: ‸91d", "field.form"),
        ("review_by: cab, ", "review_by: ‸cap, ", "policy.unknown_group"),
        ("break_glass: {groups: [devs, risk], ", "break_glass: ‸{", "field.missing"),
        ("count: 3", "count: ‸1", "field.form"),
        ("valid: 2h", "valid: ‸5h", "field.form"),
        ("emergency: true", "emergency: ‸no", "field.form"),
        ("  - name: nights\n", "  - name: nights\n    ‸start: 2026-01-01T00:00:00Z\n", "policy.freeze_twice"),
        ("{expires: 48h, s", "{expires: ‸48, s", "field.form"),
        ("{expires: 48h, s", "{expires: 48h, ‸count: 1, s", "field.unknown"),
    ],
)  # fmt: skip
def test_each_mistake_is_reported_where_it_stands(old: str, new: str, code: str) -> None:
    text, place = marked(RICH, old, new)
    found = policy_problems(text)
    assert [(p.code, (p.line, p.column)) for p in found] == [(code, place)]
    assert "xpected" in found[0].message
    assert found[0].remedy


@pytest.mark.parametrize("gate", ["findings", "required_checks"])
def test_a_gate_that_nothing_is_asked_of_is_refused(gate: str) -> None:
    text, place = marked(POLICY, "gates: [", f"gates: ‸[{gate}, ")
    (problem,) = policy_problems(text)
    assert (problem.code, (problem.line, problem.column)) == ("policy.terms_missing", place)
    assert f"`{gate}:`" in problem.remedy


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [
        ("head_ref:", "headref:", "Did you mean `head_ref`?"),
        ("unless_changed:", "unless_change:", "Did you mean `unless_changed`?"),
        ("break_glass:", "breakglass:", "Did you mean `break_glass`?"),
        ("github_org: acme", "github_orgs: acme, members: [a]", "Did you mean `github_org`?"),
        ("one_of: [good, better]", "oneof: [good, better], is: true", "Did you mean `one_of`?"),
        ("veto: [risk]", "veto: [rsk]", "Did you mean `risk`?"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_right_one(old: str, new: str, remedy: str) -> None:
    found = policy_problems(edited(RICH, old, new))
    assert remedy in [problem.remedy for problem in found]


def nested(levels: int) -> str:
    """A policy whose rule has so many levels of conditions."""
    condition = "{paths: a}"
    for _ in range(levels - 1):
        condition = f"{{all: [{condition}]}}"
    return f"schema: countersign/policy/v1\nrules: [{{name: a, when: {condition}}}]\n"


def test_conditions_are_bounded_in_depth() -> None:
    assert policy_problems(nested(MAX_CONDITION_DEPTH)) == ()
    assert codes(policy_problems(nested(MAX_CONDITION_DEPTH + 1))) == ["policy.conditions_depth"]


def test_conditions_are_bounded_in_number() -> None:
    def text(entries: int) -> str:
        listed = "\n".join(["      any:", *["        - {paths: a}"] * entries])
        return f"schema: countersign/policy/v1\nrules:\n  - name: a\n    when:\n{listed}\n"

    assert policy_problems(text(MAX_CONDITIONS - 1)) == ()
    (problem,) = policy_problems(text(MAX_CONDITIONS))
    assert (problem.code, problem.line, problem.column) == ("policy.many_conditions", MAX_CONDITIONS + 5, 12)


def test_each_rule_has_its_own_bound() -> None:
    rule = "\n".join(["  - name: NAME", "    when:", "      any:", *["        - {paths: a}"] * 150])
    text = "schema: countersign/policy/v1\nrules:\n" + "\n".join(rule.replace("NAME", name) for name in "ab")
    assert policy_problems(text) == ()


def chain(groups: int) -> str:
    """A policy with so many groups, each made of the next."""
    made = "".join(f"  g{number}: {{any_of: [g{number + 1}]}}\n" for number in range(groups - 1))
    return f"schema: countersign/policy/v1\ngroups:\n{made}  g{groups - 1}: {{members: [a]}}\n"


@pytest.mark.parametrize("far", [2, 2_000])
def test_groups_made_of_groups_are_bounded_in_depth(far: int) -> None:
    assert policy_problems(chain(MAX_GROUP_DEPTH + 1)) == ()
    assert "policy.group_depth" in codes(policy_problems(chain(MAX_GROUP_DEPTH + far)))


def test_the_depth_counts_wherever_the_groups_stand() -> None:
    lines = chain(MAX_GROUP_DEPTH + 2).splitlines()
    assert codes(policy_problems("\n".join([*lines[:2], *reversed(lines[2:])]))) == ["policy.group_depth"]


def test_a_circle_is_reported_once_and_told_in_full() -> None:
    text = edited(RICH, "{github_team: acme/devs, github_team_id: 7}", "{any_of: [both]}")
    (problem,) = policy_problems(text)
    assert problem.code == "policy.group_circle"
    assert "devs → both → devs" in problem.message


def test_what_is_wrong_under_not_is_told_with_its_reason() -> None:
    (problem,) = policy_problems(edited(RICH, "not: {requester: risk,", "not: {labels: safe,"))
    assert "could talk the rule away" in problem.message
    assert "requester" in problem.remedy
