"""A release of which everything holds, to be altered by one fact at a time.

Alice asks for intraday-policy 3.2.0 to go to production. Bob (senior developers) and Carol (risk managers)
approved it, the change request is approved by Dan and by Erin of the advisory board, and the pipeline is
about to deploy the merged commit.
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec

from gates.model import (
    ArtifactFacts,
    ChangeApproval,
    ChangeFacts,
    Consent,
    Contributor,
    Contributors,
    DeploymentFacts,
    GroupFacts,
    LogFacts,
    Member,
    NamedDigest,
    Policies,
    PullFacts,
    Question,
    ReleaseFacts,
    SignedDocument,
    Snapshot,
)
from gates.rule import applying_rule, effective_rule
from gates.terms import EffectiveRule
from manifests.policy import (
    BaseRefs,
    Group,
    Policy,
    Rule,
    Seat,
    TenantPolicy,
    TrustedSigner,
    When,
)
from manifests.policy_terms import ChangeRule
from manifests.release import Artifact, ChangePlan, EvidenceReference, Release, Window

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
NOW = 1_795_197_600 * SECOND
"""2026-11-20 18:00 UTC."""

PROPOSED = NOW - 5 * HOUR
HEAD = "a1" * 20
MERGED = "b2" * 20
REVISION = "c3" * 32
PATH = "releases/intraday/release.yaml"
TRAINING_KEY = "SHA256:training"
BACKTEST_KEY = "SHA256:backtest"

S = TypeVar("S", bound=msgspec.Struct)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def alter(struct: S, **fields: Any) -> S:
    return msgspec.structs.replace(struct, **fields)


ARTIFACT = Artifact(name="policy.pt", sha256=sha("policy.pt"), size=1823340, uri="s3://models/intraday/3.2.0/policy.pt")

MANIFEST = Release(
    schema="countersign/release/v1",
    kind="model",
    name="intraday-policy",
    version="3.2.0",
    rationale="Retrained on Q3 data after the drift alert; VaR breaches fall from 1.4 % to 0.6 %.",
    environments=("staging", "production"),
    artifacts=(ARTIFACT,),
    lineage="lineage.dsse.json",
    evidence=(EvidenceReference("test-result", "evidence/backtest.dsse.json"),),
    change=ChangePlan(window=Window(NOW - HOUR, NOW + HOUR)),
)

RULE = Rule(
    name="model to production",
    when=When(kind=("model",), environment=("production",), paths=("releases/**",)),
    seats=(
        Seat("senior-developers", 1, "attested", ("review", "command")),
        Seat("risk-managers", 1, "personal"),
    ),
    gates=("artifacts", "lineage", "rationale", "evidence", "change", "freeze"),
    evidence=("test-result",),
    change=ChangeRule("normal", "Change Management", cab=True),
)

POLICY = Policy(
    schema="countersign/policy/v1",
    groups={
        "senior-developers": Group(github_team="acme/senior-developers", github_team_id=11),
        "risk-managers": Group(github_team="acme/risk", github_team_id=12, servicenow_group="Risk"),
    },
    trust={
        "lineage": (TrustedSigner(TRAINING_KEY, "training cluster"),),
        "test-result": (TrustedSigner(BACKTEST_KEY, "back-test service"),),
    },
    rules=(RULE,),
)

TENANT = TenantPolicy(
    schema="countersign/policy/v1",
    base_refs=(BaseRefs("acme/*", ("main",)),),
    installations=(1,),
)

POLICIES = Policies(TENANT, POLICY, commit="d4" * 20, seen_at=NOW - SECOND)

PULL = PullFacts(
    repository_id=901,
    repository="acme/models",
    number=7,
    state="merged",
    draft=False,
    base_ref="main",
    head_sha=HEAD,
    seen_at=NOW - SECOND,
)

RELEASE = ReleaseFacts(PATH, MANIFEST, REVISION, PROPOSED)

CONTRIBUTORS = Contributors(
    known=(
        Contributor("github:1", "p-alice", "requester"),
        Contributor("github:1", "p-alice", "author", "commit a1a1a1a"),
        Contributor("github:1", "p-alice", "pusher"),
        Contributor("github:9", "p-oscar", "builder"),
    ),
    seen_at=NOW - SECOND,
)


def member(number: int, name: str, **fields: Any) -> Member:
    base = Member(f"github:{number}", f"p-{name.lower()}", name, since=NOW - 90 * DAY)
    return alter(base, **fields)


ALICE = member(1, "Alice")
BOB = member(2, "Bob")
CAROL = member(3, "Carol")
FRANK = member(6, "Frank")
GRACE = member(7, "Grace")

SENIORS = GroupFacts("senior-developers", (ALICE, BOB, FRANK), NOW - SECOND)
RISK = GroupFacts("risk-managers", (CAROL, GRACE), NOW - SECOND)


def rule_of(policies: Policies, snapshot: Snapshot) -> EffectiveRule:
    found = applying_rule(policies, snapshot)
    assert isinstance(found, EffectiveRule), found
    return found


def digest_of(policies: Policies = POLICIES, environment: str = "production") -> str:
    found = effective_rule(policies, RELEASE, PULL, environment)
    assert isinstance(found, EffectiveRule), found
    return found.digest


def consent(who: Member, *groups: str, **fields: Any) -> Consent:
    base = Consent(
        id=f"consent-{who.name.lower()}",
        decision="approve",
        person=who.person,
        account=who.account,
        name=who.name,
        repository_id=901,
        pull_number=7,
        manifest_path=PATH,
        base_ref="main",
        head_sha=HEAD,
        revision=REVISION,
        effective_rule=digest_of(),
        environments=("production",),
        groups=groups,
        artifacts=(ARTIFACT.sha256,),
        strength="personal",
        way="cli",
        issued_at=NOW - 2 * HOUR,
        not_after=NOW + 70 * HOUR,
    )
    return alter(base, **fields)


BOBS = consent(BOB, "senior-developers", strength="attested", way="review")
CAROLS = consent(CAROL, "risk-managers")

LINEAGE = SignedDocument(
    path="lineage.dsse.json",
    type="lineage",
    digest=sha("lineage"),
    signers=(TRAINING_KEY,),
    subjects=(NamedDigest("policy.pt", ARTIFACT.sha256),),
    datasets=(NamedDigest("ticks-2026q3", sha("ticks")),),
)

BACKTEST = SignedDocument(
    path="evidence/backtest.dsse.json",
    type="test-result",
    digest=sha("backtest"),
    signers=(BACKTEST_KEY,),
    subjects=(NamedDigest("policy.pt", ARTIFACT.sha256),),
    result="PASSED",
)


def row(number: int, name: str, group: str, **fields: Any) -> ChangeApproval:
    base = ChangeApproval(
        id=f"row-{number}",
        approver=f"sys{number}",
        person=f"p-{name.lower()}",
        name=name,
        state="approved",
        own_hand=True,
        active=True,
        group=group,
        in_group=True,
        updated_at=NOW - HOUR,
    )
    return alter(base, **fields)


DANS = row(4, "Dan", "Change Management")
ERINS = row(5, "Erin", "CAB Approval")

CHANGE = ChangeFacts(
    number="CHG0030001",
    url="https://example.service-now.com/CHG0030001",
    type="normal",
    state="scheduled",
    start=NOW - HOUR,
    end=NOW + HOUR,
    content_at=NOW - 3 * HOUR,
    approvals=(DANS, ERINS),
    seen_at=NOW - SECOND,
)

DEPLOYMENT = DeploymentFacts(
    commit=MERGED,
    reachable=True,
    revision=REVISION,
    subjects=(NamedDigest("policy.pt", ARTIFACT.sha256),),
    seen_at=NOW - SECOND,
)

SNAPSHOT = Snapshot(
    at=NOW,
    question="deploy",
    environment="production",
    tenant="acme",
    pull=PULL,
    release=RELEASE,
    contributors=CONTRIBUTORS,
    groups=(SENIORS, RISK),
    consents=(BOBS, CAROLS),
    artifacts=(ArtifactFacts("policy.pt", "present", "uri", ARTIFACT.sha256, 1823340),),
    lineage=LINEAGE,
    evidence=(BACKTEST,),
    change=CHANGE,
    deployment=DEPLOYMENT,
    log=LogFacts(last_at=NOW - SECOND),
)


def passing(question: Question = "deploy") -> tuple[Policies, Snapshot]:
    """Policies and a snapshot on which the answer is allow, for either question."""
    if question == "deploy":
        return POLICIES, SNAPSHOT
    pull = alter(PULL, state="open")
    return POLICIES, alter(SNAPSHOT, question="merge", pull=pull, deployment=None)


def under(policies: Policies, snapshot: Snapshot) -> Snapshot:
    """The same snapshot, its consents given under the rule of these policies."""
    digest = rule_of(policies, snapshot).digest
    consents = tuple(alter(consent, effective_rule=digest) for consent in snapshot.consents)
    return alter(snapshot, consents=consents)
