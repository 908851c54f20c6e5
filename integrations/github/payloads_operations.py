"""Webhook bodies about checks, deployments, pushes and the App itself; the rest is in payloads."""

from __future__ import annotations

import datetime
import re
import urllib.parse

import msgspec

from integrations.github import event_types as events
from integrations.github.parse import micros
from integrations.github.payloads import From, Id, Payload, WithId
from integrations.github.port import Account

# GitHub shows 20 commits of a push on old servers and 2,048 on new ones: at 20 some may hide.
PUSHED_COMMITS_SHOWN = 20
_BRANCHES = "refs/heads/"
_CALLBACK = re.compile(r"/repos/([^/]+/[^/]+)/actions/runs/([0-9]{1,18})/deployment_protection_rule\Z")


class _Numbered(msgspec.Struct):
    number: Id


class _App(msgspec.Struct):
    id: Id
    slug: str | None = None


class _CheckRun(msgspec.Struct):
    id: Id
    name: str
    head_sha: str
    external_id: str | None = None
    conclusion: str | None = None
    app: _App | None = None
    pull_requests: list[_Numbered] | None = None


class _RequestedAction(msgspec.Struct):
    identifier: str | None = None


class CheckRunPayload(Payload, kw_only=True):
    check_run: _CheckRun
    requested_action: _RequestedAction | None = None

    def read(self, event: str) -> events.CheckRunEvent:
        run = self.check_run
        return events.CheckRunEvent(
            check_run_id=run.id,
            name=run.name,
            head_sha=run.head_sha,
            external_id=run.external_id or "",
            app_id=run.app.id if run.app else None,
            app=(run.app.slug or "") if run.app else "",
            conclusion=run.conclusion,
            requested_action=self.requested_action.identifier if self.requested_action else None,
            pull_numbers=_numbers(run.pull_requests),
            **self.about(),
        )


class _CheckSuite(msgspec.Struct):
    id: Id
    head_sha: str
    app: WithId | None = None


class CheckSuitePayload(Payload, kw_only=True):
    check_suite: _CheckSuite

    def read(self, event: str) -> events.CheckSuiteEvent:
        suite = self.check_suite
        return events.CheckSuiteEvent(
            check_suite_id=suite.id,
            head_sha=suite.head_sha,
            app_id=suite.app.id if suite.app else None,
            **self.about(),
        )


class StatusPayload(Payload, kw_only=True):
    sha: str
    context: str
    state: str

    def read(self, event: str) -> events.StatusEvent:
        return events.StatusEvent(sha=self.sha, context=self.context, state=self.state, **self.about())


class _MergeGroup(msgspec.Struct):
    head_sha: str
    head_ref: str
    base_sha: str
    base_ref: str


class MergeGroupPayload(Payload, kw_only=True):
    merge_group: _MergeGroup
    reason: str | None = None

    def read(self, event: str) -> events.MergeGroupEvent:
        group = self.merge_group
        return events.MergeGroupEvent(
            head_sha=group.head_sha,
            head_ref=group.head_ref.removeprefix(_BRANCHES),
            base_sha=group.base_sha,
            base_ref=group.base_ref.removeprefix(_BRANCHES),
            reason=self.reason,
            **self.about(),
        )


class ProtectionRulePayload(Payload, kw_only=True):
    environment: str
    deployment_callback_url: str
    sha: str
    ref: str
    event: str = ""
    deployment: WithId | None = None
    pull_requests: list[_Numbered] | None = None

    def read(self, event: str) -> events.ProtectionRuleEvent:
        return events.ProtectionRuleEvent(
            environment=self.environment,
            event=self.event,
            run_id=self._run_id(),
            sha=self.sha,
            ref=self.ref,
            deployment_id=self.deployment.id if self.deployment else None,
            pull_numbers=_numbers(self.pull_requests),
            **self.about(),
        )

    def _run_id(self) -> int:
        match = _CALLBACK.search(urllib.parse.urlsplit(self.deployment_callback_url).path)
        if match is None or self.repository is None:
            raise ValueError("expected deployment_callback_url to name a run of a repository")
        if match.group(1).lower() != self.repository.full_name.lower():
            raise ValueError("expected deployment_callback_url to name a run of the payload's repository")
        return int(match.group(2))


class _Deployment(msgspec.Struct):
    id: Id
    sha: str
    ref: str
    task: str = ""
    environment: str = ""


class _DeploymentStatus(msgspec.Struct):
    id: Id
    state: str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    environment: str = ""
    creator: Account | None = None


class DeploymentStatusPayload(Payload, kw_only=True):
    deployment_status: _DeploymentStatus
    deployment: _Deployment

    def read(self, event: str) -> events.DeploymentStatusEvent:
        status, deployment = self.deployment_status, self.deployment
        return events.DeploymentStatusEvent(
            state=status.state,
            environment=status.environment or deployment.environment,
            status_id=status.id,
            deployment_id=deployment.id,
            sha=deployment.sha,
            ref=deployment.ref,
            task=deployment.task,
            creator=status.creator,
            created_at=micros(status.created_at),
            updated_at=micros(status.updated_at),
            **self.about(),
        )


class _PushedCommit(msgspec.Struct):
    added: list[str] | None = None
    removed: list[str] | None = None
    modified: list[str] | None = None


class PushPayload(Payload, kw_only=True):
    ref: str
    before: str
    after: str
    created: bool = False
    deleted: bool = False
    forced: bool = False
    commits: tuple[_PushedCommit, ...] = ()

    def read(self, event: str) -> events.PushEvent:
        return events.PushEvent(
            ref=self.ref,
            before=self.before,
            after=self.after,
            created=self.created,
            deleted=self.deleted,
            forced=self.forced,
            changed_paths=self._changed_paths(),
            **self.about(),
        )

    def _changed_paths(self) -> frozenset[str] | None:
        hidden = self.created or self.deleted or self.forced
        if hidden or not 0 < len(self.commits) < PUSHED_COMMITS_SHOWN:
            return None
        paths: set[str] = set()
        for commit in self.commits:
            if commit.added is None or commit.removed is None or commit.modified is None:
                return None
            paths.update(commit.added, commit.removed, commit.modified)
        return frozenset(paths)


class _Team(msgspec.Struct):
    id: Id
    slug: str = ""


class _Organisation(msgspec.Struct):
    login: str


class MembershipPayload(Payload, kw_only=True):
    team: _Team
    member: Account
    organization: _Organisation

    def read(self, event: str) -> events.MembershipEvent:
        return events.MembershipEvent(
            team_id=self.team.id,
            team_slug=self.team.slug,
            organisation=self.organization.login,
            member=self.member,
            **self.about(),
        )


class _OrganisationAccount(msgspec.Struct):
    id: Id
    login: str


class _OfOrganisation(msgspec.Struct):
    user: Account | None = None


class OrganisationPayload(Payload, kw_only=True):
    membership: _OfOrganisation
    organization: _OrganisationAccount

    def read(self, event: str) -> events.OrganisationEvent:
        account = self.organization
        return events.OrganisationEvent(
            organisation=Account(account.id, account.login, "Organization"),
            member=self.membership.user,
            **self.about(),
        )


class _Change(msgspec.Struct):
    to: str | None = None


class _RoleChanges(msgspec.Struct, frozen=True):
    permission: _Change | None = None


class RolePayload(Payload, kw_only=True):
    member: Account | None = None
    changes: _RoleChanges = _RoleChanges()

    def read(self, event: str) -> events.RoleEvent:
        permission = self.changes.permission
        return events.RoleEvent(member=self.member, permission=permission.to if permission else None, **self.about())


class _InstallationAccount(msgspec.Struct):
    """An enterprise has an id but no login."""

    id: Id
    login: str | None = None
    type: str = "Organization"


class _Installation(msgspec.Struct):
    id: Id
    account: _InstallationAccount | None = None


class InstallationPayload(msgspec.Struct, kw_only=True):
    installation: _Installation
    action: str = ""
    sender: Account | None = None

    def read(self, event: str) -> events.InstallationEvent:
        account = self.installation.account
        named = account is not None and account.login is not None
        return events.InstallationEvent(
            action=self.action,
            sender=self.sender,
            installation_id=self.installation.id,
            account=Account(account.id, account.login or "", account.type) if account and named else None,
        )


class _Owner(msgspec.Struct):
    login: str


class _OldOwner(msgspec.Struct):
    user: _Owner | None = None
    organization: _Owner | None = None


class _OwnerChange(msgspec.Struct):
    value: _OldOwner | None = msgspec.field(name="from", default=None)


class _NameChange(msgspec.Struct):
    name: From | None = None


class _RepositoryChanges(msgspec.Struct):
    repository: _NameChange | None = None
    owner: _OwnerChange | None = None


class RepositoryPayload(Payload, kw_only=True):
    changes: _RepositoryChanges | None = None

    def read(self, event: str) -> events.RepositoryEvent:
        return events.RepositoryEvent(old_name=self._old_name(), **self.about())

    def _old_name(self) -> str | None:
        if self.repository is None or self.changes is None:
            return None
        owner, _, name = self.repository.full_name.partition("/")
        renamed = self.changes.repository.name if self.changes.repository else None
        moved = self.changes.owner.value if self.changes.owner else None
        old_owner = (moved.user or moved.organization) if moved else None
        if renamed is not None and renamed.value is not None:
            return f"{owner}/{renamed.value}"
        return f"{old_owner.login}/{name}" if old_owner is not None else None


def _numbers(pulls: list[_Numbered] | None) -> tuple[int, ...]:
    return tuple(pull.number for pull in pulls or ())
