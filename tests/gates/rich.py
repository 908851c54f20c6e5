"""The passing case under a rule that asks for everything that the second form of the policy can ask for."""

from __future__ import annotations

from gates.model import (
    CheckFacts,
    ChecksFacts,
    Field,
    FindingException,
    FoundIssue,
    GroupFacts,
    Occurrences,
    Policies,
    ReportingFacts,
    ReportingLine,
    Retrospective,
    Snapshot,
)
from manifests.policy import Freeze, Group
from manifests.policy_terms import (
    BreakGlassRule,
    Comparison,
    DeadlineRule,
    FindingsRule,
    Recurrence,
    RequiredCheck,
    Requirement,
)
from tests.gates.builders import (
    BACKTEST,
    DAY,
    HEAD,
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

IVY = member(32, "Ivy")
NIGHTS = Recurrence("FREQ=DAILY", "2026-01-01T17:00:00", 7200)
MONTH_END = Recurrence("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31T00:00:00", 86_400)

_RULE = alter(
    RULE,
    requirements=(
        Requirement(
            "test-result",
            (
                Comparison("rate", "number", "<=", ("0.6 %",)),
                Comparison("made_at", "age", "<", ("86400",)),
                Comparison("licences", "set", "excludes", ("gpl",)),
            ),
        ),
    ),
    required_checks=(RequiredCheck("build", "github-actions"), RequiredCheck("scan", "any")),
    findings=FindingsRule("high", ("test-result",), "security"),
    review_time=3600,
    deadline=DeadlineRule(86_400, (3600,), ("security",)),
    windows=(NIGHTS,),
    exclude=("reporting-line",),
    break_glass=BreakGlassRule(("security",), "risk-managers"),
)
_POLICY = alter(
    POLICY,
    groups={**POLICY.groups, "security": Group(github_team="acme/security", github_team_id=13)},
    rules=(_RULE,),
    freezes=(Freeze("month end", recurrence=MONTH_END, emergency=True),),
)
_REPORT = alter(
    BACKTEST,
    fields=(
        Field("rate", "text", "0.4 %"),
        Field("made_at", "text", "2026-11-20T12:00:00Z"),
        Field("licences", "list", '["mit"]'),
    ),
    findings=(FoundIssue("CVE-1", "high"), FoundIssue("CVE-2", "low")),
)
_EXCEPTION = consent(
    IVY, "security", id="exception", decision="except", exception=FindingException("test-result", "CVE-1", "no network")
)


def rich() -> tuple[Policies, Snapshot]:
    """Policies and a snapshot on which a deployment is allowed."""
    policies = alter(POLICIES, repository=_POLICY)
    snapshot = alter(
        SNAPSHOT,
        release=alter(SNAPSHOT.release, head_since=NOW - 2 * HOUR),
        groups=(SENIORS, RISK, GroupFacts("security", (IVY,), NOW - SECOND)),
        consents=(*SNAPSHOT.consents, _EXCEPTION),
        evidence=(_REPORT,),
        calendar=(
            Occurrences(NIGHTS, NOW - DAY, NOW + DAY, ((NOW - HOUR, NOW + HOUR),)),
            Occurrences(MONTH_END, NOW - DAY, NOW + DAY),
        ),
        checks=ChecksFacts(
            (CheckFacts("build", "github-actions", HEAD, "success"), CheckFacts("scan", "status", HEAD, "success")),
            NOW - SECOND,
        ),
        reporting=ReportingFacts(
            tuple(ReportingLine(f"p-{name}", ("p-boss",)) for name in ("alice", "bob", "carol", "ivy")), NOW - SECOND
        ),
        retrospectives=(Retrospective(("g",), "releases/x/release.yaml of #3", "production", NOW + DAY),),
    )
    return policies, under(policies, snapshot)
