"""What Countersign asks of GitHub, in its own words.

Instants are microseconds since 1970 UTC. Repositories are named by ``owner/name`` for the call and known by
id; a client never follows a URL out of a payload. Every method raises integrations.errors.NeighbourError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec


class Account(msgspec.Struct, frozen=True):
    """A GitHub account. ``type`` is ``User``, ``Bot``, ``Organization`` or ``Mannequin``."""

    id: int
    login: str
    type: str = "User"


class Pull(msgspec.Struct, frozen=True):
    """``head_ref`` is the branch it comes from, as ``owner:branch`` where that is a fork, None when that is not known;
    ``labels`` are the names of its labels; ``merged_at`` is None where it was not merged."""

    number: int
    state: Literal["open", "closed"]
    merged: bool
    draft: bool
    title: str
    author: Account | None
    head_sha: str
    head_repository_id: int | None
    base_ref: str
    base_sha: str
    base_repository_id: int
    merge_commit_sha: str | None
    updated_at: int
    head_ref: str | None = None
    labels: tuple[str, ...] | None = None
    merged_at: int | None = None


class Commit(msgspec.Struct, frozen=True):
    """A commit of a pull request. An account is None when its e-mail is linked to none."""

    sha: str
    parents: tuple[str, ...]
    author: Account | None
    committer: Account | None
    author_email: str
    committer_email: str
    message: str
    verified: bool


class ChangedFile(msgspec.Struct, frozen=True):
    """``additions`` and ``deletions`` are lines; GitHub counts none of a binary file."""

    path: str
    status: str
    previous_path: str | None = None
    additions: int = 0
    deletions: int = 0


class TreeEntry(msgspec.Struct, frozen=True):
    """A file, link or submodule in a tree: its Git mode (``100644``) and object id."""

    path: str
    mode: str
    sha: str


class Review(msgspec.Struct, frozen=True):
    id: int
    author: Account | None
    state: str
    body: str
    commit_sha: str | None
    submitted_at: int | None


class Comment(msgspec.Struct, frozen=True):
    id: int
    author: Account | None
    body: str
    created_at: int
    updated_at: int
    by_app: int | None = None


class Team(msgspec.Struct, frozen=True):
    id: int
    slug: str
    organisation: str


class CheckRun(msgspec.Struct, frozen=True):
    """A check run to post or as posted; ``conclusion`` None means still in progress."""

    name: str
    head_sha: str
    conclusion: Literal["success", "failure", "action_required"] | None
    title: str
    summary: str
    external_id: str
    details_url: str | None = None
    id: int | None = None


class OtherCheck(msgspec.Struct, frozen=True):
    """The newest check run of one name and App (its slug), or the newest commit status of one context (``app`` is
    ``status`` then). ``conclusion`` is empty while it is under way."""

    name: str
    app: str
    conclusion: str = ""


class Collaborator(msgspec.Struct, frozen=True):
    """Who may do what in a repository. ``permission`` is what the role comes to, whatever it is called: ``admin``,
    ``maintain``, ``write``, ``triage`` or ``read``; empty when GitHub does not say."""

    account: Account
    permission: str


class WorkflowRun(msgspec.Struct, frozen=True):
    id: int
    path: str
    event: str
    head_sha: str
    run_attempt: int
    actor: Account | None
    triggering_actor: Account | None


class GitHub(Protocol):
    """One installation of the App on one account."""

    async def pull(self, repository: str, number: int) -> Pull: ...
    async def open_pulls(self, repository: str, base_ref: str | None = None) -> tuple[Pull, ...]: ...
    async def pull_commits(self, repository: str, number: int) -> tuple[Commit, ...]:
        """All of them, or NeighbourError when GitHub's limit of 250 hides some."""
        ...

    async def pull_files(self, repository: str, number: int) -> tuple[ChangedFile, ...]: ...
    async def branch_sha(self, repository: str, ref: str) -> str:
        """The commit a branch points at."""
        ...

    async def tree_sha(self, repository: str, commit: str) -> str: ...
    async def tree_entries(self, repository: str, tree: str) -> tuple[TreeEntry, ...] | None:
        """Everything in a tree and below but the folders themselves; None when GitHub does not show it all."""
        ...

    async def file(self, repository: str, path: str, commit: str, limit: int) -> bytes:
        """Exact bytes of a file at a commit; RefusedError when larger than ``limit`` bytes or not a file."""
        ...

    async def contains(self, repository: str, commit: str, ref: str) -> bool:
        """Whether the commit is reachable from the branch."""
        ...

    async def changed_between(self, repository: str, base: str, head: str) -> tuple[ChangedFile, ...]: ...
    async def pulls_of_commit(self, repository: str, commit: str) -> tuple[Pull, ...]: ...
    async def reviews(self, repository: str, number: int) -> tuple[Review, ...]: ...
    async def review(self, repository: str, number: int, review_id: int) -> Review: ...
    async def comments(self, repository: str, number: int) -> tuple[Comment, ...]: ...
    async def comment(self, repository: str, comment_id: int) -> Comment: ...
    async def create_comment(self, repository: str, number: int, body: str) -> Comment: ...
    async def edit_comment(self, repository: str, comment_id: int, body: str) -> Comment: ...
    async def create_check_run(self, repository: str, check: CheckRun) -> CheckRun: ...
    async def check_runs(self, repository: str, commit: str, name: str) -> tuple[CheckRun, ...]:
        """Those of this App and this name, newest first."""
        ...

    async def other_checks(self, repository: str, commit: str) -> tuple[OtherCheck, ...]:
        """The checks of all other Apps and the commit statuses."""
        ...

    async def team(self, organisation: str, slug: str) -> Team: ...
    async def direct_members(self, team: Team) -> tuple[Account, ...]:
        """Active members of the team itself: who belongs to it only through a child team is left out, and so
        is whoever belongs to both, because the two cannot be told apart."""
        ...

    async def organisation_members(self, organisation: str) -> tuple[Account, ...]:
        """Active members and owners, whether they show it or not."""
        ...

    async def collaborators(self, repository: str) -> tuple[Collaborator, ...]:
        """Everybody with a role in it, also by a team, the organisation's base permission or as an owner."""
        ...

    async def account(self, login: str) -> Account: ...
    async def workflow_run(self, repository: str, run_id: int) -> WorkflowRun: ...
    async def answer_protection_rule(
        self,
        repository: str,
        run_id: int,
        environment: str,
        state: Literal["approved", "rejected"],
        comment: str,
    ) -> None: ...
    async def pending_environments(self, repository: str, run_id: int) -> Sequence[str]:
        """Environments a run still waits for: read before a protection rule is answered again."""
        ...


class GitHubApp(Protocol):
    """The App itself; gives one client per installation."""

    def installation(self, installation_id: int) -> GitHub: ...
    async def app_id(self) -> int:
        """GET /app: proves that the key and the id belong together."""
        ...

    async def installation_ids(self) -> tuple[int, ...]: ...
    async def repositories(self, installation_id: int) -> tuple[tuple[int, str], ...]:
        """(id, owner/name) of what an installation may see."""
        ...

    async def failed_deliveries(self, since: int) -> tuple[int, ...]:
        """Ids of deliveries of this App's webhook since then of whose guid no attempt succeeded."""
        ...

    async def redeliver(self, delivery_id: int) -> None: ...
    async def close(self) -> None: ...
