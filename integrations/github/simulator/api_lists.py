"""API of trees, commit statuses, organisations' members and repositories' collaborators."""

from __future__ import annotations

from integrations.github.simulator.api import Api
from integrations.github.simulator.model import Role, Status, User
from integrations.github.simulator.others import status_fields
from integrations.github.simulator.render import Json
from integrations.github.simulator.wire import Call, Problem, Reply, paged

TREE_ENTRIES = 100_000
_REPO = "/repos/{owner}/{repo}"
_RANKS = ("pull", "triage", "push", "maintain", "admin")
_BASES = {"read": "pull", "write": "push"}


class ListApi:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._world = api.stage.world
        self._render = api.stage.render
        self.tree_entries = TREE_ENTRIES
        api.route("GET", _REPO + "/git/trees/{sha}", self.tree, ("contents", "read"))
        api.route("GET", _REPO + "/commits/{sha}/status", self.status, ("statuses", "read"))
        api.route("GET", _REPO + "/collaborators", self.collaborators, ("metadata", "read"))
        api.route("GET", "/orgs/{org}/members", self.members, ("members", "read"))

    def tree(self, call: Call) -> Reply:
        """Always the whole tree, whether ``recursive`` is asked for or not."""
        repository = self._api.repository(call)
        objects = self._world.objects
        files = objects.tree(call.values[2])
        if files is None:
            raise Problem(404, "Not Found")
        url = f"{self._render.repository_url(repository)}/git"
        blobs = [(path, objects.blob_id(data), len(data)) for path, data in files.items()]
        entries: list[Json] = [
            {"path": path, "mode": "100644", "type": "blob", "sha": sha, "size": size, "url": f"{url}/blobs/{sha}"}
            for path, sha, size in blobs
        ]
        entries += [
            {"path": path, "mode": "040000", "type": "tree", "sha": sha, "url": f"{url}/trees/{sha}"}
            for path, sha in objects.folders(files).items()
        ]
        entries.sort(key=lambda entry: str(entry["path"]))
        body: Json = {
            "sha": call.values[2],
            "url": f"{url}/trees/{call.values[2]}",
            "tree": entries[: self.tree_entries],
            "truncated": len(entries) > self.tree_entries,
        }
        return Reply(200, body)

    def status(self, call: Call) -> Reply:
        """The newest status of each context, and what they come to together."""
        repository = self._api.repository(call)
        sha = repository.branches.get(call.values[2], call.values[2])
        if self._world.objects.find(sha) is None:
            raise Problem(422, f"No commit found for SHA: {sha}")
        newest = {status.context: status for status in repository.statuses.get(sha, ())}
        shown, headers = paged(call, list(newest.values()), self._api.url(call))
        url = f"{self._render.repository_url(repository)}/commits/{sha}"
        body: Json = {
            "state": _combined(list(newest.values())),
            "statuses": [status_fields(f"{url}/statuses/{status.id}", status) for status in shown],
            "sha": sha,
            "total_count": len(newest),
            "repository": self._render.repository(repository),
            "commit_url": url,
            "url": url + "/status",
        }
        return Reply(200, body, headers)

    def collaborators(self, call: Call) -> Reply:
        repository = self._api.repository(call)
        roles = [(self._world.user(login), role) for login, role in repository.roles.items()]
        shown, headers = paged(call, roles, self._api.url(call))
        return Reply(200, [self._collaborator(user, role) for user, role in shown], headers)

    def _collaborator(self, user: User, role: Role) -> Json:
        rank = _RANKS.index(_BASES.get(role.base, role.base))
        permissions = {name: place <= rank for place, name in enumerate(_RANKS)}
        return {**self._render.user_fields(user), "permissions": permissions, "role_name": role.name}

    def members(self, call: Call) -> Reply:
        if call.installation.account.login.lower() != call.values[0].lower():
            raise Problem(404, "Not Found")
        shown, headers = paged(call, self._world.members(call.values[0]), self._api.url(call))
        return Reply(200, [self._render.user(user) for user in shown], headers)


def _combined(statuses: list[Status]) -> str:
    states = {status.state for status in statuses}
    if states & {"failure", "error"}:
        return "failure"
    return "success" if states == {"success"} else "pending"
