"""What every steering action needs: the world, the renderers, and a way to send webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from integrations.github.simulator.deliveries import Deliverer
from integrations.github.simulator.model import AccountType, App, Delivery, Installation, Pull, Repository, User
from integrations.github.simulator.render import Json, Render, node
from integrations.github.simulator.render_pulls import PullRender
from integrations.github.simulator.world import UnknownNameError, World

WEB_FLOW = "web-flow"


class Stage:
    """The simulated GitHub without anything happening on it yet."""

    def __init__(self, *, clock: Callable[[], int], seed: int, delivery_workers: int) -> None:
        self.world = World(clock, seed)
        self.render = Render(self.world)
        self.pulls = PullRender(self.render)
        self.deliveries = Deliverer(clock, self.world.new_id, delivery_workers)
        self.create_user(WEB_FLOW, email="noreply@github.com", name="GitHub")

    def create_user(
        self, login: str, *, email: str | None = None, name: str | None = None, kind: AccountType = "User"
    ) -> User:
        """An account; a bot's login ends in ``[bot]``. The account that exists already is given back."""
        known = self.world.users.get(login.lower())
        if known is not None:
            return known
        address = email or f"{login.lower()}@users.example"
        account: AccountType = "Bot" if login.endswith("[bot]") else kind
        user = User(self.world.new_id(), login, account, address, name or login)
        self.world.users[login.lower()] = user
        self.world.by_email[address.lower()] = user
        return user

    def create_organisation(self, login: str) -> User:
        return self.create_user(login, kind="Organization")

    def pull(self, repository: str, number: int) -> Pull:
        """The pull request as the simulator knows it."""
        pull = self.world.repository(repository).pulls.get(number)
        if pull is None:
            raise UnknownNameError(f"there is no pull request {number} in {repository}")
        return pull

    def installations_of(self, repository: Repository) -> list[Installation]:
        return [
            installation
            for installation in self.world.installations.values()
            if installation.account is repository.owner
            and installation.suspended_at is None
            and (installation.repositories is None or repository.id in installation.repositories)
        ]

    def emit(
        self,
        event: str,
        action: str | None,
        repository: Repository,
        sender: User,
        fields: Mapping[str, object],
        only: App | None = None,
    ) -> None:
        """Tells every installed App that listens to the event, or only the one it concerns."""
        for installation in self.installations_of(repository):
            if only is None or installation.app is only:
                about: Json = {**fields, "repository": self.render.repository(repository)}
                if repository.owner.type == "Organization":
                    about["organization"] = self.organisation(repository.owner)
                self.deliver(event, action, installation, sender, about, repository.id)

    def deliver(
        self,
        event: str,
        action: str | None,
        installation: Installation,
        sender: User,
        fields: Mapping[str, object],
        repository_id: int | None = None,
    ) -> None:
        app = installation.app
        if app.webhook_url is None or (app.events is not None and event not in app.events):
            return
        body: Json = {"action": action} if action is not None else {}
        body.update(fields)
        body["sender"] = self.render.user(sender)
        body.setdefault("installation", {"id": installation.id, "node_id": node("N", installation.id)})
        self.deliveries.add(
            Delivery(
                self.world.new_id(),
                self.world.new_guid(),
                event,
                action,
                app,
                installation.id,
                repository_id,
                msgspec.json.encode(body),
                self.world.clock(),
            )
        )

    def organisation(self, organisation: User) -> Json:
        url = f"{self.render.base}/orgs/{organisation.login}"
        return {
            "login": organisation.login,
            "id": organisation.id,
            "node_id": node("O", organisation.id),
            "url": url,
            "repos_url": url + "/repos",
            "events_url": url + "/events",
            "hooks_url": url + "/hooks",
            "issues_url": url + "/issues",
            "members_url": url + "/members{/member}",
            "public_members_url": url + "/public_members{/member}",
            "avatar_url": f"{self.render.base}/avatars/{organisation.id}",
            "description": None,
        }
