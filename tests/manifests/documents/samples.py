"""The documents that the tests start from."""

from __future__ import annotations

from manifests.errors import ManifestError, Problem
from manifests.policy import Policy, TenantPolicy
from manifests.policy_parser import parse_policy, parse_tenant_policy
from manifests.release import Release
from manifests.release_parser import parse_release

MANIFEST = "releases/intraday/release.yaml"
SHA = "9f2c" * 16
FINGERPRINT = "SHA256:uNiVztksCsDhcc0u9e8BrqsdgZMVW0SOrMcmPb2pz2A"

RELEASE = f"""\
schema: countersign/release/v1
kind: model                       # model | policy | config
name: intraday-policy
version: "3.2.0"
rationale: Retrained on Q3 data after the drift alert; VaR breaches fall from 1.4 % to 0.6 %.
environments: [staging, production]
artifacts:
  - {{name: policy.pt, uri: "s3://models/intraday/3.2.0/policy.pt", sha256: {SHA}, size: 1823340}}
lineage: lineage.dsse.json
evidence:
  - {{type: test-result, path: evidence/backtest.dsse.json}}
change:
  type: normal                    # standard | normal | emergency
  window: {{start: 2026-12-01T18:00:00Z, end: 2026-12-01T20:00:00Z}}
  implementation_plan: …
  backout_plan: …
  test_plan: …
"""

POLICY = f"""\
schema: countersign/policy/v1
groups:
  senior-developers: {{github_team: acme/senior-developers}}
  risk-managers:     {{github_team: acme/risk, servicenow_group: Risk Management}}
trust:
  lineage:     [{{key: "{FINGERPRINT}", who: training cluster}}]
  test-result: [{{key: "{FINGERPRINT}", who: back-test service}}]
rules:
  - name: model to production
    when: {{kind: model, environment: production, paths: ["releases/**"]}}
    seats:
      - {{group: senior-developers, count: 1, signature: attested, accept: [review, command]}}
      - {{group: risk-managers, count: 1, signature: personal}}
    expires: 72h
    gates: [artifacts, lineage, rationale, evidence, change, freeze]
    change: {{type: normal, assignment_group: Change Management, cab: true}}
"""

RICH = f"""\
schema: countersign/policy/v1
defaults: {{expires: 48h, signature: personal, accept: [cli], gates: [rationale, evidence, findings, required_checks]}}
groups:
  devs: {{github_team: acme/devs, github_team_id: 7}}
  everybody: {{github_org: acme}}
  writers: {{permission: write}}
  owners: {{codeowners: true}}
  cab: {{servicenow_group: CAB}}
  idp: {{idp_group: Risk/Managers}}
  risk: {{any_of: [cab, idp], all_of: [everybody]}}
  both: {{all_of: [devs, risk]}}
trust:
  test-result: [{{key: "{FINGERPRINT}", who: back-test service}}]
rules:
  - name: large models
    when:
      kind: model
      repository: acme/*
      head_ref: ["alice:fix-*", release/*]
      labels: [Needs Review, "1.0"]
      risk: moderate
      size: {{files: 20, lines: 500}}
      changed: src/**
      requester: [devs]
      all:
        - any: [{{paths: a}}, {{labels: b}}]
      not: {{requester: risk, any: [{{paths: docs/**}}, {{not: {{size: {{files: 3}}}}}}]}}
    seats:
      - {{group: both, shown: [lineage, test-result]}}
      - {{group: devs, signature: attested, accept: [review]}}
    evidence:
      - bias-report
      - type: test-result
        require:
          - {{field: metrics.breach_rate, number: "<= 0.6%"}}
          - {{field: runs, number: ">=100"}}
          - {{field: finished_at, age: "<= 30d"}}
          - {{field: finished_at, time: ">= 2026-01-01T00:00:00Z"}}
          - {{field: verdict, one_of: [good, better]}}
          - {{field: verdict, none_of: [bad]}}
          - {{field: suites, includes: [unit, stress]}}
          - {{field: suites, excludes: [smoke]}}
          - {{field: reviewed, is: true}}
    veto: [risk]
    exclude: [reporting-line]
    required_checks: [{{name: ci/test, app: github-actions}}]
    findings: {{from: critical, types: [vulnerability-report], exceptions: {{by: risk, longest: 20d}}}}
    review_time: 2h
    deadline: {{within: 48h, remind: [24h], escalate: [risk]}}
    windows:
      - rule: FREQ=WEEKLY;BYDAY=SA,SU
        start: 2026-01-03T00:00:00
        duration: 48h
        timezone: Europe/Zurich
        except: [2026-12-26]
    keep: {{unless_changed: [src/**]}}
    delegation: {{longest: 5d}}
    break_glass: {{groups: [devs, risk], review_by: cab, count: 3, valid: 2h, review_within: 48h}}
freezes:
  - name: nights
    recurrence: {{rule: FREQ=DAILY, start: 2026-01-03T22:00:00, duration: 8h}}
    emergency: true
"""

TENANT = (
    POLICY
    + """\
base_refs:
  - {repository: acme/models, refs: [main, release-2]}
  - {repository: acme/*, refs: main}
installations: [4711]
people: {membership_age: 24h}
freshness: 60s
release_glob: releases/**/release.yaml
workflows: [acme/models/.github/workflows/deploy.yml@refs/heads/main]
freezes:
  - {name: year end, start: 2026-12-20T00:00:00+01:00, end: 2027-01-05T00:00:00+01:00, environments: production}
"""
)


def release(text: str = RELEASE, path: str = MANIFEST) -> Release:
    return parse_release(text.encode(), path)


def policy(text: str = POLICY) -> Policy:
    return parse_policy(text.encode(), ".github/countersign.yaml")


def tenant(text: str = TENANT) -> TenantPolicy:
    return parse_tenant_policy(text.encode(), "tenant.yaml")


def edited(text: str, old: str, new: str) -> str:
    assert old in text, f"the sample has no {old!r}"
    return text.replace(old, new, 1)


def release_problems(text: str, path: str = MANIFEST) -> tuple[Problem, ...]:
    try:
        release(text, path)
    except ManifestError as error:
        return error.problems
    return ()


def policy_problems(text: str) -> tuple[Problem, ...]:
    try:
        policy(text)
    except ManifestError as error:
        return error.problems
    return ()


def tenant_problems(text: str) -> tuple[Problem, ...]:
    try:
        tenant(text)
    except ManifestError as error:
        return error.problems
    return ()


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]


def marked(text: str, old: str, new: str) -> tuple[str, tuple[int, int]]:
    """``text`` with ``old`` replaced by ``new`` without its mark ‸, and the line and column of that mark."""
    changed = edited(text, old, new)
    before = changed[: changed.index("‸")]
    return changed.replace("‸", ""), (before.count("\n") + 1, len(before) - before.rfind("\n"))
