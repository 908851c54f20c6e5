"""A release that nobody approved and that two broke the glass for: what an emergency can do without is missing."""

from __future__ import annotations

from gates.model import GroupFacts, Policies, Snapshot
from manifests.policy import Group
from manifests.policy_terms import BreakGlassRule
from tests.gates.builders import (
    HOUR,
    NOW,
    POLICIES,
    POLICY,
    RISK,
    RULE,
    SECOND,
    SENIORS,
    SNAPSHOT,
    alter,
    consent,
    member,
    under,
)

HANK, IVY = member(31, "Hank"), member(32, "Ivy")
_POLICY = alter(
    POLICY,
    groups={
        **POLICY.groups,
        "oncall": Group(github_team="acme/oncall", github_team_id=13),
        "leads": Group(github_team="acme/leads", github_team_id=14),
    },
    rules=(alter(RULE, break_glass=BreakGlassRule(("oncall", "leads"), "risk-managers")),),
)
_SAID = {"decision": "break-glass", "incident": "INC0012345", "reason": "Trading is down.", "issued_at": NOW - HOUR}


def passing_broken() -> tuple[Policies, Snapshot]:
    """Policies and a snapshot on which a deployment is allowed."""
    policies = alter(POLICIES, repository=_POLICY)
    snapshot = alter(
        SNAPSHOT,
        groups=(SENIORS, RISK, GroupFacts("oncall", (HANK,), NOW - SECOND), GroupFacts("leads", (IVY,), NOW - SECOND)),
        consents=(consent(HANK, "oncall", **_SAID), consent(IVY, "leads", **_SAID)),
        change=None,
    )
    return policies, under(policies, snapshot)
