"""A stateful witness over real HTTP, held to C2SP tlog-witness: it checks everything a witness must check."""

from __future__ import annotations

import time
from collections.abc import Callable

from aiohttp import web

from manifests import checkpoint, cosignature, strict_base64
from manifests.checkpoint import Checkpoint
from manifests.errors import ManifestError
from manifests.keys import PrivateKey
from manifests.merkle import verify_consistency
from manifests.note import VerifierKey

_MAX_PROOF = 63


class WitnessSimulator:
    """``logs`` are the keys of the logs it knows, by origin; ``seen`` is the newest tree of each."""

    def __init__(
        self, name: str, key: PrivateKey, logs: dict[str, VerifierKey], clock: Callable[[], float] = time.time
    ) -> None:
        self.seen: dict[str, Checkpoint] = {}
        self.failing = 0
        """Answered instead of anything else, when not 0."""
        self._name = name
        self._key = key
        self._logs = logs
        self._clock = clock
        self._runner: web.AppRunner | None = None

    @property
    def vkey(self) -> str:
        return cosignature.WitnessKey(self._name, self._key.public).encode()

    async def start(self) -> str:
        """Its submission prefix."""
        app = web.Application()
        app.router.add_post("/add-checkpoint", self._add)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _add(self, request: web.Request) -> web.Response:
        if self.failing:
            return web.Response(status=self.failing)
        head, _, data = (await request.read()).partition(b"\n\n")
        try:
            old, proof = _head(head.decode())
            found, _ = checkpoint.parse(data)
        except (ManifestError, ValueError) as error:
            return web.Response(status=400, text=str(error))
        known = self._logs.get(found.origin)
        if known is None:
            return web.Response(status=404)
        try:
            checkpoint.verify(data, found.origin, [known])
        except ManifestError as error:
            return web.Response(status=403, text=str(error))
        return self._cosign(old, proof, found)

    def _cosign(self, old: int, proof: list[bytes], found: Checkpoint) -> web.Response:
        seen = self.seen.get(found.origin)
        size = seen.size if seen else 0
        if old > found.size:
            return web.Response(status=400)
        if old != size:
            return web.Response(status=409, body=f"{size}\n".encode(), content_type="text/x.tlog.size")
        if seen is not None and seen.size == found.size and seen.root != found.root:
            return web.Response(status=409, text="another tree of the same size")
        if seen is None or size == 0:
            consistent = not proof
        else:
            consistent = verify_consistency(size, found.size, seen.root, found.root, proof)
        if not consistent:
            return web.Response(status=422)
        self.seen[found.origin] = found
        signed = cosignature.sign(found.text(), self._name, self._key, int(self._clock()))
        return web.Response(text=signed.line)


def _head(text: str) -> tuple[int, list[bytes]]:
    first, *lines = text.split("\n")
    word, _, size = first.partition(" ")
    if word != "old" or not size.isdecimal() or str(int(size)) != size or len(lines) > _MAX_PROOF:
        raise ValueError("expected an old size line and at most 63 hashes")
    return int(size), [strict_base64.decode(line, "a hash") for line in lines]
