"""Reads artifacts wherever an address may point: file:, https: and s3:, nothing else."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from integrations.artifacts.file import FileSource
from integrations.artifacts.https import HttpsSource
from integrations.artifacts.port import FoundArtifact
from integrations.artifacts.s3 import S3Source
from integrations.errors import RefusedError
from manifests.release_parser_artifacts import uri_mistake


class Artifacts:
    """The ArtifactSource of the service.

    ``file_roots``, ``https_hosts`` (``host`` or ``host:port``, lower case) and ``s3_buckets`` are all that is
    allowed; empty means none. ``s3_endpoint`` None means AWS. ``timeout_s`` bounds connecting and each silence,
    in seconds.
    ``allow_loopback`` is for tests and the sandbox only.
    """

    def __init__(
        self,
        file_roots: Sequence[Path],
        https_hosts: Collection[str],
        s3_endpoint: str | None,
        timeout_s: float = 60,
        *,
        allow_loopback: bool = False,
        tls: ssl.SSLContext | None = None,
        s3_buckets: Collection[str] = (),
    ) -> None:
        self._file = FileSource(file_roots)
        self._https = HttpsSource(https_hosts, timeout_s, allow_loopback, tls)
        self._s3 = S3Source(s3_endpoint, timeout_s)
        self._buckets = frozenset(s3_buckets)
        # Many more at once than processors gain nothing and would starve the other users of the thread pool.
        self._slots = asyncio.Semaphore(max(4, os.cpu_count() or 1))

    async def digest(self, uri: str, limit: int) -> FoundArtifact:
        """SHA-256 and size of everything at ``uri``; at most ``limit`` bytes are read.

        RefusedError: not allowed, or too large. NotFoundError: nothing there. RateLimitedError and
        UnavailableError: ask again later.
        """
        mistake = uri_mistake(uri)
        if mistake is not None:
            raise RefusedError(f"{uri[:200]!r}: {mistake} Correct the address.")
        async with self._slots:
            match urlsplit(uri).scheme:
                case "file":
                    return await self._file.digest(uri, limit)
                case "https":
                    return await self._https.digest(uri, limit)
                case "s3":
                    self._expect_listed(urlsplit(uri).netloc)
                    return await self._s3.digest(uri, limit)
        raise RefusedError(f"{uri}: expected file:, https: or s3:. Put the artifact where one of these reaches it.")

    def _expect_listed(self, bucket: str) -> None:
        """Our credentials may read more than authors of releases may name."""
        if bucket not in self._buckets:
            raise RefusedError(
                f"expected a bucket that artifacts.s3_buckets lists, found {bucket[:100]!r}. Have it listed there."
            )

    async def close(self) -> None:
        await self._https.close()
        await self._s3.close()
