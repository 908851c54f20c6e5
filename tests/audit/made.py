"""Logs to test with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from app.audit.sequence import LogSequencer
from app.db.database import Database
from app.db.tx import Tx
from app.verification.report import Report
from app.verification.verify import Anchor, verify
from manifests.keys import PrivateKey
from manifests.record import Draft, facts
from tests.db.opened import opened

KEY = PrivateKey.generate("ed25519")
AT = 1_790_000_000_000_000
"""Microseconds since 1970 UTC."""


def draft(number: int, trace: str = "release-1", resource: str = "release/1", note: str = "") -> Draft:
    return Draft(
        trace_id=trace,
        ts=AT + number,
        stage="verify",
        event="verdict.recorded",
        component="gate",
        resource=resource,
        outcome="wait",
        data=facts({"number": number, "note": note}),
    )


async def stage(database: Database, log: str, drafts: Iterable[Draft]) -> None:
    """All in one unit, so in one batch."""
    todo = list(drafts)

    def unit(tx: Tx) -> None:
        for item in todo:
            tx.stage(log, item)

    await database.write(unit)


async def fill(url: str, log: str = "acme", batches: Sequence[int] = (5, 1, 7, 7), first: int = 0) -> None:
    """Batches of records, each with its checkpoint, in four traces (by default twenty records)."""
    async with opened(url, LogSequencer([KEY])) as database:
        number = first
        for size in batches:
            numbers = range(number, number + size)
            await stage(database, log, [draft(n, f"release-{n % 4}", f"release/{n % 4}") for n in numbers])
            number += size


async def verified(url: str, *, anchors: Sequence[Anchor] = (), thorough: bool = True, processes: int = 1) -> Report:
    """On a thread, as verification blocks."""
    return await asyncio.to_thread(
        verify, url, [KEY.public], clock=lambda: AT, anchors=anchors, thorough=thorough, processes=processes
    )
