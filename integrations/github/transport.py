"""The wire to GitHub: gidgethub's request preparation over one aiohttp session.

gidgethub would decode with the json module, raise raw exceptions on HTML bodies and follow absolute URLs, so
only its preparation is used: bytes out, bytes in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias

import aiohttp
from gidgethub import sansio
from gidgethub.abc import GitHubAPI
from yarl import URL

from integrations.errors import UnavailableError

# 2026-03-10 drops merge_commit_sha from pull requests.
API_VERSION = "2022-11-28"
JSON = sansio.accept_format()
RAW = sansio.accept_format(media="raw")
MAX_ANSWER = 64 << 20

UrlVars: TypeAlias = Mapping[str, str | list[str]]
Sleep = Callable[[float], Awaitable[None]]


class Request(NamedTuple):
    """One call; every variable part of ``url`` stands in ``vars``. ``repeatable``: twice does no harm."""

    method: str
    url: str
    vars: UrlVars
    body: bytes = b""
    accept: str = JSON
    repeatable: bool = True
    limit: int = MAX_ANSWER

    @property
    def what(self) -> str:
        """The call for an error text: the template, so that no value can smuggle anything in."""
        return f"{self.method} {self.url.partition('{?')[0]}"


class Answer(NamedTuple):
    """What came back. Header names are looked up in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class LostAnswerError(Exception):
    """The request went out and no whole answer came back."""


class Transport(GitHubAPI):
    """Sends prepared requests. UnavailableError: nothing was sent. LostAnswerError: it may have been."""

    def __init__(
        self,
        session: aiohttp.ClientSession | None,
        *,
        base_url: str,
        requester: str = "countersign",
        timeout_s: float = 10,
        concurrency: int = 100,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        super().__init__(requester, base_url=base_url)
        self._session = session
        self._owned = session is None
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=timeout_s)
        self._slots = asyncio.Semaphore(concurrency)
        self._sleep = sleep

    async def send(self, request: Request, authorization: str) -> Answer:
        url = sansio.format_url(request.url, request.vars, base_url=self.base_url)
        headers = sansio.create_headers(self.requester, accept=request.accept)
        headers["authorization"] = authorization
        headers["x-github-api-version"] = API_VERSION
        if request.body:
            headers["content-type"] = "application/json; charset=utf-8"
        async with self._slots:
            return Answer(*await self._request(request.method, url, headers, request.body, request.limit))

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"", limit: int = MAX_ANSWER
    ) -> tuple[int, Mapping[str, str], bytes]:
        # Errors are raised after the except clause: aiohttp's own ones hold the request's headers.
        session = self._session or self._own_session()
        try:
            async with session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
                timeout=self._timeout,
            ) as response:
                return response.status, response.headers, await _read(response, limit)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            unsent, reason = True, type(error).__name__
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            unsent, reason = False, type(error).__name__
        if unsent:
            raise UnavailableError(f"could not connect to GitHub ({reason}): nothing was sent")
        raise LostAnswerError(reason)

    async def sleep(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def close(self) -> None:
        """Closes the session if it was made here."""
        if self._owned and self._session is not None:
            await self._session.close()

    def _own_session(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if response.content_length is not None and response.content_length <= limit:
        return await response.read()
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(1 << 16):
        parts.append(part)
        size += len(part)
        if size > limit:
            break  # one byte too many tells the caller; the connection is dropped
    return b"".join(parts)
