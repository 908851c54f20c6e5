"""Policies of one rule, for journeys that are about one thing that a rule can say."""

from __future__ import annotations


def policy(*, seat: str = "senior-developers", more: str = "", when: str = "", gates: str = "[rationale]") -> bytes:
    """``seat`` is a group; ``more`` and ``when`` are lines of the rule and of its conditions, in YAML."""
    return f"""\
schema: countersign/policy/v1
groups:
  senior-developers: {{github_team: acme/senior-developers}}
  risk-managers: {{github_team: acme/risk}}
  everybody: {{github_org: acme}}
  maintainers: {{permission: maintain}}
  owners: {{codeowners: true}}
  owners-in-risk: {{any_of: [owners], all_of: [risk-managers]}}
rules:
  - name: anything to production
    seats:
      - {{group: {seat}, signature: attested, accept: [review, command]}}
    gates: {gates}
    {more}
  - name: more
    when: {{environment: production{", " + when if when else ""}}}
    seats:
      - {{group: {"risk-managers" if when else seat}, signature: attested, accept: [review, command]}}
    gates: {gates}
    {more}
""".encode()
