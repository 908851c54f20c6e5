"""Killed between any two steps, against a real object-lock server: nothing is skipped, nothing is stored twice."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from app.clock import now
from app.sinks import worm
from integrations.objectlock.s3 import S3Worm
from tests.audit.made import KEY, verified
from tests.sinks.made import Clock, catch_up, exported, world
from tests.sinks.radosgw import Gateway


@pytest.mark.parametrize(("step", "left"), [("put", 0), ("stored", 1), ("recorded", 1)])
async def test_a_kill_between_put_and_record_leaves_one_object_that_is_found_again(
    tmp_path: Path, gateway: Gateway, bucket: str, kept: S3Worm, step: str, left: int
) -> None:
    url, pem = f"sqlite:///{tmp_path}/a.db", tmp_path / "key.pem"
    pem.write_bytes(KEY.to_pem())
    async with world(url, Clock(now())) as w:
        await w.write(30)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.sinks.child", url, gateway.endpoint, bucket, step, str(pem)
    )
    assert await child.wait() == -signal.SIGKILL
    assert len(await kept.keys("acme/segment/")) == left
    async with world(url, Clock(now() + 7200 * 1_000_000)) as w:
        await w.write(3)
        w.clock.after(10)
        await catch_up(w.worker(worm.sink("worm", kept, 10, w.clock)))
        progress = await w.progress("worm")
        assert await exported(kept) == (await w.bodies())[: progress.size]
        assert progress.size >= 33
    assert (await verified(url)).findings == ()
