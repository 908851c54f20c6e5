"""Groups of neighbours other than GitHub: who belongs to them by every account, and what holds while one is away."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import msgspec
from cachetools import LRUCache

from app.clock import SECOND, Clock
from app.facts.group_source import SourceError
from app.facts.members import Memberships
from app.people.service import People
from app.privacy.names import mark
from gates.model import Member
from integrations.errors import NeighbourError

PATIENCE_S = 8.0
"""How long one group may take: a neighbour that hangs must not hold up everything that names a group of its."""
AWAY_S = 5
"""How long a neighbour that did not answer is not asked for the same group again."""
_PIN_BITS = 52
"""What a JSON number holds without loss."""


class Found(msgspec.Struct, frozen=True):
    """A group as its neighbour has it: its immutable id, and its active members' accounts, such as
    ``servicenow:<sys_id>``. ``pinned`` tells that it was asked for by that id, so that no name can lead elsewhere."""

    id: str
    accounts: tuple[str, ...]
    pinned: bool = False


class OutsideGroups:
    """The groups of one neighbour. ``kind`` begins the names of what is kept of them (``servicenow-group``), ``who``
    is the neighbour in words."""

    def __init__(self, kind: str, who: str, members: Memberships, people: People, clock: Clock) -> None:
        self._kind = kind
        self._who = who
        self._members = members
        self._people = people
        self._clock = clock
        self._last: LRUCache[str, tuple[Member, ...]] = LRUCache(1_000)
        self._away: LRUCache[str, tuple[int, str]] = LRUCache(1_000)

    async def read(self, name: str, ask: Callable[[], Awaitable[Found]]) -> tuple[Member, ...]:
        """A member for each account of each person in the group ``name``, and for each account that is linked to
        nobody. Raises SourceError; while the neighbour is away, with the members that were last seen, so that nothing
        is lost of what they say meanwhile."""
        until, why = self._away.get(name, (0, ""))
        if self._clock() < until:
            raise SourceError(why, self._last.get(name, ()))
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await ask()
        except (NeighbourError, TimeoutError) as error:
            why = f"The group {name} of {self._who} could not be read: {str(error) or 'no answer in time'}"
            self._away[name] = (self._clock() + AWAY_S * SECOND, why)
            raise SourceError(why, self._last.get(name, ())) from error
        await self._expect_pinned(name, found)
        self._last[name] = await self._seen(found)
        return self._last[name]

    async def _seen(self, found: Found) -> tuple[Member, ...]:
        since = await self._members.since(f"{self._kind}:{found.id}", set(found.accounts))
        beside = await self._people.beside(found.accounts)
        members: dict[str, Member] = {}
        for account in found.accounts:
            at, by = since[account]
            for one in beside.get(account, ()):
                kind = self._members.kind(one.login, one.kind) if one.account.startswith("github:") else one.kind
                members[one.account] = Member(one.account, one.person, mark(one.account), kind, at, by or None)
            members.setdefault(account, Member(account, "", mark(account), since=at, granted_by=by or None))
        return tuple(members[key] for key in sorted(members))

    async def _expect_pinned(self, name: str, found: Found) -> None:
        """A name that leads to another group than it first did is not that group."""
        if found.pinned:
            return
        digest = int.from_bytes(hashlib.sha256(found.id.encode()).digest()) >> (256 - _PIN_BITS)
        if await self._members.pinned(f"{self._kind}:{name}", digest) != digest:
            raise SourceError(
                f"The group {name} of {self._who} is now {found.id}, which is not the one it was pinned as: "
                "name the id itself in the policy if that is meant"
            )
