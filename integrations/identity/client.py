"""Countersign's SCIM 2.0 client (RFC 7644): reads groups, their members and reporting lines; writes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from integrations.errors import NotFoundError, RefusedError, UnavailableError
from integrations.identity.port import IdentityGroup, Subject
from integrations.identity.shapes import ENTERPRISE_USER, ID, LIST_RESPONSE, Group, ListResponse, User
from integrations.identity.transport import Transport
from integrations.observing import Observe

PAGE = 100
MOST = 2_000
"""Members of a group, and resources that match a filter: more are too wide a question."""
AT_ONCE = 8
HIGHEST = 50
"""Managers above one another."""

R = TypeVar("R", User, Group)


class ScimIdentity:
    """One provider and one token. ``base_url`` ends before ``/Users`` and ``/Groups``; it is https, or http on this
    machine, else ValueError. ``clock`` gives microseconds since 1970 UTC, ``timeout_s`` bounds each call;
    ``refuse_simulator`` turns every answer of our simulator into RefusedError; ``observe`` is told of every call."""

    def __init__(
        self, base_url: str, token: str, *, clock: Callable[[], int], timeout_s: float = 10.0,
        refuse_simulator: bool = False, observe: Observe | None = None,
    ) -> None:  # fmt: skip
        self._transport = Transport(
            base_url, token, clock=clock, timeout_s=timeout_s, refuse_simulator=refuse_simulator, observe=observe
        )
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def check(self) -> None:
        await self._page("/Groups", {}, 1, 1)

    async def group(self, group: str) -> IdentityGroup:
        kind, _, identity = group.partition(":")
        if kind == "id" and identity:
            found = await self._group(identity)
            return IdentityGroup(_known(found.id), found.display_name)
        named = await self._matching("/Groups", "displayName", group, Group, lambda one: one.display_name)
        return IdentityGroup(_known(named.id), named.display_name)

    async def group_members(self, group_id: str) -> tuple[Subject, ...]:
        group = await self._group(group_id)
        users = sorted({member.value for member in group.members if not member.is_group})
        if len(users) > MOST:
            raise UnavailableError(f"the group {group_id} has more than {MOST} members")
        found = await asyncio.gather(*map(self._member, users))
        return tuple(one for one in found if one is not None and one.active)

    async def subject(self, user_name: str) -> Subject:
        return _subject(await self._matching("/Users", "userName", user_name, User, lambda one: one.user_name))

    async def managers(self, subject_id: str) -> tuple[Subject, ...]:
        user = await self._user(subject_id)
        line: list[Subject] = []
        seen = {user.id}
        while (above := _manager(user)) is not None and above not in seen:
            if len(line) >= HIGHEST:
                raise UnavailableError(f"more than {HIGHEST} managers above one another; expected a line with an end")
            try:
                user = await self._user(above)
            except NotFoundError as error:
                raise UnavailableError(f"a manager of {subject_id} is not there: {error}") from error
            seen.add(user.id)
            line.append(_subject(user))
        return tuple(line)

    async def close(self) -> None:
        await self._transport.close()

    async def _member(self, identity: str) -> Subject | None:
        """None for one who was deleted and still stands in a group."""
        async with self._slots:
            try:
                return _subject(await self._user(identity))
            except NotFoundError:
                return None

    async def _user(self, identity: str) -> User:
        return _same(await self._transport.get(f"/Users/{_key(identity)}", User), identity)

    async def _group(self, identity: str) -> Group:
        return _same(await self._transport.get(f"/Groups/{_key(identity)}", Group), identity)

    async def _matching(self, path: str, attribute: str, value: str, shape: type[R], of: Callable[[Any], str]) -> R:
        """The only resource with exactly this value. Providers compare without case, and one that overlooks the filter
        answers with everything: neither is taken for an answer."""
        query = {"filter": f"{attribute} eq {json.dumps(value, ensure_ascii=False)}"}
        found: list[R] = []
        index = 1
        while True:
            page = await self._page(path, query, index, PAGE)
            rows = [_resource(raw, shape) for raw in page.resources]
            if any(of(row).casefold() != value.casefold() for row in rows):
                raise UnavailableError(f"identity provider GET {path}: what came back was not asked for by its filter")
            found += rows
            index += len(rows)
            if not rows or index > page.total_results:
                break
            if index > MOST:
                raise UnavailableError(f"identity provider GET {path}: more than {MOST} match")
        exact = {row.id: row for row in found if of(row) == value}
        if len(exact) != 1:
            raise NotFoundError(f"expected one in {path} with the {attribute} {value!r}, found {len(exact)}")
        return next(iter(exact.values()))

    async def _page(self, path: str, query: dict[str, str], start: int, count: int) -> ListResponse:
        params = {**query, "startIndex": str(start), "count": str(count)}
        page = await self._transport.get(path, ListResponse, params)
        if LIST_RESPONSE not in page.schemas:
            raise UnavailableError(f"identity provider GET {path}: expected a SCIM ListResponse")
        return page


def _manager(user: User) -> str | None:
    """The id of the next one up; None at the top. NotFoundError where the provider keeps no reporting line: an
    attribute that is not kept looks like one that is empty."""
    if ENTERPRISE_USER not in user.schemas:
        raise NotFoundError(f"the identity provider keeps no reporting line of {user.id}")
    manager = user.enterprise.manager if user.enterprise is not None else None
    return manager.value or None if manager is not None else None


def _subject(user: User) -> Subject:
    if user.active is None:
        raise UnavailableError(f"the identity provider does not tell whether {user.id} is active; expected `active`")
    return Subject(_known(user.id), user.user_name, user.active)


def _same(found: R, identity: str) -> R:
    if found.id != identity:
        raise UnavailableError(f"the identity provider answered with {found.id[:80]!r}, asked for {identity!r}")
    return found


def _resource(raw: msgspec.Raw, shape: type[R]) -> R:
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.MsgspecError as error:
        reason = str(error)
    raise UnavailableError(f"the identity provider sent no {shape.__name__} as RFC 7643 has it: {reason[:200]}")


def _known(identity: str) -> str:
    """An id that can be kept in records."""
    if not ID.fullmatch(identity):
        raise RefusedError(f"expected an id of letters, digits and ._:@|+=~-, found {identity[:80]!r}")
    return identity


def _key(identity: str) -> str:
    return quote(_known(identity), safe="")
