"""What ServiceNow and the pipeline say in a snapshot."""

from __future__ import annotations

import hashlib

from app.policy.model import ChangeApprovalSaid, ChangeSaid, DeploymentSaid, Facts, Word
from app.policy.people import People
from gates.model import ChangeApproval, ChangeFacts, DeploymentFacts, NamedDigest, Snapshot
from gates.terms import EffectiveRule
from manifests.policy_terms import ChangeRule

NUMBER = "CHG0000001"
GROUP, BOARD = "Change Management", "CAB Approval"


def change_of(facts: Facts, people: People, rule: EffectiveRule | None, at: int, seen: int) -> ChangeFacts | None:
    """The change request that the case describes, or the one that the rule asks for, approved."""
    asked = rule.change if rule else None
    if facts.change is None and asked is None:
        return None
    said, asked = facts.change or ChangeSaid(), asked or ChangeRule()
    if not said.present:
        return None
    approvals = _enough(asked) if said.approvals is None else said.approvals
    return ChangeFacts(
        number=NUMBER,
        url=f"https://example.service-now.com/{NUMBER}",
        type=said.type or asked.type,
        state=said.state,
        start=None if said.window is None else said.window.start.at(at),
        end=None if said.window is None else said.window.end.at(at),
        on_hold=said.on_hold,
        content_at=said.content_at.at(at),
        approvals=tuple(_row(one, number, people, asked, at) for number, one in enumerate(approvals, 1)),
        seen_at=seen,
        problem=said.problem,
    )


def _enough(asked: ChangeRule) -> tuple[ChangeApprovalSaid, ...]:
    own = tuple(ChangeApprovalSaid(Word(f"change-approver-{number}")) for number in range(1, asked.approvals + 1))
    return (*own, ChangeApprovalSaid(Word("board-member"), group=BOARD)) if asked.cab else own


def _row(said: ChangeApprovalSaid, number: int, people: People, asked: ChangeRule, at: int) -> ChangeApproval:
    login = said.by.text
    return ChangeApproval(
        id=f"row-{number}",
        approver=f"sys-{login.lower()}",
        person=people.person(login) if said.linked else None,
        name=login,
        state=said.state,
        own_hand=said.own_hand,
        active=said.active,
        group=said.group or asked.assignment_group or GROUP,
        in_group=said.in_group,
        updated_at=said.at.at(at),
    )


def deployment_of(facts: Facts, bare: Snapshot, commit: str) -> DeploymentFacts | None:
    """What the pipeline asks about; nothing when the question is whether to merge."""
    said = facts.deployment or DeploymentSaid()
    if bare.question != "deploy" or not said.present or bare.release.manifest is None:
        return None
    other = hashlib.sha256(b"another").hexdigest()
    artifacts = bare.release.manifest.artifacts_for(bare.environment)
    return DeploymentFacts(
        commit=commit,
        reachable=said.reachable,
        revision=bare.release.revision if said.same_revision else other,
        subjects=tuple(NamedDigest(one.name, one.sha256 if said.same_artifacts else other) for one in artifacts),
        seen_at=bare.pull.seen_at,
    )
