"""Groups as they are now: the union of what their sources say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from app.clock import Clock
from app.facts.fresh import FreshCache
from app.facts.group_source import Scope, Source, SourceError
from app.facts.members import MACHINE
from app.privacy.names import mark
from gates.model import GroupFacts, Member
from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, UnavailableError
from manifests.policy import Group

GROUP_AGE_S = 15


class Groups:
    """The groups of one tenant, from every one of ``sources``. ``linked`` answers the person of each account outside
    GitHub that was linked to one: whoever is a member is one by these accounts too."""

    def __init__(
        self, sources: Sequence[Source], clock: Clock, linked: Callable[[], Awaitable[Mapping[str, str]]] | None = None
    ) -> None:
        self._linked = linked
        self._sources = tuple(sources)
        self._clock = clock
        self._cache: FreshCache[tuple[Member, ...]] = FreshCache(clock, GROUP_AGE_S)

    def forget(self) -> None:
        """A membership changed somewhere."""
        self._cache.forget()

    async def read(self, scope: Scope, groups: Iterable[tuple[str, Group]]) -> tuple[GroupFacts, ...]:
        """Facts of each named group; one that is not there or refused is a fact with a ``problem``. What ``any_of``
        and ``all_of`` name is not read along.

        Raises RateLimitedError and UnavailableError."""
        return tuple([await self._one(scope, name, group) for name, group in groups])

    async def _one(self, scope: Scope, name: str, group: Group) -> GroupFacts:
        seen_at = asked_at = self._clock()
        members: set[Member] = set()
        problem = ""
        for place, source in enumerate(self._sources):
            key = source.key(scope, group)
            if key is None:
                continue
            try:
                seen = await self._cache.read((place, key), partial(source.read, scope, group))
            except NotFoundError:
                problem = f"{source.name(group)} is not there or hidden from the App."
                return GroupFacts(name, seen_at=asked_at, problem=problem)
            except SourceError as error:
                members.update(error.members)
                problem = problem or str(error)
                continue
            except (RateLimitedError, UnavailableError):
                # A consent judged without the group would be refused for good: better late than lost.
                raise
            except NeighbourError as error:
                problem = f"{source.name(group)} could not be read: {error}"
                return GroupFacts(name, seen_at=asked_at, problem=problem)
            members.update(seen.value)
            seen_at = min(seen_at, seen.at)
        members.update(await self._by_links(members))
        # Who is a member by two sources is told twice: one of them may be known for longer, or not of their own making.
        return GroupFacts(name, tuple(sorted(members, key=_order)), seen_at, problem)

    async def _by_links(self, members: Collection[Member]) -> list[Member]:
        accounts: dict[str, list[str]] = {}
        for account, person in (await self._linked()).items() if self._linked is not None else ():
            accounts.setdefault(person, []).append(account)
        return [
            msgspec.structs.replace(
                member, account=account, name=mark(account), kind=MACHINE if member.kind == MACHINE else "User"
            )
            for member in members
            for account in accounts.get(member.person, ())
            if account != member.account
        ]


def _order(member: Member) -> tuple[str, str, int, str]:
    return member.account, member.person, -1 if member.since is None else member.since, member.granted_by or ""
