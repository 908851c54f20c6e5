"""Groups as they are now, and since when each membership has been known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from app.audit.errors import RecordAlteredError
from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.facts.fresh import FreshCache
from app.people import store
from app.people.service import People, github_account
from app.privacy.names import mark
from app.rebuild import memberships, pins
from app.rebuild.compare import compare
from app.rebuild.memory import Memory
from app.rebuild.model import Projection
from app.rebuild.settled import settled
from gates.model import GroupFacts, Member
from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, UnavailableError
from integrations.github.port import Account, GitHub, Team
from manifests.policy import Group

R = TypeVar("R", bound=msgspec.Struct)
GROUP_AGE_S = 15


class Groups:
    """The groups of one tenant."""

    def __init__(
        self, tenant: str, database: Database, people: People, clock: Clock, memory: Memory | None = None,
        on_difference: Callable[[Sequence[str]], None] = lambda differences: None,
    ) -> None:  # fmt: skip
        """``on_difference`` is told where the tables are not what the log says."""
        self._memory = memory or Memory()
        self._on_difference = on_difference
        self._tenant = tenant
        self._database = database
        self._people = people
        self._clock = clock
        self._cache: FreshCache[tuple[Member, ...]] = FreshCache(clock, GROUP_AGE_S)

    def forget(self) -> None:
        """A membership changed somewhere."""
        self._cache.forget()

    async def read(self, github: GitHub, groups: Iterable[tuple[str, Group]]) -> tuple[GroupFacts, ...]:
        """Facts of each named group; one that is not there or refused is a fact with a ``problem``.

        Raises RateLimitedError and UnavailableError."""
        return tuple([await self._one(github, name, group) for name, group in groups])

    async def _one(self, github: GitHub, name: str, group: Group) -> GroupFacts:
        asked_at = self._clock()
        members: dict[str, Member] = {}
        seen_at = asked_at
        try:
            if group.github_team is not None:
                seen = await self._cache.read(
                    (group.github_team, group.github_team_id), lambda: self._team(github, group)
                )
                members |= {member.account: member for member in seen.value}
                seen_at = min(seen_at, seen.at)
            if group.members:
                listed = await self._cache.read(("list", group.members), lambda: self._listed(github, group.members))
                members |= {member.account: member for member in listed.value}
                seen_at = min(seen_at, listed.at)
        except NotFoundError:
            return GroupFacts(name, seen_at=asked_at, problem=f"{_source(group)} is not there or hidden from the App.")
        except (_NotPinnedError, _DiffersError) as error:
            return GroupFacts(name, seen_at=asked_at, problem=str(error))
        except (RateLimitedError, UnavailableError):
            # A consent judged without the group would be refused for good: better late than lost.
            raise
        except NeighbourError as error:
            return GroupFacts(name, seen_at=asked_at, problem=f"{_source(group)} could not be read: {error}")
        return GroupFacts(name, tuple(members[key] for key in sorted(members)), seen_at)

    async def _team(self, github: GitHub, group: Group) -> tuple[Member, ...]:
        assert group.github_team is not None
        organisation, _, slug = group.github_team.partition("/")
        team = await github.team(organisation, slug)
        pinned = group.github_team_id or await self._pin(group.github_team, team)
        if pinned != team.id:
            raise _NotPinnedError(
                f"{group.github_team} is now team {team.id}; it was pinned as team {pinned}. "
                "Name the new team's id in the policy if that is meant."
            )
        return await self._members(f"github-team:{team.id}", await github.direct_members(team))

    async def _listed(self, github: GitHub, logins: tuple[str, ...]) -> tuple[Member, ...]:
        accounts = [await github.account(login) for login in logins]
        known = await self._people.persons(accounts)
        # A list in the policy is as old as the policy: whoever may change the one has changed the other.
        return tuple(
            Member(key, known[key].person, mark(key), account.type, since=0)
            for account in accounts
            for key in [github_account(account)]
        )

    async def _members(self, source: str, accounts: tuple[Account, ...]) -> tuple[Member, ...]:
        known = await self._people.persons(accounts)
        keys = {github_account(account) for account in accounts}
        since = await self._known(source)
        if since.keys() != keys:
            since = await self._database.write(lambda tx: self._settle(tx, source, keys))
        granters = {by for _, by in since.values() if by}
        people = {by: known.person for by, known in (await self._people.linked(sorted(granters))).items()}
        ever = await self._people.ever()
        return tuple(
            Member(
                key, known[key].person, mark(key), account.type, since=since[key][0],
                granted_by=since[key][1] or None,
                granted_by_people=tuple(sorted({*ever.get(since[key][1], ()), *_one(people.get(since[key][1]))})),
            )
            for account in accounts
            for key in [github_account(account)]
        )  # fmt: skip

    async def _known(self, source: str) -> dict[str, tuple[int, str]]:
        """Since when each member is known, and who granted it, as log and table agree. Raises _DiffersError."""
        rows = await self._agreed(
            memberships.PROJECTION, memberships.resource(source), lambda tx: memberships.rows(tx, self._tenant, source)
        )
        return {row.account: (row.since, row.granted_by) for row in rows if row.until is None}

    def _settle(self, tx: Tx, source: str, keys: set[str]) -> dict[str, tuple[int, str]]:
        """Write down who came and who went since this group was last looked at."""
        before = store.memberships(tx, self._tenant, source)
        now = self._clock()
        store.leave(tx, self._tenant, source, before.keys() - keys, now)
        store.join(tx, self._tenant, source, dict.fromkeys(keys - before.keys(), ""), now)
        return store.memberships(tx, self._tenant, source)

    async def _pin(self, name: str, team: Team) -> int:
        """The id this team name was first seen with; a name that points elsewhere later is not that group."""
        for _ in range(2):
            rows = await self._agreed(
                pins.PROJECTION, pins.resource(name), lambda tx: pins.rows(tx, self._tenant, name)
            )
            if rows:
                return rows[0].team_id
            now = self._clock()
            await self._database.write(lambda tx, now=now: store.pin_team(tx, self._tenant, name, team.id, now))  # type: ignore[misc]
        raise AssertionError("expected the pin that was just written")

    async def _agreed(
        self, projection: Projection[R], resource: str, rows: Callable[[Tx], tuple[R, ...]]
    ) -> tuple[R, ...]:
        """The rows, if they are what the log says. Raises _DiffersError."""

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
            raise _DiffersError("The tables differ from the audit log: " + "; ".join(differences[:3]) + ".")
        return found


class _DiffersError(Exception):
    """What is stored of a group is not what the log says."""


class _NotPinnedError(Exception):
    """The name of a team leads to another team than it did."""


def _one(person: str | None) -> tuple[str, ...]:
    return () if person is None else (person,)


def _source(group: Group) -> str:
    return f"Team {group.github_team}" if group.github_team else "The list of members"
