"""s3: addresses (``s3://bucket/key``, optionally ``?versionId=…``), with the credentials of the SDK's usual chain.

What may be read is what those credentials may read: give them the model buckets and nothing else.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import aiohttp

from integrations.artifacts.hashing import BLOCK, StreamHash, refuse_over
from integrations.artifacts.port import FoundArtifact
from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, RefusedError, UnavailableError

SLOWEST = 256 << 10
"""Bytes a second below which a download is given up: a drip would hold a worker for ever."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ABSENT = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchVersion", "404"})
_SLOW_DOWN = frozenset({"SlowDown", "TooManyRequests", "RequestLimitExceeded"})
_MISCONFIGURED = frozenset({"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "ParamValidationError"})


class S3Source:
    """Hashes objects. ``endpoint`` None: AWS. The SDK is loaded with the first address."""

    def __init__(self, endpoint: str | None, timeout_s: float) -> None:
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._open = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: Any = None

    async def digest(self, uri: str, limit: int) -> FoundArtifact:
        """As ArtifactSource."""
        where = uri.partition("?")[0]
        wanted = _object(uri, where)
        sdk = await asyncio.to_thread(importlib.import_module, "botocore.exceptions")
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                return await self._read(wanted, where, limit, deadline)
        except sdk.ClientError as error:
            failure = _answered(error.response, where)
        except sdk.BotoCoreError as error:
            failure = _failed(type(error).__name__, where)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = _failed(type(error).__name__, where)
        raise failure

    async def close(self) -> None:
        await self._open.aclose()
        self._client = None

    async def _read(self, wanted: dict[str, str], where: str, limit: int, deadline: asyncio.Timeout) -> FoundArtifact:
        client = await self._connected()
        answer = await client.get_object(**wanted)
        async with answer["Body"] as body:
            refuse_over(where, int(answer.get("ContentLength", 0)), limit)
            hashed = StreamHash(where, limit)
            while chunk := await body.read(BLOCK):
                await hashed.feed(chunk)
                until = deadline.when()
                assert until is not None
                deadline.reschedule(until + len(chunk) / SLOWEST)
            return await hashed.finish()

    async def _connected(self) -> Any:
        async with self._opening:
            if self._client is None:
                sdk = await asyncio.to_thread(importlib.import_module, "aiobotocore.session")
                config = await asyncio.to_thread(importlib.import_module, "aiobotocore.config")
                self._client = await self._open.enter_async_context(
                    sdk.get_session().create_client(
                        "s3", endpoint_url=self._endpoint, config=config.AioConfig(**self._options())
                    )
                )
            return self._client

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "connect_timeout": self._timeout_s,
            "read_timeout": self._timeout_s,
            "retries": {"total_max_attempts": 2, "mode": "standard"},
            # Everything is hashed here anyway.
            "response_checksum_validation": "when_required",
        }
        if self._endpoint is not None:
            options["s3"] = {"addressing_style": "path"}
        return options


def _object(uri: str, where: str) -> dict[str, str]:
    """The arguments of GetObject."""
    parts = urlsplit(uri)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not _BUCKET.fullmatch(parts.netloc) or query.keys() - {"versionId"}:
        raise RefusedError(
            f"{where}: expected s3://bucket/key, at most with ?versionId=…, found another form. Correct the address."
        )
    wanted = {"Bucket": parts.netloc, "Key": unquote(parts.path[1:], errors="surrogateescape")}
    return {**wanted, "VersionId": query["versionId"]} if query else wanted


def _answered(response: dict[str, Any], where: str) -> NeighbourError:
    code = str(response.get("Error", {}).get("Code", ""))[:60]
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _ABSENT or status == 404:
        return NotFoundError(f"{where}: expected an object, found none ({code}).", status=status)
    if code in _SLOW_DOWN or status == 429:
        return RateLimitedError(f"{where}: too many requests ({code}).", status=status)
    if 400 <= status < 500:
        return RefusedError(
            f"{where}: expected to be allowed to read it, found {code} ({status})."
            " Let the service's credentials read this object, or correct the address.",
            status=status,
        )
    return UnavailableError(f"{where}: expected the object, found {code} ({status}).", status=status)


def _failed(name: str, where: str) -> NeighbourError:
    if name in _MISCONFIGURED:
        return RefusedError(
            f"{where}: expected credentials for S3, found none that can be used ({name})."
            " Give the service an AWS role, profile or access key."
        )
    return UnavailableError(f"{where}: could not be read ({name}). It is tried again later.")
