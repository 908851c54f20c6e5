"""GitHub's JSON as typed objects: only the fields that are used, so that old and new servers both parse."""

from __future__ import annotations

import datetime
from typing import Literal, TypeAlias

import msgspec

from integrations.github.port import (
    Account,
    ChangedFile,
    CheckRun,
    Comment,
    Commit,
    Pull,
    Review,
    Team,
    WorkflowRun,
)

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


def micros(instant: datetime.datetime) -> int:
    """Microseconds since 1970 UTC. GitHub's times carry a zone; one without is read as UTC."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=datetime.UTC)
    return (instant - _EPOCH) // _MICROSECOND


def micros_or_none(instant: datetime.datetime | None) -> int | None:
    return None if instant is None else micros(instant)


class Id(msgspec.Struct):
    id: int


class Sha(msgspec.Struct):
    sha: str


class Named(msgspec.Struct):
    name: str


class PullEnd(msgspec.Struct):
    """``head`` or ``base`` of a pull request; the repository of a head is null when the fork is gone."""

    sha: str
    ref: str
    repo: Id | None = None
    label: str | None = None


class RestBase(msgspec.Struct):
    sha: str
    ref: str
    repo: Id


class RestPull(msgspec.Struct):
    number: int
    state: Literal["open", "closed"]
    title: str
    user: Account | None
    head: PullEnd
    base: RestBase
    updated_at: datetime.datetime
    draft: bool = False
    merged_at: datetime.datetime | None = None
    merge_commit_sha: str | None = None
    labels: list[Named] | None = None

    def read(self) -> Pull:
        return Pull(
            number=self.number,
            state=self.state,
            merged=self.merged_at is not None,
            draft=self.draft,
            title=self.title,
            author=self.user,
            head_sha=self.head.sha,
            head_repository_id=self.head.repo.id if self.head.repo else None,
            base_ref=self.base.ref,
            base_sha=self.base.sha,
            base_repository_id=self.base.repo.id,
            merge_commit_sha=self.merge_commit_sha,
            updated_at=micros(self.updated_at),
            head_ref=self._head_ref(),
            labels=None if self.labels is None else tuple(label.name for label in self.labels),
            merged_at=None if self.merged_at is None else micros(self.merged_at),
        )

    def _head_ref(self) -> str | None:
        """GitHub labels every head ``owner:branch``; a fork that is gone is labelled by who had it, or not at all."""
        if self.head.repo is not None and self.head.repo.id == self.base.repo.id:
            return self.head.ref
        return self.head.label


class _MaybeAccount(msgspec.Struct):
    """An account, or GitHub's empty object for one that it does not know."""

    id: int | None = None
    login: str | None = None
    type: str = "User"

    def read(self) -> Account | None:
        if self.id is None or self.login is None:
            return None
        return Account(self.id, self.login, self.type)


class _Signature(msgspec.Struct):
    email: str | None = None


class _Verification(msgspec.Struct):
    verified: bool = False


class _GitCommit(msgspec.Struct):
    message: str
    author: _Signature | None = None
    committer: _Signature | None = None
    verification: _Verification | None = None


class RestCommit(msgspec.Struct):
    sha: str
    commit: _GitCommit
    parents: list[Sha]
    author: _MaybeAccount | None = None
    committer: _MaybeAccount | None = None

    def read(self) -> Commit:
        git = self.commit
        return Commit(
            sha=self.sha,
            parents=tuple(parent.sha for parent in self.parents),
            author=self.author.read() if self.author else None,
            committer=self.committer.read() if self.committer else None,
            author_email=(git.author.email or "") if git.author else "",
            committer_email=(git.committer.email or "") if git.committer else "",
            message=git.message,
            verified=git.verification.verified if git.verification else False,
        )


class RestFile(msgspec.Struct):
    filename: str
    status: str
    previous_filename: str | None = None
    additions: int = 0
    deletions: int = 0

    def read(self) -> ChangedFile:
        return ChangedFile(self.filename, self.status, self.previous_filename, self.additions, self.deletions)


class RestReview(msgspec.Struct):
    id: int
    state: str
    user: Account | None = None
    body: str | None = None
    commit_id: str | None = None
    submitted_at: datetime.datetime | None = None

    def read(self) -> Review:
        """``state`` in lower case: REST and webhooks disagree about it."""
        return Review(
            self.id,
            self.user,
            self.state.lower(),
            self.body or "",
            self.commit_id,
            micros_or_none(self.submitted_at),
        )


class RestComment(msgspec.Struct):
    id: int
    created_at: datetime.datetime
    updated_at: datetime.datetime
    user: Account | None = None
    body: str | None = None
    performed_via_github_app: Id | None = None

    def read(self) -> Comment:
        app = self.performed_via_github_app
        return Comment(
            self.id,
            self.user,
            self.body or "",
            micros(self.created_at),
            micros(self.updated_at),
            app.id if app else None,
        )


Conclusion: TypeAlias = Literal["success", "failure", "action_required"]
_OURS: dict[str, Conclusion] = {
    "success": "success",
    "failure": "failure",
    "action_required": "action_required",
}


class _Output(msgspec.Struct):
    title: str | None = None
    summary: str | None = None


class RestCheckRun(msgspec.Struct):
    id: int
    name: str
    head_sha: str
    conclusion: str | None = None
    external_id: str | None = None
    details_url: str | None = None
    output: _Output | None = None

    def read(self) -> CheckRun | None:
        """None for a conclusion that we never post, such as GitHub's ``stale``: it says nothing of ours."""
        conclusion: Conclusion | None = None
        if self.conclusion is not None:
            conclusion = _OURS.get(self.conclusion)
            if conclusion is None:
                return None
        output = self.output or _Output()
        return CheckRun(
            name=self.name,
            head_sha=self.head_sha,
            conclusion=conclusion,
            title=output.title or "",
            summary=output.summary or "",
            external_id=self.external_id or "",
            details_url=self.details_url,
            id=self.id,
        )


class _Login(msgspec.Struct):
    login: str


class RestTeam(msgspec.Struct):
    id: int
    slug: str
    organization: _Login

    def read(self) -> Team:
        return Team(self.id, self.slug, self.organization.login)


class TeamInList(msgspec.Struct):
    id: int
    slug: str


class RestRun(msgspec.Struct):
    id: int
    event: str
    head_sha: str
    path: str = ""
    run_attempt: int = 1
    actor: Account | None = None
    triggering_actor: Account | None = None

    def read(self) -> WorkflowRun:
        return WorkflowRun(
            self.id,
            self.path,
            self.event,
            self.head_sha,
            self.run_attempt,
            self.actor,
            self.triggering_actor,
        )


class RestContent(msgspec.Struct):
    """A file at a commit. ``encoding`` is ``none`` above 1 MB: the bytes need a call of their own."""

    type: str
    size: int
    sha: str
    encoding: str | None = None
    content: str | None = None


class _GitObject(msgspec.Struct):
    type: str
    sha: str


class RestRef(msgspec.Struct):
    ref: str
    object: _GitObject


class RestGitCommit(msgspec.Struct):
    sha: str
    tree: Sha


class RestCompare(msgspec.Struct):
    status: Literal["diverged", "ahead", "behind", "identical"]
    files: list[RestFile] = []


class RestToken(msgspec.Struct):
    token: str
    expires_at: datetime.datetime


class RestRepository(msgspec.Struct):
    id: int
    full_name: str


class Repositories(msgspec.Struct):
    repositories: list[RestRepository]


class CheckRuns(msgspec.Struct):
    check_runs: list[RestCheckRun]


class _Environment(msgspec.Struct):
    name: str


class PendingDeployment(msgspec.Struct):
    environment: _Environment


class RestDelivery(msgspec.Struct):
    id: int
    guid: str
    delivered_at: datetime.datetime
    status_code: int
