"""Speaks to a witness over HTTP (C2SP tlog-witness, the call ``add-checkpoint``)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import aiohttp

from integrations.errors import NotFoundError, RateLimitedError, RefusedError, UnavailableError
from integrations.witness.port import BehindError, ContradictedError
from manifests import strict_base64

MAX_ANSWER = 64 << 10
TIMEOUT_S = 10
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n")


class HttpWitness:
    """``prefix`` is the witness's submission prefix."""

    def __init__(self, prefix: str, timeout_s: float = TIMEOUT_S) -> None:
        self._url = prefix.rstrip("/") + "/add-checkpoint"
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def add(self, old: int, proof: Sequence[bytes], checkpoint: bytes) -> str:
        """As Witness. Asking twice does no harm, so a lost answer is told as unavailable."""
        head = "".join(f"{line}\n" for line in (f"old {old}", *map(strict_base64.encode, proof), ""))
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, headers={"user-agent": "countersign"})
        try:
            async with self._session.post(
                self._url, data=head.encode() + checkpoint, allow_redirects=False
            ) as response:
                return self._read(response, (await _body(response)).decode("utf-8", "replace"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"{self._url}: no answer ({type(error).__name__}).") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _read(self, response: aiohttp.ClientResponse, body: str) -> str:
        status, said = response.status, body.strip()[:200]
        if status == 200:
            return body
        if status == 409:
            size = _SIZE.fullmatch(body)
            if size is None or not response.headers.get("content-type", "").startswith("text/x.tlog.size"):
                raise ContradictedError(f"{self._url}: it knows another tree of this size ({said}).", status=status)
            raise BehindError(f"{self._url}: it knows {size[1]} records.", int(size[1]))
        if status == 422:
            raise ContradictedError(f"{self._url}: what it knows is not this log's beginning ({said}).", status=status)
        if status == 404:
            raise NotFoundError(f"{self._url}: it does not know this log; have its operator add the log's key.")
        if status == 429:
            raise RateLimitedError(f"{self._url}: too many requests.", status=status)
        if status >= 500:
            raise UnavailableError(f"{self._url}: answered {status} ({said}).", status=status)
        raise RefusedError(f"{self._url}: answered {status} ({said}).", status=status)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """All of it, in however many pieces it comes. Raises RefusedError for more than a witness has to say."""
    body = bytearray()
    async for part in response.content.iter_chunked(1 << 12):
        body += part
        if len(body) > MAX_ANSWER:
            raise RefusedError(f"{response.url}: answered more than {MAX_ANSWER} bytes.", status=response.status)
    return bytes(body)
