"""Logs and exports to test with."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.exports.model import EVERYTHING, Ask, Summary
from app.exports.outside import reader
from app.exports.run import export
from app.search.model import Query
from manifests.note import VerifierKey
from tests.audit.made import KEY, fill

ORIGIN = "countersign.dev/log/acme"
VKEY = VerifierKey(ORIGIN, KEY.public)


def tell_nobody(done: int, total: int) -> None:
    pass


def exported(url: str, to: Path, query: Query = EVERYTHING, form: str = "tiles") -> Summary:
    """On a thread of its own, as exporting blocks."""
    with reader(url) as read:
        return export(read, Ask("acme", form, query), to, (VKEY,), tell_nobody)  # type: ignore[arg-type]


async def export_of(url: str, to: Path, query: Query = EVERYTHING, form: str = "tiles") -> Summary:
    return await asyncio.to_thread(exported, url, to, query, form)


async def whole(folder: Path, batches: tuple[int, ...] = (5, 1, 7, 300)) -> Path:
    """The export of a log of so many records, in a new folder."""
    url = f"sqlite:///{folder}/log.db"
    await fill(url, batches=batches)
    await export_of(url, folder / "export")
    return folder / "export"
