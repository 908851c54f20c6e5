"""The passing case under a rule whose conditions and seats use all of the second form of the policy.

Bob approved an earlier head, and the push since changed nothing of matter. Carol let Dave act for her in the group of
those who are both risk managers and on call. Nobody of them is in Alice's reporting line.
"""

from __future__ import annotations

from gates.model import Delegation, GroupFacts, Policies, Push, ReportingFacts, ReportingLine, Snapshot
from manifests.policy import Group, Seat, Size, When
from manifests.policy_terms import DelegationRule, KeepRule
from tests.gates.builders import (
    BACKTEST,
    BOBS,
    CAROL,
    GRACE,
    HEAD,
    HOUR,
    LINEAGE,
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

DAVE = member(14, "Dave")
OLD = "0d" * 20

_RULE = alter(
    RULE,
    when=When(
        repository=("acme/*",),
        head_ref=("feature/**",),
        labels=("model",),
        risk="moderate",
        size=Size(files=2, lines=100),
        requester=("senior-developers",),
        all=(When(kind=("model",)),),
        any=(When(changed=("models/**",)), When(name=("nothing",))),
        not_=When(base_ref=("legacy",)),
    ),
    seats=(
        Seat("senior-developers", 1, "attested", ("review", "command"), ("test-result",)),
        Seat("risk-on-call", 1, "personal", ("cli",), ("lineage", "test-result")),
    ),
    veto=("on-call",),
    exclude=("reporting-line",),
    keep=KeepRule(("models/**",)),
    delegation=DelegationRule(),
)
_POLICY = alter(
    POLICY,
    groups={
        **POLICY.groups,
        "on-call": Group(github_team="acme/on-call", github_team_id=14),
        "risk-on-call": Group(all_of=("risk-managers", "on-call")),
    },
    rules=(_RULE,),
)
_SHOWN = (LINEAGE.digest, BACKTEST.digest)
_BOBS = alter(BOBS, head_sha=OLD, shown=_SHOWN[1:])
_GIVEN = consent(
    CAROL,
    "risk-on-call",
    id="given",
    decision="delegate",
    delegation=Delegation(DAVE.person, DAVE.account, NOW - 3 * HOUR, "release"),
)
_DAVES = consent(DAVE, "risk-on-call", shown=_SHOWN)


def passing_full() -> tuple[Policies, Snapshot]:
    """Policies and a snapshot on which a deployment is allowed."""
    policies = alter(POLICIES, repository=_POLICY)
    snapshot = alter(
        SNAPSHOT,
        pull=alter(
            SNAPSHOT.pull, head_ref="feature/q3", labels=("Model",), changed=("models/policy.pt",), files=1, lines=120
        ),
        groups=(SENIORS, RISK, GroupFacts("on-call", (CAROL, GRACE), NOW - SECOND)),
        consents=(_BOBS, _DAVES, _GIVEN),
        pushes=(Push(OLD, HEAD, ("docs/guide.md",)),),
        reporting=ReportingFacts(
            tuple(ReportingLine(f"p-{name}", ("p-boss",)) for name in ("alice", "bob", "carol", "dave")), NOW - SECOND
        ),
    )
    return policies, under(policies, snapshot)
