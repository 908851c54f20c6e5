"""What a delivery says, in our own words: frozen events that carry only the facts that are used.

Instants are microseconds since 1970 UTC. A field that GitHub leaves out or sends as null is None.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from integrations.github.port import Account


class _About(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event belongs and who caused it. ``repository`` is ``owner/name``."""

    action: str = ""
    sender: Account | None = None
    repository_id: int | None = None
    repository: str | None = None
    installation_id: int | None = None


class PullRequestEvent(_About, frozen=True, kw_only=True):
    """``base_from``: the base ref before a retarget. ``before`` and ``after``: heads around a push."""

    number: int
    state: str
    head_sha: str
    head_repository_id: int | None
    base_ref: str
    base_sha: str
    title: str
    merged: bool
    draft: bool
    updated_at: int
    closed_at: int | None = None
    merge_commit_sha: str | None = None
    author: Account | None = None
    base_from: str | None = None
    before: str | None = None
    after: str | None = None


class ReviewEvent(_About, frozen=True, kw_only=True):
    """``state`` in lower case. ``commit_sha`` is the head that was reviewed, ``head_sha`` the head at delivery."""

    review_id: int
    author: Account | None
    state: str
    body: str
    commit_sha: str | None
    submitted_at: int | None
    number: int
    head_sha: str
    base_ref: str
    via_app: bool = False


class CommentEvent(_About, frozen=True, kw_only=True):
    """``body_from``: the text before an edit. ``is_pull``: on a pull request, not an issue."""

    comment_id: int
    author: Account | None
    body: str
    created_at: int
    updated_at: int
    number: int
    is_pull: bool
    body_from: str | None = None
    via_app: bool = False
    app_id: int | None = None


class CheckRunEvent(_About, frozen=True, kw_only=True):
    """``requested_action``: the identifier of the button that ``sender`` pressed. ``app``: the App's slug."""

    check_run_id: int
    name: str
    head_sha: str
    external_id: str
    app_id: int | None
    app: str = ""
    conclusion: str | None = None
    requested_action: str | None = None
    pull_numbers: tuple[int, ...] = ()


class CheckSuiteEvent(_About, frozen=True, kw_only=True):
    """``rerequested`` here asks for every check of the commit again."""

    check_suite_id: int
    head_sha: str
    app_id: int | None


class StatusEvent(_About, frozen=True, kw_only=True):
    """A commit status, which anybody who may push can write."""

    sha: str
    context: str
    state: str


class MergeGroupEvent(_About, frozen=True, kw_only=True):
    """``reason``, when destroyed: ``merged``, ``invalidated`` or ``dequeued``."""

    head_sha: str
    head_ref: str
    base_sha: str
    base_ref: str
    reason: str | None = None


class ProtectionRuleEvent(_About, frozen=True, kw_only=True):
    """A deployment waits for us. ``run_id`` comes from the callback's path; its host is never believed."""

    environment: str
    event: str
    run_id: int
    sha: str
    ref: str
    deployment_id: int | None = None
    pull_numbers: tuple[int, ...] = ()


class DeploymentStatusEvent(_About, frozen=True, kw_only=True):
    state: str
    environment: str
    status_id: int
    deployment_id: int
    sha: str
    ref: str
    task: str
    creator: Account | None
    created_at: int
    updated_at: int


class PushEvent(_About, frozen=True, kw_only=True):
    """``changed_paths`` is None when the delivery does not tell them all."""

    ref: str
    before: str
    after: str
    created: bool
    deleted: bool
    forced: bool
    changed_paths: frozenset[str] | None


class MembershipEvent(_About, frozen=True, kw_only=True):
    team_id: int
    team_slug: str
    organisation: str
    member: Account


class OrganisationEvent(_About, frozen=True, kw_only=True):
    """``member_added`` or ``member_removed``. ``member`` is None for an account that is gone."""

    organisation: Account
    member: Account | None


class RoleEvent(_About, frozen=True, kw_only=True):
    """GitHub's event member: somebody's role in a repository was ``added``, ``edited`` or ``removed``. ``permission``
    is what it is now, where that is told; ``member`` is None for an account that is gone."""

    member: Account | None
    permission: str | None = None


class InstallationEvent(_About, frozen=True, kw_only=True):
    """Of the events installation (created, deleted, suspend …) and installation_repositories (added, removed)."""

    account: Account | None


class RepositoryEvent(_About, frozen=True, kw_only=True):
    """``old_name``: ``owner/name`` before a rename or transfer."""

    old_name: str | None


class Other(_About, frozen=True, kw_only=True):
    """An event that Countersign does not use."""

    event: str


Event: TypeAlias = (
    PullRequestEvent
    | ReviewEvent
    | CommentEvent
    | CheckRunEvent
    | CheckSuiteEvent
    | StatusEvent
    | MergeGroupEvent
    | RoleEvent
    | ProtectionRuleEvent
    | DeploymentStatusEvent
    | PushEvent
    | MembershipEvent
    | OrganisationEvent
    | InstallationEvent
    | RepositoryEvent
    | Other
)
