"""What a journey leaves behind is whole."""

from __future__ import annotations

import asyncio

from app.verification.verify import verify
from tests.journey.played import GREEN, Played


async def test_every_blob_that_a_journey_names_is_kept(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    assert (await short.ask(await short.merge(pull))).decision == "allow"
    url = f"sqlite:///{short.world.folder / 'countersign.db'}"
    keys = [short.service.keys.log.public]
    report = await asyncio.to_thread(verify, url, keys, clock=short.world.clock)
    assert report.findings == ()
    # Of the allow alone: the snapshot, its policies and ten parts less shared ones, verdict and attestation.
    assert report.blobs is not None
    assert report.blobs > 10
