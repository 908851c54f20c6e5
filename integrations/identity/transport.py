"""GET over HTTPS with a bearer token, and what each answer of a SCIM provider means (RFC 7644 section 3.12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, RefusedError, UnavailableError
from integrations.identity.shapes import Error
from integrations.observing import Observe, observed

NEIGHBOUR = "identity"
SIMULATOR_HEADER = "X-Countersign-Simulator"
MAX_ANSWER = 8 << 20
_LONGEST_WAIT_S = 3600.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

T = TypeVar("T")


class Transport:
    """``base_url`` is https, or http on this machine. ValueError for another address."""

    def __init__(
        self, base_url: str, token: str, *, clock: Callable[[], int], timeout_s: float, refuse_simulator: bool,
        observe: Observe | None,
    ) -> None:  # fmt: skip
        parts = urlsplit(base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError(f"expected an https address of the identity provider, found {parts.scheme or 'no scheme'}")
        self._url = base_url.rstrip("/")
        self._token = token
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._refuse_simulator = refuse_simulator
        self._observe = observe
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, shape: type[T], params: Mapping[str, str] | None = None) -> T:
        """The answer as ``shape``. ``path`` begins with a slash."""
        with observed(self._observe, NEIGHBOUR, self._clock):
            status, headers, body = await self._send(path, params or {})
            if self._refuse_simulator and SIMULATOR_HEADER in headers:
                raise RefusedError(f"{_what(path)} was answered by a simulator, expected a real identity provider")
            if status != 200:
                raise self._failure(path, status, headers, body)
            try:
                return msgspec.json.decode(body, type=shape)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                reason = str(error)
            raise UnavailableError(f"{_what(path)}: the answer is not what RFC 7644 has there: {reason[:200]}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _send(self, path: str, params: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        # Errors are raised after the except clause: aiohttp's own ones hold the request's headers.
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        headers = {"authorization": f"Bearer {self._token}", "accept": "application/scim+json, application/json"}
        try:
            async with self._session.get(
                self._url + path, params=params, headers=headers, allow_redirects=False
            ) as response:
                return response.status, response.headers, await _body(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = type(error).__name__
        raise UnavailableError(f"{_what(path)} could not be done: {reason}")

    def _failure(self, path: str, status: int, headers: Mapping[str, str], body: bytes) -> NeighbourError:
        text = f"{_what(path)} answered {status}{self._detail(body)}"
        if status == 404:
            return NotFoundError(text, status=status)
        if status == 429:
            return RateLimitedError(text, status=status, retry_after=_wait(headers))
        if status >= 500 or status == 408:
            return UnavailableError(text, status=status)
        return RefusedError(text, status=status)

    def _detail(self, body: bytes) -> str:
        try:
            detail = msgspec.json.decode(body, type=Error).detail
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return ""
        readable = " ".join(detail.replace(self._token, "…").split())[:300]
        return f": {readable}" if readable else ""


def _what(path: str) -> str:
    """The call for an error text, without the id, which comes from outside."""
    return f"identity provider GET {'/'.join(path.split('/')[:2])}"


def _wait(headers: Mapping[str, str]) -> float:
    given = headers.get("Retry-After", "")
    return min(float(given), _LONGEST_WAIT_S) if given.isascii() and given.isdigit() else 60.0


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_chunked(1 << 16):
        body += part
        if len(body) > MAX_ANSWER:
            raise RefusedError(f"the identity provider answered more than {MAX_ANSWER} bytes", status=response.status)
    return bytes(body)
