"""Steering: labels, the checks of other Apps, commit statuses, members of organisations and roles in repositories."""

from __future__ import annotations

from typing import Literal

from integrations.github.simulator.model import App, CheckRun, Pull, Repository, Role, Status, User
from integrations.github.simulator.operating import OperationActions
from integrations.github.simulator.render import Json, iso, node
from integrations.github.simulator.world import UnknownNameError

State = Literal["success", "pending", "failure", "error"]
Base = Literal["admin", "maintain", "write", "triage", "read"]


class OtherActions(OperationActions):
    """What happens around a pull request without being about it."""

    def label(self, full_name: str, number: int, name: str, *, by: str) -> None:
        repository, pull = self._pull(full_name, number)
        repository.labels.setdefault(name, self.world.new_id())
        pull.labels.append(name)
        self._labels("labeled", repository, pull, name, by)

    def unlabel(self, full_name: str, number: int, name: str, *, by: str) -> None:
        repository, pull = self._pull(full_name, number)
        pull.labels.remove(name)
        self._labels("unlabeled", repository, pull, name, by)

    def _labels(self, action: str, repository: Repository, pull: Pull, name: str, by: str) -> None:
        pull.updated_at = self.world.clock()
        shown: Json = {"label": self.pulls.label(repository, name)}
        self.pull_event(action, repository, pull, self.world.user(by), shown)

    def report_check(
        self, full_name: str, sha: str, name: str, conclusion: str | None = "success", *, app: str = "github-actions"
    ) -> CheckRun:
        """A check run of another App; ``conclusion`` None: it has only begun."""
        repository = self.world.repository(full_name)
        if self.world.objects.find(sha) is None:
            raise UnknownNameError(f"there is no commit {sha} in {full_name}")
        known, now = self._other_app(app), self.world.clock()
        run = CheckRun(
            id=self.world.new_id(),
            name=name,
            head_sha=sha,
            app=known,
            status="completed" if conclusion else "in_progress",
            conclusion=conclusion,
            external_id="",
            details_url=f"{self.render.base}/apps/{app}",
            title=None,
            summary=None,
            text=None,
            started_at=now,
            completed_at=now if conclusion else None,
            suite_id=repository.suites.setdefault((sha, known.id), self.world.new_id()),
        )
        self.add_check_run(repository, run)
        return run

    def _other_app(self, slug: str) -> App:
        if slug not in self.world.apps:
            countersign = next(iter(self.world.apps.values()))
            self.create_app(slug, countersign.key, owner="somebody-else")
        return self.world.apps[slug]

    def set_status(self, full_name: str, sha: str, context: str, state: State, *, by: str) -> None:
        """A commit status."""
        repository = self.world.repository(full_name)
        creator, now = self.world.user(by), self.world.clock()
        status = Status(self.world.new_id(), sha, context, state, creator, now)
        repository.statuses.setdefault(sha, []).append(status)
        commit = self.world.objects[sha]
        branches = [name for name, tip in repository.branches.items() if tip == sha]
        url = f"{self.render.repository_url(repository)}/commits/{sha}"
        fields: Json = {
            "id": status.id,
            "sha": sha,
            "name": repository.full_name,
            "target_url": None,
            "avatar_url": f"{self.render.base}/avatars/{creator.id}",
            "context": context,
            "description": None,
            "state": state,
            "commit": self.render.commit(repository, commit),
            "branches": [
                {"name": name, "commit": {"sha": sha, "url": url}, "protected": False} for name in branches[:10]
            ],
            "created_at": iso(now),
            "updated_at": iso(now),
        }
        self.emit("status", None, repository, creator, fields)

    def set_role(self, full_name: str, login: str, role: str, *, by: str, base: Base | None = None) -> None:
        """What somebody may do; ``base`` is what a ``role`` of the organisation's own making comes to."""
        repository = self.world.repository(full_name)
        user = self.create_user(login)
        before = repository.roles.get(user.login)
        repository.roles[user.login] = Role(role, base or role)
        changes: Json = {"permission": {"to": role}}
        if before is not None:
            changes = {"permission": {"from": before.name, "to": role}}
        self._member("edited" if before else "added", repository, user, by, {"changes": changes})

    def remove_role(self, full_name: str, login: str, *, by: str) -> None:
        repository = self.world.repository(full_name)
        user = self.world.user(login)
        del repository.roles[user.login]
        self._member("removed", repository, user, by, {})

    def _member(self, action: str, repository: Repository, user: User, by: str, more: Json) -> None:
        fields: Json = {"member": self.render.user(user), **more}
        self.emit("member", action, repository, self.world.user(by), fields)

    def add_organisation_member(self, organisation: str, login: str, *, by: str | None = None) -> None:
        account = self.create_organisation(organisation)
        user = self.create_user(login)
        self.world.organisations.setdefault(account.login.lower(), []).append(user)
        self._organisation("member_added", account, user, by)

    def remove_organisation_member(self, organisation: str, login: str, *, by: str | None = None) -> None:
        """GitHub takes them out of every team along with it."""
        account, user = self.world.user(organisation), self.world.user(login)
        members = self.world.organisations.setdefault(account.login.lower(), [])
        members[:] = [member for member in members if member is not user]
        for team in self.world.teams.values():
            if team.organisation.lower() == account.login.lower() and user.login in team.members:
                self.remove_team_member(team.organisation, team.slug, user.login, by=by)
        self._organisation("member_removed", account, user, by)

    def _organisation(self, action: str, account: User, user: User, by: str | None) -> None:
        url = f"{self.render.base}/orgs/{account.login}"
        membership: Json = {
            "url": f"{url}/memberships/{user.login}",
            "state": "active",
            "role": "member",
            "organization_url": url,
            "user": self.render.user(user),
        }
        fields: Json = {"membership": membership, "organization": self.organisation(account)}
        for installation in self.world.installations.values():
            if installation.account is account:
                self.deliver("organization", action, installation, self.world.user(by or account.login), fields)


def status_fields(url: str, status: Status) -> Json:
    """A status as the combined status of a commit shows it."""
    return {
        "id": status.id,
        "node_id": node("Q", status.id),
        "url": url,
        "avatar_url": None,
        "state": status.state,
        "context": status.context,
        "description": None,
        "target_url": None,
        "created_at": iso(status.created_at),
        "updated_at": iso(status.created_at),
    }
