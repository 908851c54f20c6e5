"""Calls of one identity: reading one object, reading a whole list, writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from integrations.errors import NeighbourError, RefusedError
from integrations.github.calls import Caller, Lane
from integrations.github.transport import JSON, MAX_ANSWER, Request, UrlVars

T = TypeVar("T")
PAGE = 100
MAX_PAGES = 200


def names(repository: str) -> dict[str, str | list[str]]:
    """The URL variables of ``owner/name``. RefusedError when it is not of that form."""
    owner, _, name = repository.partition("/")
    if not owner or not name or "/" in name or owner in (".", "..") or name in (".", ".."):
        raise RefusedError(f"expected a repository as owner/name, found {repository[:100]!r}")
    return {"owner": owner, "repo": name}


class Channel:
    """One lane of the caller. Lists are paged by number: links in answers are never followed."""

    def __init__(self, caller: Caller, lane: Lane) -> None:
        self._caller = caller
        self._lane = lane

    async def get(self, url: str, url_vars: UrlVars, read: Callable[[bytes], T]) -> T:
        return (await self._caller.fetch(self._lane, Request("GET", url, url_vars), read))[0]

    async def raw(self, url: str, url_vars: UrlVars, accept: str, limit: int = MAX_ANSWER) -> bytes:
        """The body as it is; at most one chunk longer than ``limit``."""
        request = Request("GET", url, url_vars, accept=accept, limit=limit)
        return (await self._caller.fetch(self._lane, request, bytes))[0]

    async def pages(self, url: str, url_vars: UrlVars, read: Callable[[bytes], Sequence[T]]) -> list[T]:
        """Every item. ``url`` ends in ``{?per_page,page}`` or has these two among its query variables."""
        found: list[T] = []
        for page in range(1, MAX_PAGES + 1):
            numbered = {**url_vars, "per_page": str(PAGE), "page": str(page)}
            items, answer = await self._caller.fetch(self._lane, Request("GET", url, numbered), read)
            found.extend(items)
            if 'rel="next"' not in answer.headers.get("link", ""):
                return found
        raise NeighbourError(f"GET {url}: more than {MAX_PAGES * PAGE} items, not read to the end")

    async def page_after(
        self, url: str, url_vars: UrlVars, read: Callable[[bytes], Sequence[T]]
    ) -> tuple[Sequence[T], str]:
        """One page of a list that is paged by cursor, and the Link header."""
        items, answer = await self._caller.fetch(self._lane, Request("GET", url, url_vars), read)
        return items, answer.headers.get("link", "")

    async def write(
        self,
        method: str,
        url: str,
        url_vars: UrlVars,
        body: msgspec.Struct | None,
        read: Callable[[bytes], T],
        *,
        repeatable: bool = False,
    ) -> T:
        encoded = b"" if body is None else msgspec.json.encode(body)
        request = Request(method, url, url_vars, encoded, JSON, repeatable)
        return (await self._caller.fetch(self._lane, request, read))[0]


def nothing(body: bytes) -> None:
    """Reads an answer whose body does not matter."""
    return
