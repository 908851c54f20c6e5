"""Since when each membership has been known, as the log and the table agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from app.audit.errors import RecordAlteredError
from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.facts.group_source import SourceError
from app.people import store
from app.people.service import People, github_account
from app.privacy.names import mark
from app.rebuild import memberships, pins
from app.rebuild.compare import compare
from app.rebuild.memory import Memory
from app.rebuild.model import Projection
from app.rebuild.settled import settled
from gates.model import Member
from integrations.github.port import Account

R = TypeVar("R", bound=msgspec.Struct)
MACHINE = "Machine"
"""The kind of an account that the tenant's policy lists as used by no human."""


class Memberships:
    """The members of one tenant's groups. ``machines`` are the logins of its machine accounts."""

    def __init__(
        self, tenant: str, database: Database, people: People, clock: Clock, memory: Memory | None = None,
        on_difference: Callable[[Sequence[str]], None] = lambda differences: None, machines: Iterable[str] = (),
    ) -> None:  # fmt: skip
        """``on_difference`` is told where the tables are not what the log says."""
        self._tenant = tenant
        self._database = database
        self._people = people
        self._clock = clock
        self._memory = memory or Memory()
        self._on_difference = on_difference
        self._machines = frozenset(login.lower() for login in machines)

    async def listed(self, accounts: Iterable[Account]) -> tuple[Member, ...]:
        """Members by a list in the repository or the policy, which is as old as that: whoever may change the one has
        changed the other."""
        accounts = tuple(accounts)
        known = await self._people.persons(accounts)
        return tuple(
            Member(key, known[key].person, mark(key), self.kind(account.login, account.type), since=0)
            for account in accounts
            for key in [github_account(account)]
        )

    async def seen(self, source: str, accounts: Iterable[Account]) -> tuple[Member, ...]:
        """Members as ``source`` (a pinned name such as ``github-team:7``) lists them now. Raises SourceError."""
        accounts = tuple(accounts)
        known = await self._people.persons(accounts)
        since = await self.since(source, {github_account(account) for account in accounts})
        granters = {by for _, by in since.values() if by}
        people = {by: known.person for by, known in (await self._people.linked(sorted(granters))).items()}
        ever = await self._people.ever()
        return tuple(
            Member(
                key, known[key].person, mark(key), self.kind(account.login, account.type), since=since[key][0],
                granted_by=since[key][1] or None,
                granted_by_people=tuple(sorted({*ever.get(since[key][1], ()), *_one(people.get(since[key][1]))})),
            )
            for account in accounts
            for key in [github_account(account)]
        )  # fmt: skip

    def kind(self, login: str, kind: str = "User") -> str:
        """The kind of an account, ``Machine`` where the tenant lists its login as one."""
        return MACHINE if login.lower() in self._machines else kind

    async def since(self, source: str, accounts: set[str]) -> dict[str, tuple[int, str]]:
        """Of each of the current members of a source: since when it is known, and the account that granted it (or
        empty). Who came and who went since the source was last looked at is written down. Raises SourceError."""
        since = await self._known(source)
        if since.keys() != accounts:
            since = await self._database.write(lambda tx: self._settle(tx, source, accounts))
        return since

    async def pinned(self, name: str, team_id: int) -> int:
        """The id this team name was first seen with; a name that points elsewhere later is not that group."""
        for _ in range(2):
            rows = await self._agreed(
                pins.PROJECTION, pins.resource(name), lambda tx: pins.rows(tx, self._tenant, name)
            )
            if rows:
                return rows[0].team_id
            now = self._clock()
            await self._database.write(lambda tx, now=now: store.pin_team(tx, self._tenant, name, team_id, now))  # type: ignore[misc]
        raise AssertionError("expected the pin that was just written")

    async def _known(self, source: str) -> dict[str, tuple[int, str]]:
        rows = await self._agreed(
            memberships.PROJECTION, memberships.resource(source), lambda tx: memberships.rows(tx, self._tenant, source)
        )
        return {row.account: (row.since, row.granted_by) for row in rows if row.until is None}

    def _settle(self, tx: Tx, source: str, keys: set[str]) -> dict[str, tuple[int, str]]:
        before = store.memberships(tx, self._tenant, source)
        now = self._clock()
        store.leave(tx, self._tenant, source, before.keys() - keys, now)
        store.join(tx, self._tenant, source, dict.fromkeys(keys - before.keys(), ""), now)
        return store.memberships(tx, self._tenant, source)

    async def _agreed(
        self, projection: Projection[R], resource: str, rows: Callable[[Tx], tuple[R, ...]]
    ) -> tuple[R, ...]:
        """The rows, if they are what the log says. Raises SourceError."""

        def unit(tx: Tx) -> tuple[tuple[R, ...], tuple[str, ...]]:
            found = rows(tx)
            try:
                said = self._memory.look(tx, self._tenant, [(projection, resource)])
            except RecordAlteredError as error:
                return (), (f"record {error.seq} of log {error.log} was altered: {error.what}",)
            return found, tuple(map(str, compare(projection, said.of(projection), found)))

        found, differences = await settled(self._database, unit, lambda read: bool(read[1]))
        if differences:
            self._on_difference(differences)
            raise SourceError("The tables differ from the audit log: " + "; ".join(differences[:3]) + ".")
        return found


def _one(person: str | None) -> tuple[str, ...]:
    return () if person is None else (person,)
