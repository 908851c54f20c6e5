"""GitHub's webhook bodies as they come over the wire, each read into one of integrations.github.event_types.

Only the fields that are used are declared: bodies of old servers fail GitHub's own schema and must still parse.
"""

from __future__ import annotations

import datetime
from typing import Annotated, TypedDict

import msgspec

from integrations.github import event_types as events
from integrations.github.parse import PullEnd, micros, micros_or_none
from integrations.github.port import Account

Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Repository(msgspec.Struct):
    id: Id
    full_name: str


class WithId(msgspec.Struct):
    id: Id


class _About(TypedDict):
    action: str
    sender: Account | None
    repository_id: int | None
    repository: str | None
    installation_id: int | None


class Payload(msgspec.Struct, kw_only=True):
    """What every payload may carry."""

    action: str | None = None
    sender: Account | None = None
    repository: _Repository | None = None
    installation: WithId | None = None

    def about(self) -> _About:
        return {
            "action": self.action or "",
            "sender": self.sender,
            "repository_id": self.repository.id if self.repository else None,
            "repository": self.repository.full_name if self.repository else None,
            "installation_id": self.installation.id if self.installation else None,
        }


class OtherPayload(Payload, kw_only=True):
    def read(self, event: str) -> events.Other:
        return events.Other(event=event, **self.about())


class From(msgspec.Struct):
    value: str | None = msgspec.field(name="from", default=None)


class _BaseChange(msgspec.Struct):
    ref: From | None = None


class _PullChanges(msgspec.Struct):
    base: _BaseChange | None = None


class _Pull(msgspec.Struct):
    number: Id
    state: str
    title: str
    head: PullEnd
    base: PullEnd
    updated_at: datetime.datetime
    user: Account | None = None
    merged: bool | None = None
    merged_at: datetime.datetime | None = None
    draft: bool | None = None
    closed_at: datetime.datetime | None = None
    merge_commit_sha: str | None = None


class PullRequestPayload(Payload, kw_only=True):
    pull_request: _Pull
    changes: _PullChanges | None = None
    before: str | None = None
    after: str | None = None

    def read(self, event: str) -> events.PullRequestEvent:
        pull = self.pull_request
        base = self.changes.base if self.changes else None
        return events.PullRequestEvent(
            number=pull.number,
            state=pull.state,
            head_sha=pull.head.sha,
            head_repository_id=pull.head.repo.id if pull.head.repo else None,
            base_ref=pull.base.ref,
            base_sha=pull.base.sha,
            title=pull.title,
            merged=bool(pull.merged) or pull.merged_at is not None,
            draft=bool(pull.draft),
            updated_at=micros(pull.updated_at),
            closed_at=micros_or_none(pull.closed_at),
            merge_commit_sha=pull.merge_commit_sha,
            author=pull.user,
            base_from=base.ref.value if base and base.ref else None,
            before=self.before,
            after=self.after,
            **self.about(),
        )


class _PullOfReview(msgspec.Struct):
    number: Id
    head: PullEnd
    base: PullEnd


class _Review(msgspec.Struct):
    id: Id
    state: str
    user: Account | None = None
    body: str | None = None
    commit_id: str | None = None
    submitted_at: datetime.datetime | None = None
    performed_via_github_app: WithId | None = None


class ReviewPayload(Payload, kw_only=True):
    review: _Review
    pull_request: _PullOfReview

    def read(self, event: str) -> events.ReviewEvent:
        review = self.review
        return events.ReviewEvent(
            review_id=review.id,
            author=review.user,
            state=review.state.lower(),
            body=review.body or "",
            commit_sha=review.commit_id,
            submitted_at=micros_or_none(review.submitted_at),
            number=self.pull_request.number,
            head_sha=self.pull_request.head.sha,
            base_ref=self.pull_request.base.ref,
            via_app=review.performed_via_github_app is not None,
            **self.about(),
        )


class _Comment(msgspec.Struct):
    id: Id
    created_at: datetime.datetime
    updated_at: datetime.datetime
    user: Account | None = None
    body: str | None = None
    performed_via_github_app: WithId | None = None


class _PullOfIssue(msgspec.Struct):
    """An issue has this field exactly when it is a pull request."""


class _Issue(msgspec.Struct):
    number: Id
    pull_request: _PullOfIssue | None = None


class _CommentChanges(msgspec.Struct):
    body: From | None = None


class CommentPayload(Payload, kw_only=True):
    comment: _Comment
    issue: _Issue
    changes: _CommentChanges | None = None

    def read(self, event: str) -> events.CommentEvent:
        comment = self.comment
        before = self.changes.body if self.changes else None
        app = comment.performed_via_github_app
        return events.CommentEvent(
            comment_id=comment.id,
            author=comment.user,
            body=comment.body or "",
            created_at=micros(comment.created_at),
            updated_at=micros(comment.updated_at),
            number=self.issue.number,
            is_pull=self.issue.pull_request is not None,
            body_from=before.value if before else None,
            via_app=app is not None,
            app_id=app.id if app else None,
            **self.about(),
        )
