"""GitHub's response objects for accounts, repositories, commits and files, with every required field."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import quote

import msgspec

from integrations.github.simulator.model import App, Installation, Repository, Team, User
from integrations.github.simulator.objects import Change, Identity, StoredCommit
from integrations.github.simulator.world import World

Json: TypeAlias = dict[str, object]
_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPO_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_COUNTS = ("forks", "forks_count", "open_issues", "open_issues_count", "watchers", "watchers_count")
_FLAGS = ("has_downloads", "has_issues", "has_projects", "has_wiki")


def iso(at: int) -> str:
    """Microseconds since 1970 UTC as GitHub writes an instant: whole seconds, Z."""
    instant = datetime.datetime.fromtimestamp(at // 1_000_000, datetime.UTC)
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_or_none(at: int | None) -> str | None:
    return None if at is None else iso(at)


def node(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}{number}".encode()).decode()


class Render:
    """Makes response objects. ``base`` is the address of both the API and the pages, without a last slash.

    Accounts and repositories are encoded once: they stand many times in every answer.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.base = "http://127.0.0.1"
        self._users: dict[int, tuple[str, msgspec.Raw]] = {}
        self._repositories: dict[int, tuple[str, msgspec.Raw]] = {}

    def user_fields(self, user: User) -> Json:
        login = quote(user.login)
        url = f"{self.base}/users/{login}"
        return {
            "login": user.login,
            "id": user.id,
            "node_id": node("U", user.id),
            "avatar_url": f"{self.base}/avatars/{user.id}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.base}/{login}",
            **{name: url + path for name, path in _USER_LINKS.items()},
            "type": user.type,
            "site_admin": False,
        }

    def user(self, user: User) -> msgspec.Raw:
        known = self._users.get(user.id)
        if known is None or known[0] != user.login:
            known = (user.login, msgspec.Raw(msgspec.json.encode(self.user_fields(user))))
            self._users[user.id] = known
        return known[1]

    def user_or_none(self, user: User | None) -> msgspec.Raw | None:
        return None if user is None else self.user(user)

    def public_user(self, user: User) -> Json:
        at = "2020-01-01T00:00:00Z"
        nothing = dict.fromkeys(("bio", "blog", "company", "email", "hireable", "location"))
        counts = dict.fromkeys(("followers", "following", "public_gists", "public_repos"), 0)
        return {
            **self.user_fields(user),
            **nothing,
            **counts,
            "name": user.name,
            "created_at": at,
            "updated_at": at,
        }

    def repository(self, repository: Repository) -> msgspec.Raw:
        state = f"{repository.full_name} {repository.default_branch}"
        known = self._repositories.get(repository.id)
        if known is None or known[0] != state:
            known = (state, msgspec.Raw(msgspec.json.encode(self._repository(repository))))
            self._repositories[repository.id] = known
        return known[1]

    def _repository(self, repository: Repository) -> Json:
        url = self.repository_url(repository)
        html = f"{self.base}/{repository.full_name}"
        at = iso(repository.created_at)
        return {
            "id": repository.id,
            "node_id": node("R", repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "private": True,
            "owner": self.user(repository.owner),
            "html_url": html,
            "description": None,
            "fork": repository.fork_of is not None,
            "url": url,
            **{name: url + path for name, path in _REPO_LINKS.items()},
            "clone_url": html + ".git",
            "git_url": html + ".git",
            "ssh_url": html + ".git",
            "svn_url": html,
            "mirror_url": None,
            "homepage": None,
            "language": None,
            "license": None,
            "default_branch": repository.default_branch,
            **dict.fromkeys(_COUNTS, 0),
            **dict.fromkeys(_FLAGS, True),
            "has_pages": False,
            "has_discussions": False,
            "stargazers_count": 0,
            "size": 0,
            "archived": False,
            "disabled": False,
            "visibility": "private",
            "topics": [],
            "allow_forking": True,
            "is_template": False,
            "web_commit_signoff_required": False,
            "created_at": at,
            "updated_at": at,
            "pushed_at": at,
        }

    def repository_url(self, repository: Repository) -> str:
        return f"{self.base}/repos/{repository.full_name}"

    def app(self, app: App) -> Json:
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": node("A", app.id),
            "client_id": f"Iv1.{app.id:016x}",
            "owner": self.user(app.owner),
            "name": app.slug,
            "description": "",
            "external_url": f"{self.base}/apps/{app.slug}",
            "html_url": f"{self.base}/apps/{app.slug}",
            "created_at": iso(app.created_at),
            "updated_at": iso(app.created_at),
            "permissions": app.permissions,
            "events": sorted(app.events or ()),
        }

    def installation(self, installation: Installation) -> Json:
        url = f"{self.base}/app/installations/{installation.id}"
        return {
            "id": installation.id,
            "account": self.user(installation.account),
            "repository_selection": "all" if installation.repositories is None else "selected",
            "access_tokens_url": url + "/access_tokens",
            "repositories_url": f"{self.base}/installation/repositories",
            "html_url": f"{self.base}/settings/installations/{installation.id}",
            "app_id": installation.app.id,
            "app_slug": installation.app.slug,
            "target_id": installation.account.id,
            "target_type": installation.account.type,
            "permissions": installation.app.permissions,
            "events": sorted(installation.app.events or ()),
            "created_at": iso(installation.created_at),
            "updated_at": iso(installation.created_at),
            "single_file_name": None,
            "suspended_by": None,
            "suspended_at": iso_or_none(installation.suspended_at),
        }

    def team(self, team: Team) -> Json:
        org = f"{self.base}/orgs/{team.organisation}"
        url = f"{org}/teams/{team.slug}"
        return {
            "id": team.id,
            "node_id": node("T", team.id),
            "url": url,
            "html_url": url,
            "name": team.name,
            "slug": team.slug,
            "description": None,
            "privacy": "closed",
            "notification_setting": "notifications_enabled",
            "permission": "pull",
            "members_url": url + "/members{/member}",
            "repositories_url": url + "/repos",
            "type": "organization",
        }

    def team_in_list(self, team: Team) -> Json:
        parent = self.world.team(team.organisation, team.parent) if team.parent else None
        return {**self.team(team), "parent": self.team(parent) if parent else None}

    def full_team(self, team: Team) -> Json:
        organisation = self.world.user(team.organisation)
        org = f"{self.base}/orgs/{organisation.login}"
        at = iso(team.created_at)
        return {
            **self.team_in_list(team),
            "members_count": len(team.members),
            "repos_count": 0,
            "created_at": at,
            "updated_at": at,
            "organization": {
                "login": organisation.login,
                "id": organisation.id,
                "node_id": node("O", organisation.id),
                "url": org,
                "repos_url": org + "/repos",
                "events_url": org + "/events",
                "hooks_url": org + "/hooks",
                "issues_url": org + "/issues",
                "members_url": org + "/members{/member}",
                "public_members_url": org + "/public_members{/member}",
                "avatar_url": f"{self.base}/avatars/{organisation.id}",
                "description": None,
                "html_url": f"{self.base}/{organisation.login}",
                "has_organization_projects": True,
                "has_repository_projects": True,
                **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
                "type": "Organization",
                "created_at": at,
                "updated_at": at,
                "archived_at": None,
            },
        }

    def commit(self, repository: Repository, commit: StoredCommit) -> Json:
        url = f"{self.repository_url(repository)}/commits/{commit.sha}"
        html = f"{self.base}/{repository.full_name}/commit/{commit.sha}"
        return {
            "url": url,
            "sha": commit.sha,
            "node_id": node("C", int(commit.sha[:12], 16)),
            "html_url": html,
            "comments_url": url + "/comments",
            "commit": {
                "url": f"{self.repository_url(repository)}/git/commits/{commit.sha}",
                "author": self._signature(commit.author, commit.at),
                "committer": self._signature(commit.committer, commit.at),
                "message": commit.message,
                "tree": self._tree(repository, commit),
                "comment_count": 0,
                "verification": self._verification(commit),
            },
            "author": self.user_or_none(self.world.account_of(commit.author)),
            "committer": self.user_or_none(self.world.account_of(commit.committer)),
            "parents": self._parents(repository, commit),
        }

    def git_commit(self, repository: Repository, commit: StoredCommit) -> Json:
        return {
            "sha": commit.sha,
            "node_id": node("C", int(commit.sha[:12], 16)),
            "url": f"{self.repository_url(repository)}/git/commits/{commit.sha}",
            "html_url": f"{self.base}/{repository.full_name}/commit/{commit.sha}",
            "author": self._signature(commit.author, commit.at),
            "committer": self._signature(commit.committer, commit.at),
            "tree": self._tree(repository, commit),
            "message": commit.message,
            "parents": self._parents(repository, commit),
            "verification": self._verification(commit),
        }

    def webhook_commit(self, repository: Repository, commit: StoredCommit) -> Json:
        """A commit as push events, merge groups and workflow runs show it."""
        first = self.world.objects.find(commit.parents[0]) if commit.parents else None
        before: Mapping[str, bytes] = first.files if first else {}
        changes = self.world.objects.diff(before, commit.files)
        moved = [change.previous_path for change in changes if change.previous_path]
        return {
            "id": commit.sha,
            "tree_id": commit.tree,
            "distinct": True,
            "message": commit.message,
            "timestamp": iso(commit.at),
            "url": f"{self.base}/{repository.full_name}/commit/{commit.sha}",
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
            "added": [change.path for change in changes if change.status in ("added", "renamed")],
            "removed": [change.path for change in changes if change.status == "removed"] + moved,
            "modified": [change.path for change in changes if change.status == "modified"],
        }

    def file(self, repository: Repository, commit: str, change: Change) -> Json:
        html = f"{self.base}/{repository.full_name}"
        path = quote(change.path)
        moved: Json = {"previous_filename": change.previous_path} if change.previous_path else {}
        return {
            "sha": change.sha,
            "filename": change.path,
            "status": change.status,
            "additions": change.additions,
            "deletions": change.deletions,
            "changes": change.additions + change.deletions,
            "blob_url": f"{html}/blob/{commit}/{path}",
            "raw_url": f"{html}/raw/{commit}/{path}",
            "contents_url": f"{self.repository_url(repository)}/contents/{path}?ref={commit}",
            **moved,
        }

    def _parents(self, repository: Repository, commit: StoredCommit) -> list[Json]:
        url = f"{self.repository_url(repository)}/commits/"
        html = f"{self.base}/{repository.full_name}/commit/"
        return [{"sha": sha, "url": url + sha, "html_url": html + sha} for sha in commit.parents]

    def _tree(self, repository: Repository, commit: StoredCommit) -> Json:
        return {"sha": commit.tree, "url": f"{self.repository_url(repository)}/git/trees/{commit.tree}"}

    def _signature(self, identity: Identity, at: int) -> Json:
        return {"name": identity.name, "email": identity.email, "date": iso(at)}

    def _verification(self, commit: StoredCommit) -> Json:
        reason = "valid" if commit.verified else "unsigned"
        signature = "-----BEGIN PGP SIGNATURE-----" if commit.verified else None
        return {
            "verified": commit.verified,
            "reason": reason,
            "signature": signature,
            "payload": f"tree {commit.tree}" if commit.verified else None,
            "verified_at": iso(commit.at) if commit.verified else None,
        }
