"""S3 with Object Lock in COMPLIANCE mode, with the credentials of the SDK's usual chain.

The SDK is loaded at the first call: it costs a second and tens of megabytes that most processes never need.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib
import math
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from integrations.errors import NotFoundError
from integrations.objectlock.answers import translated
from integrations.objectlock.port import Held, Version

MODE = "COMPLIANCE"
DAYS_A_YEAR = 365.25
SECOND = 1_000_000


class S3Worm:
    """See WormStore. ``endpoint`` None: AWS. ``keys``: access key and secret, None for the usual chain."""

    def __init__(
        self,
        bucket: str,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        keys: tuple[str, str] | None = None,
        timeout_s: float = 20.0,
    ) -> None:
        self._bucket = bucket
        self._endpoint = endpoint
        self._region = region
        self._keys = keys
        self._timeout_s = timeout_s
        self._open = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: Any = None

    async def put(self, key: str, data: bytes, until: int) -> str:
        """As WormStore. One attempt: a lost answer is for the caller to clear up, never repeated blindly."""
        client = await self._connected()
        with translated(f"s3://{self._bucket}/{key}: put", write=True):
            answer = await client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType="application/octet-stream",
                ContentMD5=_base64(hashlib.md5(data, usedforsecurity=False)),
                ChecksumSHA256=_base64(hashlib.sha256(data)),
                ObjectLockMode=MODE,
                # Rounded up: the lock never ends before it was asked to.
                ObjectLockRetainUntilDate=datetime.fromtimestamp(-(-until // SECOND), UTC),
            )
        return str(answer.get("VersionId", ""))

    async def read(self, key: str, version_id: str) -> Held:
        client = await self._connected()
        with translated(f"s3://{self._bucket}/{key}, version {version_id}: read"):
            answer = await client.get_object(Bucket=self._bucket, Key=key, VersionId=version_id)
            async with answer["Body"] as body:
                data = await body.read()
        until = answer.get("ObjectLockRetainUntilDate")
        return Held(
            data,
            answer.get("ObjectLockMode") == MODE and until is not None,
            int(until.timestamp()) * SECOND if until is not None else 0,
        )

    async def versions(self, key: str) -> Sequence[Version]:
        """As WormStore. Names are ordered and a key comes before all that it begins."""
        client = await self._connected()
        found: list[Version] = []
        marks: dict[str, str] = {}
        while True:
            with translated(f"s3://{self._bucket}/{key}: list versions"):
                page = await client.list_object_versions(Bucket=self._bucket, Prefix=key, **marks)
            listed = page.get("Versions", [])
            found += [Version(key, one["VersionId"], one["Size"]) for one in listed if one["Key"] == key]
            further = any(one["Key"] != key for one in listed)
            if further or not page.get("IsTruncated"):
                return found
            marks = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    async def keys(self, prefix: str, after: str = "", most: int = 1000) -> Sequence[str]:
        """As WormStore. Asked of the versions: a delete marker hides a key from the ordinary list."""
        client = await self._connected()
        found: dict[str, None] = {}
        marks = {"KeyMarker": after} if after else {}
        while len(found) < most:
            with translated(f"s3://{self._bucket}/{prefix}…: list"):
                page = await client.list_object_versions(
                    Bucket=self._bucket, Prefix=prefix, MaxKeys=min(most, 1000), **marks
                )
            found |= dict.fromkeys(one["Key"] for one in page.get("Versions", []) if one["Key"] > after)
            if not page.get("IsTruncated"):
                break
            marks = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        return list(found)[:most]

    async def problems(self, days: int) -> Sequence[str]:
        client = await self._connected()
        try:
            with translated(f"s3://{self._bucket}: read the object lock's configuration"):
                lock = await client.get_object_lock_configuration(Bucket=self._bucket)
        except NotFoundError:
            lock = {}
        with translated(f"s3://{self._bucket}: read whether versions are kept"):
            versioning = await client.get_bucket_versioning(Bucket=self._bucket)
        return [f"s3://{self._bucket}: {problem}" for problem in _problems(lock, versioning, days)]

    async def close(self) -> None:
        await self._open.aclose()
        self._client = None

    async def _connected(self) -> Any:
        async with self._opening:
            if self._client is None:
                sdk = await asyncio.to_thread(importlib.import_module, "aiobotocore.session")
                config = await asyncio.to_thread(importlib.import_module, "aiobotocore.config")
                http = await asyncio.to_thread(importlib.import_module, "aiobotocore.httpsession")
                access, secret = self._keys or (None, None)
                made = sdk.get_session().create_client(
                    "s3",
                    endpoint_url=self._endpoint,
                    region_name=self._region,
                    aws_access_key_id=access,
                    aws_secret_access_key=secret,
                    config=config.AioConfig(**self._options(http.AIOHTTPSession)),
                )
                with translated("s3"):
                    self._client = await self._open.enter_async_context(made)
            return self._client

    def _options(self, sessions: type[Any]) -> dict[str, Any]:
        s3: dict[str, Any] = {"payload_signing_enabled": True}
        if self._endpoint is not None:
            s3["addressing_style"] = "path"
        return {
            "connect_timeout": self._timeout_s,
            "read_timeout": self._timeout_s,
            "retries": {"total_max_attempts": 1},
            "http_session_cls": _sending_once(sessions),
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            "s3": s3,
        }


def _sending_once(sessions: type[Any]) -> type[Any]:
    """aiohttp sends a PUT again by itself when the connection breaks, below the SDK and whatever its retries are set
    to. Each time would be another version."""

    class SendingOnce(sessions):  # type: ignore[misc]
        async def _get_session(self, proxy_url: str | None) -> Any:
            session = await super()._get_session(proxy_url)
            session._retry_connection = False
            return session

    return SendingOnce


def _problems(lock: dict[str, Any], versioning: dict[str, Any], days: int) -> list[str]:
    """What the two answers say that is weaker than ``days`` in COMPLIANCE mode."""
    found = []
    configured = lock.get("ObjectLockConfiguration", {})
    if configured.get("ObjectLockEnabled") != "Enabled":
        found.append("expected object lock to be enabled, found it is not. It can only be had from the beginning.")
    if versioning.get("Status") != "Enabled":
        found.append(f"expected versioning to be enabled, found {versioning.get('Status', 'nothing')}. Enable it.")
    default = configured.get("Rule", {}).get("DefaultRetention", {})
    if not default:
        found.append(f"expected a default retention of {days} days, found none. Set it.")
        return found
    # Seven years mean as many days as seven years can have.
    kept = int(default.get("Days", 0)) + math.ceil(int(default.get("Years", 0)) * DAYS_A_YEAR)
    if default.get("Mode") != MODE:
        found.append(f"expected default retention in mode {MODE}, found {default.get('Mode')}. Set it.")
    if kept < days:
        found.append(f"expected a default retention of {days} days, found {kept}. Set it.")
    return found


def _base64(digest: Any) -> str:
    return base64.b64encode(digest.digest()).decode()
