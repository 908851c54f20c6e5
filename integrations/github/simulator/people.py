"""Steering: accounts, organisations, teams, the App and its installations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from integrations.github.simulator.model import App, Installation, Team, User
from integrations.github.simulator.render import Json, node
from integrations.github.simulator.stage import Stage

APP_PERMISSIONS: Mapping[str, str] = {
    "actions": "read",
    "checks": "write",
    "contents": "read",
    "deployments": "write",
    "issues": "read",
    "members": "read",
    "merge_queues": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}


class PeopleActions(Stage):
    """Who there is, and who may see what."""

    def create_team(
        self, organisation: str, slug: str, *, parent: str | None = None, members: Iterable[str] = ()
    ) -> Team:
        self.create_organisation(organisation)
        now = self.world.clock()
        team = Team(self.world.new_id(), organisation, slug, slug.replace("-", " ").title(), parent, now)
        for login in members:
            team.members[self.create_user(login).login] = "active"
        self.world.teams[(organisation.lower(), slug.lower())] = team
        return team

    def rename_team(self, organisation: str, slug: str, new_slug: str) -> Team:
        team = self.world.teams.pop((organisation.lower(), slug.lower()))
        team.slug = new_slug
        self.world.teams[(organisation.lower(), new_slug.lower())] = team
        return team

    def add_team_member(
        self, organisation: str, slug: str, login: str, *, by: str | None = None, pending: bool = False
    ) -> None:
        """``pending``: invited to the organisation, not yet accepted; GitHub sends nothing then."""
        team = self.world.team(organisation, slug)
        user = self.create_user(login)
        team.members[user.login] = "pending" if pending else "active"
        if not pending:
            self._membership("added", team, user, by)

    def remove_team_member(self, organisation: str, slug: str, login: str, *, by: str | None = None) -> None:
        team = self.world.team(organisation, slug)
        user = self.world.user(login)
        del team.members[user.login]
        self._membership("removed", team, user, by)

    def _membership(self, action: str, team: Team, member: User, by: str | None) -> None:
        organisation = self.world.user(team.organisation)
        fields: Json = {
            "scope": "team",
            "member": self.render.user(member),
            "team": self.render.team(team),
            "organization": self.organisation(organisation),
        }
        for installation in self.world.installations.values():
            if installation.account is organisation:
                self.deliver("membership", action, installation, self.world.user(by or team.organisation), fields)

    def create_app(
        self,
        slug: str,
        key: RSAPublicKey | RSAPrivateKey | bytes,
        *,
        webhook_url: str | None = None,
        secret: bytes = b"",
        owner: str = "countersign-makers",
        events: Iterable[str] | None = None,
        permissions: Mapping[str, str] = APP_PERMISSIONS,
    ) -> App:
        """An App whose JWTs are checked with ``key`` (public PEM too). ``events`` None: subscribed to all."""
        public = load_pem_public_key(key) if isinstance(key, bytes) else key
        public = public.public_key() if isinstance(public, RSAPrivateKey) else public
        if not isinstance(public, RSAPublicKey):
            raise ValueError("expected an RSA key for the App")
        app = App(
            self.world.new_id(),
            slug,
            self.create_organisation(owner),
            self.create_user(f"{slug}[bot]"),
            public,
            webhook_url,
            secret,
            None if events is None else frozenset(events),
            self.world.clock(),
            dict(permissions),
        )
        self.world.apps[slug] = app
        return app

    def install_app(
        self, slug: str, account: str, repositories: Iterable[str] | None = None, *, by: str | None = None
    ) -> Installation:
        """``repositories`` None: all of the account's."""
        owner = self.create_organisation(account)
        only = None if repositories is None else {self.world.repository(name).id for name in repositories}
        installation = Installation(self.world.new_id(), self.world.apps[slug], owner, only, self.world.clock())
        self.world.installations[installation.id] = installation
        self._installation("created", installation, by)
        return installation

    def suspend_installation(self, installation_id: int, *, by: str | None = None) -> None:
        """Its tokens stop working at once."""
        installation = self.world.installations[installation_id]
        self._installation("suspend", installation, by)
        installation.suspended_at = self.world.clock()

    def unsuspend_installation(self, installation_id: int, *, by: str | None = None) -> None:
        installation = self.world.installations[installation_id]
        installation.suspended_at = None
        self._installation("unsuspend", installation, by)

    def delete_installation(self, installation_id: int, *, by: str | None = None) -> None:
        self._installation("deleted", self.world.installations.pop(installation_id), by)
        self.revoke_tokens(installation_id)

    def revoke_tokens(self, installation_id: int) -> None:
        """Every token given so far answers 401 from now on."""
        tokens = self.world.tokens
        for value in [value for value, token in tokens.items() if token.installation.id == installation_id]:
            del tokens[value]

    def _installation(self, action: str, installation: Installation, by: str | None) -> None:
        sender = self.world.user(by) if by else installation.account
        repositories = [
            {
                "id": repository.id,
                "node_id": node("R", repository.id),
                "name": repository.name,
                "full_name": repository.full_name,
                "private": True,
            }
            for repository in self.world.repositories.values()
            if repository.owner is installation.account
        ]
        fields: Json = {
            "installation": self.render.installation(installation),
            "repositories": repositories,
        }
        self.deliver("installation", action, installation, sender, fields)
