"""The state of the simulated GitHub and how to find things in it."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable
from typing import TypeVar

from integrations.github.simulator.model import App, Installation, Repository, Team, Token, User
from integrations.github.simulator.objects import Identity, ObjectStore, StoredCommit

Key = TypeVar("Key")
Value = TypeVar("Value")


class UnknownNameError(LookupError):
    """A steering call names something that does not exist."""


class World:
    """Everything that is remembered. ``clock`` in microseconds since 1970 UTC."""

    def __init__(self, clock: Callable[[], int], seed: int) -> None:
        self.clock = clock
        self.objects = ObjectStore()
        self.users: dict[str, User] = {}
        self.by_email: dict[str, User] = {}
        self.teams: dict[tuple[str, str], Team] = {}
        self.organisations: dict[str, list[User]] = {}
        self.repositories: dict[str, Repository] = {}
        self.apps: dict[str, App] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.moved: dict[str, Repository] = {}
        self._ids = itertools.count(1001)
        self._random = random.Random(seed)

    def new_id(self) -> int:
        return next(self._ids)

    def new_guid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new_token(self, app_id: int) -> str:
        """As long as GitHub's are since 2026: about 520 characters."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return f"ghs_{app_id}_" + "".join(self._random.choices(alphabet, k=505)) + ".s"

    def user(self, login: str) -> User:
        return _found(self.users, login.lower(), f"account {login}")

    def team(self, organisation: str, slug: str) -> Team:
        return _found(self.teams, (organisation.lower(), slug.lower()), f"team {organisation}/{slug}")

    def repository(self, full_name: str) -> Repository:
        return _found(self.repositories, full_name.lower(), f"repository {full_name}")

    def account_of(self, identity: Identity) -> User | None:
        """The account that a commit's e-mail is linked to."""
        return self.by_email.get(identity.email.lower())

    def identity(self, who: str) -> Identity:
        """``alice`` for an account, ``Name <mail@host>`` for anything else that can be typed into Git."""
        name, bracket, rest = who.partition(" <")
        if bracket:
            return Identity(name, rest.rstrip(">"))
        user = self.user(who)
        return Identity(user.name, user.email)

    def tip(self, repository: Repository, branch: str) -> StoredCommit:
        sha = _found(repository.branches, branch, f"branch {branch} of {repository.full_name}")
        return self.objects[sha]

    def resolve(self, repository: Repository, name: str) -> StoredCommit | None:
        """A commit by its full id, a branch, or refs/heads/ and a branch."""
        sha = repository.branches.get(name.removeprefix("refs/heads/"), name)
        return self.objects.find(sha)

    def members(self, organisation: str) -> list[User]:
        """Who was added to an organisation, and who is in one of its teams."""
        teams = (team for team in self.teams.values() if team.organisation.lower() == organisation.lower())
        logins = {login for team in teams for login, state in team.members.items() if state == "active"}
        found = {user.id: user for user in (*self.organisations.get(organisation.lower(), ()), *map(self.user, logins))}
        return [found[key] for key in sorted(found)]

    def subtree(self, team: Team) -> list[Team]:
        """The team and every team below it."""
        found = [team]
        for one in found:
            found.extend(
                other
                for other in self.teams.values()
                if other.organisation == team.organisation and other.parent == one.slug
            )
        return found


def _found(table: dict[Key, Value], key: Key, what: str) -> Value:
    value = table.get(key)
    if value is None:
        raise UnknownNameError(f"there is no {what}")
    return value
