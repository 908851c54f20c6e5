"""What the simulated GitHub remembers. Instants are microseconds since 1970 UTC."""

from __future__ import annotations

import dataclasses
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

AccountType = Literal["User", "Bot", "Organization"]


@dataclasses.dataclass
class User:
    """A person, a bot or an organisation. Commits with ``email`` are linked to it."""

    id: int
    login: str
    type: AccountType
    email: str
    name: str


@dataclasses.dataclass
class Team:
    id: int
    organisation: str
    slug: str
    name: str
    parent: str | None
    created_at: int
    members: dict[str, Literal["active", "pending"]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class App:
    id: int
    slug: str
    owner: User
    bot: User
    key: RSAPublicKey
    webhook_url: str | None
    secret: bytes
    events: frozenset[str] | None
    created_at: int
    permissions: dict[str, str]


@dataclasses.dataclass
class Installation:
    id: int
    app: App
    account: User
    repositories: set[int] | None
    created_at: int
    suspended_at: int | None = None


@dataclasses.dataclass
class Token:
    installation: Installation
    permissions: dict[str, str]
    repositories: frozenset[int] | None
    expires_at: int


@dataclasses.dataclass
class Review:
    id: int
    author: User
    state: str
    body: str
    commit_sha: str
    submitted_at: int


@dataclasses.dataclass
class Comment:
    id: int
    number: int
    author: User
    body: str
    created_at: int
    updated_at: int
    app: App | None = None


@dataclasses.dataclass
class CheckRun:
    id: int
    name: str
    head_sha: str
    app: App
    status: str
    conclusion: str | None
    external_id: str
    details_url: str | None
    title: str | None
    summary: str | None
    text: str | None
    started_at: int
    completed_at: int | None
    suite_id: int


@dataclasses.dataclass
class Status:
    """A commit status: what anybody who may push can write."""

    id: int
    sha: str
    context: str
    state: str
    creator: User
    created_at: int


@dataclasses.dataclass
class Role:
    """What somebody may do in a repository: ``base`` is one of GitHub's own roles, ``name`` may be another word."""

    name: str
    base: str


@dataclasses.dataclass
class Pull:
    id: int
    number: int
    title: str
    body: str
    author: User
    head_ref: str
    head_repository: Repository | None
    head_sha: str
    base_ref: str
    base_sha: str
    created_at: int
    updated_at: int
    draft: bool = False
    state: Literal["open", "closed"] = "open"
    merged_at: int | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    closed_at: int | None = None
    reviews: list[Review] = dataclasses.field(default_factory=list)
    comments: list[Comment] = dataclasses.field(default_factory=list)
    labels: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Deployment:
    id: int
    sha: str
    ref: str
    environment: str
    creator: User
    created_at: int
    updated_at: int
    state: str = "waiting"


@dataclasses.dataclass
class ProtectionAnswer:
    environment: str
    state: str
    comment: str
    app: App


@dataclasses.dataclass
class Run:
    """A workflow run; ``waiting``: environments that wait for the App's protection rule."""

    id: int
    path: str
    event: str
    head_branch: str
    head_sha: str
    actor: User
    triggering_actor: User
    created_at: int
    attempt: int = 1
    status: str = "in_progress"
    waiting: dict[str, Deployment] = dataclasses.field(default_factory=dict)
    answers: list[ProtectionAnswer] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class MergeGroup:
    head_sha: str
    head_ref: str
    base_sha: str
    base_ref: str
    numbers: tuple[int, ...]


@dataclasses.dataclass(eq=False)
class Repository:
    id: int
    owner: User
    name: str
    default_branch: str
    created_at: int
    fork_of: Repository | None = None
    branches: dict[str, str] = dataclasses.field(default_factory=dict)
    pulls: dict[int, Pull] = dataclasses.field(default_factory=dict)
    comments: dict[int, Comment] = dataclasses.field(default_factory=dict)
    check_runs: dict[str, list[CheckRun]] = dataclasses.field(default_factory=dict)
    check_runs_by_id: dict[int, CheckRun] = dataclasses.field(default_factory=dict)
    suites: dict[tuple[str, int], int] = dataclasses.field(default_factory=dict)
    runs: dict[int, Run] = dataclasses.field(default_factory=dict)
    deployments: dict[int, Deployment] = dataclasses.field(default_factory=dict)
    environments: dict[str, int] = dataclasses.field(default_factory=dict)
    merge_groups: dict[str, MergeGroup] = dataclasses.field(default_factory=dict)
    statuses: dict[str, list[Status]] = dataclasses.field(default_factory=dict)
    roles: dict[str, Role] = dataclasses.field(default_factory=dict)
    labels: dict[str, int] = dataclasses.field(default_factory=dict)
    numbers: int = 0

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"


@dataclasses.dataclass
class Delivery:
    """One attempt. ``status_code`` is 0 when nobody could be reached."""

    id: int
    guid: str
    event: str
    action: str | None
    app: App
    installation_id: int | None
    repository_id: int | None
    body: bytes
    delivered_at: int
    redelivery: bool = False
    duration_s: float = 0.0
    status: str = "pending"
    status_code: int = 0
