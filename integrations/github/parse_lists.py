"""GitHub's JSON of long lists: trees, the checks of others, who may do what. The rest is in parse."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from integrations.github.port import Account, Collaborator, OtherCheck, TreeEntry

# From the most to the least; GitHub's own words for two of them are push and pull.
_PERMISSIONS = (
    ("admin", "admin"), ("maintain", "maintain"), ("push", "write"), ("triage", "triage"), ("pull", "read"),
)  # fmt: skip
_ROLES = ("admin", "maintain", "write", "triage", "read")


class _Entry(msgspec.Struct):
    path: str
    mode: str
    type: str
    sha: str


class RestTree(msgspec.Struct):
    sha: str
    tree: list[_Entry]
    truncated: bool = True

    def read(self) -> tuple[TreeEntry, ...] | None:
        if self.truncated:
            return None
        return tuple(TreeEntry(one.path, one.mode, one.sha) for one in self.tree if one.type != "tree")


class _App(msgspec.Struct):
    id: int
    slug: str | None = None


class RestOtherRun(msgspec.Struct):
    id: int
    name: str
    status: str = ""
    conclusion: str | None = None
    app: _App | None = None


class RestOtherRuns(msgspec.Struct):
    check_runs: list[RestOtherRun]


class RestStatus(msgspec.Struct):
    context: str
    state: str


class RestStatuses(msgspec.Struct):
    """The newest status of each context."""

    statuses: list[RestStatus]


class _Permissions(msgspec.Struct):
    admin: bool = False
    maintain: bool = False
    push: bool = False
    triage: bool = False
    pull: bool = False


class RestCollaborator(msgspec.Struct):
    id: int
    login: str
    type: str = "User"
    role_name: str | None = None
    permissions: _Permissions | None = None

    def read(self) -> Collaborator:
        """A role of the organisation's own making has a name that says nothing: what it permits counts."""
        permission = self.role_name if self.role_name in _ROLES else ""
        if self.permissions is not None:
            permission = next((ours for theirs, ours in _PERMISSIONS if getattr(self.permissions, theirs)), "")
        return Collaborator(Account(self.id, self.login, self.type), permission or "")


def read_checks(runs: Iterable[RestOtherRun], statuses: Iterable[RestStatus], own: int) -> tuple[OtherCheck, ...]:
    """Of each name and App the newest, by name; those of the App ``own`` are left out."""
    newest: dict[tuple[str, str], OtherCheck] = {}
    for run in sorted(runs, key=lambda run: run.id):
        if run.app is None or run.app.id != own:
            app = (run.app.slug or "") if run.app else ""
            conclusion = (run.conclusion or "") if run.status == "completed" else ""
            newest[run.name, app] = OtherCheck(run.name, app, conclusion)
    for status in statuses:
        conclusion = {"success": "success", "pending": ""}.get(status.state, "failure")
        newest[status.context, "status"] = OtherCheck(status.context, "status", conclusion)
    return tuple(newest[key] for key in sorted(newest))
