"""https: addresses: listed hosts at public addresses, every byte as it is stored there."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection

import aiohttp
from aiohttp.helpers import is_ip_address
from yarl import URL

from integrations.artifacts.addresses import PublicResolver, check
from integrations.artifacts.hashing import BLOCK, StreamHash, refuse_over
from integrations.artifacts.port import FoundArtifact
from integrations.errors import NotFoundError, RateLimitedError, RefusedError, UnavailableError

MAX_REDIRECTS = 5
SLOWEST = 256 << 10
"""Bytes a second below which a download is given up: a drip would hold a worker for ever."""

_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"accept-encoding": "identity", "accept": "*/*", "user-agent": "countersign"}


class HttpsSource:
    """Hashes what listed hosts serve.

    ``hosts`` are ``host`` (port 443) or ``host:port``, lower case. ``timeout_s`` bounds connecting and each
    silence. ``tls`` is for hosts with a private certificate authority.
    """

    def __init__(
        self, hosts: Collection[str], timeout_s: float, allow_loopback: bool, tls: ssl.SSLContext | None
    ) -> None:
        self._hosts = frozenset(hosts)
        self._timeout_s = timeout_s
        self._allow_loopback = allow_loopback
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def digest(self, uri: str, limit: int) -> FoundArtifact:
        """As ArtifactSource. Redirects are followed to listed hosts only."""
        where = uri.partition("?")[0]  # a query may be a signature
        session = self._session or self._open()
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                return await self._follow(session, uri, where, limit, deadline)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            name = type(error).__name__
        raise UnavailableError(f"{where}: could not be read ({name}). It is tried again later.")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _follow(
        self, session: aiohttp.ClientSession, uri: str, where: str, limit: int, deadline: asyncio.Timeout
    ) -> FoundArtifact:
        url = self._checked(where, uri, None)
        for _ in range(MAX_REDIRECTS + 1):
            async with session.get(url, allow_redirects=False, headers=_HEADERS) as response:
                if response.status not in _REDIRECTS:
                    try:
                        return await _read(response, where, limit, deadline)
                    finally:
                        response.close()
                url = self._checked(where, response.headers.get("location", ""), url)
        raise RefusedError(f"{where}: expected at most {MAX_REDIRECTS} redirects, found more. Name the last one.")

    def _checked(self, where: str, target: str, base: URL | None) -> URL:
        """The absolute address to ask; what is checked here is the object that is asked."""
        try:
            url = URL(target, encoded=True) if base is None else base.join(URL(target))
            host, port = url.host or "", url.port
        except ValueError:
            raise RefusedError(f"{where}: expected an address, found one that cannot be read.") from None
        if url.scheme != "https" or url.user is not None or url.password is not None or not host:
            raise RefusedError(f"{where}: expected https without user and password, found {url.scheme[:20]!r}.")
        name = f"[{host}]" if ":" in host else host
        listed = name if port == 443 else f"{name}:{port}"
        if listed not in self._hosts:
            how = "a redirect to " if base is not None else ""
            raise RefusedError(
                f"{where}: expected a host that artifacts.https_hosts lists, found {how}{listed[:260]!r}."
                " Add it to artifacts.https_hosts, or move the artifact."
            )
        if is_ip_address(host):  # aiohttp asks no resolver about these
            check(host, host, self._allow_loopback)
        return url

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=PublicResolver(self._allow_loopback),
            use_dns_cache=False,
            ssl=True if self._tls is None else self._tls,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=BLOCK,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_s, sock_read=self._timeout_s),
        )
        return self._session


async def _read(response: aiohttp.ClientResponse, where: str, limit: int, deadline: asyncio.Timeout) -> FoundArtifact:
    _judge(response, where)
    refuse_over(where, response.content_length or 0, limit)
    hashed = StreamHash(where, limit)
    async for chunk in response.content.iter_any():
        await hashed.feed(chunk)
        until = deadline.when()
        assert until is not None
        deadline.reschedule(until + len(chunk) / SLOWEST)
    return await hashed.finish()


def _judge(response: aiohttp.ClientResponse, where: str) -> None:
    status = response.status
    if status in (404, 410):
        raise NotFoundError(f"{where}: expected a file, found none ({status}).", status=status)
    if status == 429:
        raise RateLimitedError(
            f"{where}: too many requests.", status=status, retry_after=_seconds(response.headers.get("retry-after"))
        )
    if status >= 500 or status == 408:
        raise UnavailableError(f"{where}: expected the file, found status {status}.", status=status)
    if status != 200:
        raise RefusedError(
            f"{where}: expected the file without logging in, found status {status}."
            " Let it be read without a login, or move it to s3:.",
            status=status,
        )
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise RefusedError(
            f"{where}: expected the bytes as they are, found content encoding {encoding[:20]!r}."
            " Serve the file without compression."
        )


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isascii() and value.isdigit() else None
