"""Approvals of a change request that fill seats: from rows of ServiceNow to grants and voids. Pure.

A row counts where the rule's seat accepts it, once its person is known: approved by the approver's own hand, for the
very content that the release has now, after the last change of that content. The server attests what it read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from app.changes.store import StoredChange
from app.changes.wanted import content_of, wanted_change
from app.clock import SECOND
from app.consents.store import NewGrant, StoredGrant
from app.facts.view import PullView, ReleaseView
from app.people.service import servicenow_account
from app.privacy.names import mark
from app.pulls.admission import changed_mind, groups_of, obstacle, withdrew
from app.pulls.signing import Act, Actor, Signer, consent_of, memberships_of
from app.pulls.situation import Consented, Situation, Void
from gates.model import ChangeApproval
from gates.terms import EffectiveRule
from manifests.policy import Way

WAY: Way = "servicenow"
AHEAD_S = 5
"""Seconds by which ServiceNow's clock may be ahead of ours."""


class Changes(msgspec.Struct, frozen=True):
    """The change requests of a pull request's releases by path and environment, and where people find Countersign."""

    known: Mapping[tuple[str, str], StoredChange]
    public_url: str


def concerns(situation: Situation) -> bool:
    """Whether change requests have to be looked at: a seat accepts their approvals, or one was recorded."""
    rules = [rule for release in situation.view.releases for rule in release.rules.values()]
    accepts = any(WAY in seat.accept for rule in rules if isinstance(rule, EffectiveRule) for seat in rule.seats)
    return accepts or any(grant.consent.way == WAY for grant in situation.grants)


def approving(signer: Signer, situation: Situation, heard: Consented, changes: Changes) -> Consented:
    """``heard``, with the grants and voids that follow from what people did in ServiceNow."""
    judge = _Judge(signer, situation, heard, changes)
    voids = [*heard.voids, *judge.voids()]
    grants = list(judge.grants())
    lifted = [void for grant in grants for void in judge.lifted(grant)]
    unique = {void.grant.id: void for void in reversed([*voids, *lifted])}
    return msgspec.structs.replace(heard, grants=(*heard.grants, *grants), voids=tuple(unique.values()))


class _Judge:
    def __init__(self, signer: Signer, situation: Situation, heard: Consented, changes: Changes) -> None:
        self._signer = signer
        self._at = situation
        self._changes = changes
        gone = {void.grant.id for void in heard.voids}
        self._active = [g for g in situation.grants if g.void_reason is None and g.id not in gone]
        self._heard = [grant.consent for grant in heard.grants]

    def grants(self) -> Iterable[NewGrant]:
        for view in self._at.view.releases:
            for environment, rule in view.rules.items():
                change = self._changes.known.get((view.path, environment))
                if not isinstance(rule, EffectiveRule) or change is None or change.facts.problem:
                    continue
                if self._outdated(view, change):
                    continue
                for row in change.facts.approvals:
                    groups = self._groups(view, environment, rule, row)
                    if groups and not _objection(row, change, self._at.now) and self._is_new(view, environment, row):
                        yield self._granted(view, environment, rule, row, groups, change)

    def voids(self) -> Iterable[Void]:
        """Grants whose row no longer says what it said, or whose change says something else by now."""
        releases = {self._at.releases[view.path].id: view for view in self._at.view.releases}
        for grant in self._active:
            view = releases.get(grant.release_id)
            if grant.consent.way != WAY or grant.consent.decision != "approve" or view is None:
                continue
            change = self._changes.known.get((view.path, grant.consent.environments[0]))
            if why := self._against(grant, view, change):
                yield Void(grant, why, grant.object)

    def lifted(self, grant: NewGrant) -> Iterable[Void]:
        """Who approves what they rejected or held before has changed their mind."""
        view = self._at.view.release(grant.consent.manifest_path)
        if view is not None:
            said = [*(one.consent for one in self._active), *self._heard, grant.consent]
            for before in changed_mind(self._active, said, grant.consent, view):
                yield Void(before, "the same person approved since", grant.object)

    def _against(self, grant: StoredGrant, view: ReleaseView, change: StoredChange | None) -> str:
        if change is None or not change.sys_id or self._outdated(view, change):
            return "the release changed since it was approved in ServiceNow"
        if change.facts.problem:
            return ""  # It was not read now; how old the last look is, the gate judges.
        row = next((row for row in change.facts.approvals if grant.object == _object(row)), None)
        if row is None:
            return "the approval is no longer there in ServiceNow"
        if servicenow_account(row.approver) != grant.consent.account or row.person != grant.consent.person:
            return "the approval in ServiceNow is somebody else's now"
        return _objection(row, change, self._at.now)

    def _outdated(self, view: ReleaseView, change: StoredChange) -> bool:
        """Whether the change request says anything else than the release, its head and its rule as they are now."""
        rule = view.rules.get(change.environment)
        if not isinstance(rule, EffectiveRule):
            return True
        release = self._at.releases[view.path]
        wanted = wanted_change(self._at.view, view, release, change.environment, rule, self._changes.public_url)
        return wanted is None or content_of(wanted) != change.content

    def _groups(self, view: ReleaseView, environment: str, rule: EffectiveRule, row: ChangeApproval) -> tuple[str, ...]:
        """The groups that the row's person belongs to, if a seat of one of them accepts it."""
        groups = groups_of(view.joined(environment), servicenow_account(row.approver))
        accepting = {seat.group for seat in rule.seats if WAY in seat.accept}
        return groups if accepting & set(groups) else ()

    def _is_new(self, view: ReleaseView, environment: str, row: ChangeApproval) -> bool:
        """Not recorded before, nor in the way of what the person or the pull request did since."""
        at, head = self._at, self._at.view.pull.head_sha
        known = (
            grant.consent
            for grant in at.grants
            if grant.object == _object(row) and grant.release_id == at.releases[view.path].id
        )
        if any(
            (one.head_sha, one.issued_at, one.environments) == (head, row.updated_at, (environment,)) for one in known
        ):
            return False
        accounts = _accounts(at.view, row.person or "")
        if any(withdrew(at.observations, account, row.updated_at) for account in accounts):
            return False
        account = servicenow_account(row.approver)
        return obstacle(at.view, at.heads, at.observations, head, account, row.updated_at) is None

    def _granted(
        self, view: ReleaseView, environment: str, rule: EffectiveRule, row: ChangeApproval, groups: tuple[str, ...],
        change: StoredChange,
    ) -> NewGrant:  # fmt: skip
        account = servicenow_account(row.approver)
        act = Act(
            decision="approve", environments=(environment,), groups=groups, way=WAY, strength="attested",
            issued_at=row.updated_at,
        )  # fmt: skip
        actor = Actor(row.person or "", account, mark(account))
        consent = consent_of(self._signer.new_id(), self._at.view, view, actor, act, rule)
        # What the change request said is what its approvers were shown.
        displayed = change.content.partition(":")[2]
        return self._signer.attest(
            consent, self._at.releases[view.path], self._at.view, view, _object(row), displayed,
            memberships_of(view, (environment,), groups),
        )  # fmt: skip


def _objection(row: ChangeApproval, change: StoredChange, now: int) -> str:
    """Why the row is no consent of its person's; empty when it is one."""
    if row.state != "approved":
        return f"it is {row.state or 'nothing'} in ServiceNow now"
    if not row.own_hand:
        return "somebody else wrote the approval in ServiceNow last"
    if not row.active or not row.in_group:
        return "the approver is no longer active or no longer in the group that was asked in ServiceNow"
    if not row.person:
        return "the ServiceNow account is not linked to a known person"
    if row.updated_at <= max(change.content_at, change.facts.content_at):
        return "the change request was altered after the approval"
    if row.updated_at > now + AHEAD_S * SECOND:
        return "the approval in ServiceNow is dated in the future"
    return ""


def _object(row: ChangeApproval) -> str:
    return f"approval:{row.id}"


def _accounts(view: PullView, person: str) -> set[str]:
    """The accounts that a person is known by in the groups of the pull request."""
    groups = (group for release in view.releases for name in release.groups for group in release.joined(name))
    return {member.account for group in groups for member in group.members if person and member.person == person}
