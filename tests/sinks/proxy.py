"""A wire that can be cut: what is sent arrives, what is answered is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Proxy:
    """Carries bytes to ``upstream``. While ``lose`` is above 0, the answer to a request that begins with
    ``losing`` is swallowed and the connection cut. While ``cut``, nobody gets through."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname, parts.port)
        self._tasks: set[asyncio.Task[None]] = set()
        self.endpoint = ""
        self.losing = b"PUT "
        self.lose = 0
        self.lost = 0
        self.cut = False

    @classmethod
    @asynccontextmanager
    async def to(cls, upstream: str) -> AsyncIterator[Proxy]:
        proxy = cls(upstream)
        server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        proxy.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield proxy
        finally:
            server.close()
            for task in proxy._tasks:
                task.cancel()
            await asyncio.gather(*proxy._tasks, return_exceptions=True)
            await server.wait_closed()

    def _accept(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(client, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        upstream: asyncio.StreamWriter | None = None
        with contextlib.suppress(OSError):
            if not self.cut:
                server, upstream = await asyncio.open_connection(*self._upstream)
                await self._carry(client, answer, server, upstream)
        for writer in (answer, upstream):
            if writer is not None:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _carry(
        self,
        client: asyncio.StreamReader,
        answer: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
    ) -> None:
        doomed = False

        async def there() -> None:
            nonlocal doomed
            while data := await client.read(1 << 16):
                if self.lose and data.startswith(self.losing):
                    self.lose -= 1
                    doomed = True
                upstream.write(data)
                await upstream.drain()

        async def back() -> None:
            while data := await server.read(1 << 16):
                if doomed and not data.startswith(b"HTTP/1.1 100"):
                    self.lost += 1
                    return
                answer.write(data)
                await answer.drain()

        both = [asyncio.create_task(there()), asyncio.create_task(back())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
