"""API of code, accounts and teams: reads only."""

from __future__ import annotations

import base64
from urllib.parse import quote

from integrations.github.simulator.api import Api
from integrations.github.simulator.model import Repository, Team
from integrations.github.simulator.objects import StoredCommit
from integrations.github.simulator.render import Json, node
from integrations.github.simulator.wire import Call, Problem, Reply, paged

INLINE_LIMIT = 1 << 20
COMPARED_FILES = 300
_CODE = "/repos/{owner}/{repo}"


class CodeApi:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._world = api.stage.world
        self._render = api.stage.render
        contents = ("contents", "read")
        members = ("members", "read")
        api.route("GET", _CODE, self.repository, ("metadata", "read"))
        api.route("GET", _CODE + "/git/ref/{ref*}", self.ref, contents)
        api.route("GET", _CODE + "/git/commits/{sha}", self.git_commit, contents)
        api.route("GET", _CODE + "/contents/{path*}", self.contents, contents)
        api.route("GET", _CODE + "/compare/{basehead*}", self.compare, contents)
        api.route("GET", "/users/{login}", self.user, ("metadata", "read"))
        api.route("GET", "/orgs/{org}/teams/{slug}", self.team, members)
        api.route("GET", "/orgs/{org}/teams/{slug}/members", self.members, members)
        api.route("GET", "/orgs/{org}/teams/{slug}/teams", self.child_teams, members)

    def repository(self, call: Call) -> Reply:
        return Reply(200, self._render.repository(self._api.repository(call)))

    def ref(self, call: Call) -> Reply:
        repository = self._api.repository(call)
        name = call.values[2]
        sha = repository.branches.get(name.removeprefix("heads/")) if name.startswith("heads/") else None
        if sha is None:
            raise Problem(404, "Not Found")
        url = self._render.repository_url(repository)
        target = {"sha": sha, "type": "commit", "url": f"{url}/git/commits/{sha}"}
        body: Json = {
            "ref": f"refs/{name}",
            "node_id": node("F", repository.id),
            "url": f"{url}/git/refs/{name}",
            "object": target,
        }
        return Reply(200, body)

    def git_commit(self, call: Call) -> Reply:
        repository = self._api.repository(call)
        commit = self._world.objects.find(call.values[2])
        if commit is None:
            raise Problem(404, "Not Found")
        return Reply(200, self._render.git_commit(repository, commit))

    def contents(self, call: Call) -> Reply:
        repository = self._api.repository(call)
        commit = self._commit(repository, call.query.get("ref", repository.default_branch), 404)
        path = call.values[2]
        accept = call.headers.get("Accept", "")
        if path not in commit.files:
            return self._directory(repository, commit, path)
        data = commit.files[path]
        if ".raw" in accept:
            kind = "application/vnd.github.raw+json; charset=utf-8"
            return Reply(200, raw=data, content_type=kind)
        if len(data) > INLINE_LIMIT and ".object" not in accept:
            raise Problem(403, "This API returns blobs up to 1 MB in size.", [{"code": "too_large"}])
        return Reply(200, self._file(repository, commit, path, data))

    def _file(self, repository: Repository, commit: StoredCommit, path: str, data: bytes) -> Json:
        sha = self._world.objects.blob_id(data)
        inline = len(data) <= INLINE_LIMIT
        url = f"{self._render.repository_url(repository)}/contents/{quote(path)}?ref={commit.sha}"
        git = f"{self._render.repository_url(repository)}/git/blobs/{sha}"
        html = f"{self._render.base}/{repository.full_name}/blob/{commit.sha}/{quote(path)}"
        return {
            "type": "file",
            "encoding": "base64" if inline else "none",
            "size": len(data),
            "name": path.rpartition("/")[2],
            "path": path,
            "content": base64.encodebytes(data).decode() if inline else "",
            "sha": sha,
            "url": url,
            "git_url": git,
            "html_url": html,
            "download_url": html,
            "_links": {"self": url, "git": git, "html": html},
        }

    def _directory(self, repository: Repository, commit: StoredCommit, path: str) -> Reply:
        inside = sorted(name for name in commit.files if name.startswith(path + "/"))
        if not inside:
            raise Problem(404, "Not Found")
        url = f"{self._render.repository_url(repository)}/contents/{quote(path)}?ref={commit.sha}"
        body: Json = {
            "type": "dir",
            "size": 0,
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": self._world.objects.tree_id({name: commit.files[name] for name in inside}),
            "url": url,
            "git_url": None,
            "html_url": None,
            "download_url": None,
            "entries": [],
            "_links": {"self": url, "git": None, "html": None},
        }
        return Reply(200, body)

    def compare(self, call: Call) -> Reply:
        repository = self._api.repository(call)
        left, dots, right = call.values[2].partition("...")
        if not dots:
            raise Problem(404, "Not Found")
        base, head = self._commit(repository, left, 404), self._commit(repository, right, 404)
        objects = self._world.objects
        common = objects.merge_base(base.sha, head.sha)
        if common is None:
            raise Problem(404, f"No common ancestor between {left} and {right}.")
        ahead, behind = objects.log(base.sha, head.sha), objects.log(head.sha, base.sha)
        status = ("diverged" if behind else "ahead") if ahead else ("behind" if behind else "identical")
        changes = objects.diff(objects[common].files, head.files)
        shown, headers = paged(call, ahead, self._api.url(call))
        html = f"{self._render.base}/{repository.full_name}/compare/{left}...{right}"
        body: Json = {
            "url": self._api.url(call),
            "html_url": html,
            "permalink_url": html,
            "diff_url": html + ".diff",
            "patch_url": html + ".patch",
            "base_commit": self._render.commit(repository, base),
            "merge_base_commit": self._render.commit(repository, objects[common]),
            "status": status,
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "commits": [self._render.commit(repository, commit) for commit in shown],
        }
        if call.query.get("page", "1") == "1":
            body["files"] = [self._render.file(repository, head.sha, change) for change in changes[:COMPARED_FILES]]
        return Reply(200, body, headers)

    def _commit(self, repository: Repository, name: str, status: int) -> StoredCommit:
        commit = self._world.resolve(repository, name)
        if commit is None:
            raise Problem(status, f"No commit found for the ref {name}")
        return commit

    def user(self, call: Call) -> Reply:
        user = self._world.users.get(call.values[0].lower())
        if user is None:
            raise Problem(404, "Not Found")
        return Reply(200, self._render.public_user(user))

    def team(self, call: Call) -> Reply:
        return Reply(200, self._render.full_team(self._team(call)))

    def members(self, call: Call) -> Reply:
        """Members of the team and of every team below it, without those who were only invited."""
        logins = {
            login
            for team in self._world.subtree(self._team(call))
            for login, state in team.members.items()
            if state == "active"
        }
        users = sorted((self._world.user(login) for login in logins), key=lambda user: user.id)
        shown, headers = paged(call, users, self._api.url(call))
        return Reply(200, [self._render.user(user) for user in shown], headers)

    def child_teams(self, call: Call) -> Reply:
        team = self._team(call)
        below = [
            one
            for one in self._world.teams.values()
            if one.organisation == team.organisation and one.parent == team.slug
        ]
        shown, headers = paged(call, below, self._api.url(call))
        return Reply(200, [self._render.team_in_list(one) for one in shown], headers)

    def _team(self, call: Call) -> Team:
        team = self._world.teams.get((call.values[0].lower(), call.values[1].lower()))
        if team is None or call.installation.account.login.lower() != call.values[0].lower():
            raise Problem(404, "Not Found")
        return team
