"""Verification of a log: 10,000 and 1,000,000 records from either database, a sample of a thousand, segments.

Every number is the median of several runs in a process of its own. Where Go and its transparency log packages are
installed, the same records are also checked by them, from one file that is in memory: our own verification reads a
database, and checks columns, chains and heads besides the tree.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import sys
from functools import partial
from pathlib import Path

from sqlalchemy import text

from app.audit import store
from app.audit.sequence import LogSequencer
from app.blobs.store import BlobStore
from app.clock import SECOND, now
from app.db.tx import Tx
from app.metrics import Metrics
from app.sinks import worm
from app.sinks.compare import Comparison
from app.sinks.worker import SinkWorker
from integrations.objectlock.local import LocalWorm
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from manifests.record import Draft, facts
from tests.benchmarks import databases
from tests.benchmarks.result import Measured, main
from tests.db.opened import opened

FEW, MANY, QUICK = 10_000, 1_000_000, 200_000
PER_COMMIT = 1000
PER_TRACE = 40
NOTE = "x" * 90
"""Makes a record about as long as a verdict's: 370 bytes."""

LOG = "acme"
AT_ONCE = 50_000
_BODIES = text("SELECT body FROM records WHERE log = :log AND seq >= :first AND seq < :end ORDER BY seq")
GOPATH = Path("/usr/share/gocode")
"""Where Debian's golang-golang-x-mod-dev puts the packages."""

KEY = PrivateKey.generate("ed25519")
VERIFIER = VerifierKey(f"countersign.dev/log/{LOG}", KEY.public)


async def measure(quick: bool) -> list[Measured]:
    many, runs = (QUICK, 3) if quick else (MANY, 5)
    share = many / MANY
    name = "200k" if quick else "1m"
    found: list[Measured] = []
    async with databases.folder() as folder:
        few = f"sqlite:///{folder}/few.db"
        await _fill(few, FEW)
        found.append(Measured("verify.10k.sqlite", await _run("all", few, folder, 4 * runs), "ms", "≤", 20))
        found.append(Measured("verify.10k.sqlite.one_process", await _run("one", few, folder, 4 * runs), "ms"))
        url = f"sqlite:///{folder}/many.db"
        await _fill(url, many)
        found.append(Measured(f"verify.{name}.sqlite", await _run("all", url, folder, runs), "ms", "≤", 2000 * share))
        found.append(Measured(f"verify.{name}.sqlite.one_process", await _run("one", url, folder, 1), "ms"))
        found.append(Measured(f"sample.{name}.sqlite", await _run("sample", url, folder, 4 * runs), "ms", "≤", 25))
        for size, database in ((FEW, few), (many, url)):
            found += await _go(folder, database, size, runs)
        await _deliver(url, folder / "worm")
        spent = await _run("segments", url, folder / "worm", runs)
        found.append(Measured(f"verify.{name}.segments", spent, "ms", "≤", 400 * share))
    async with databases.folder() as folder, databases.postgres(folder) as url:
        await _fill(url, FEW)
        found.append(Measured("verify.10k.postgresql", await _run("all", url, folder, 4 * runs), "ms", "≤", 30))
        await _fill(url, many, FEW)
        spent = await _run("all", url, folder, runs)
        found.append(Measured(f"verify.{name}.postgresql", spent, "ms", "≤", 3000 * share))
        found.append(Measured(f"sample.{name}.postgresql", await _run("sample", url, folder, 4 * runs), "ms", "≤", 25))
    return found


async def _run(what: str, database: str, folder: Path, runs: int) -> float:
    """Median milliseconds."""
    command = ("-m", "tests.benchmarks.verifying_child", what, database, VERIFIER.encode(), str(folder), str(runs))
    return await _median(sys.executable, *command)


async def _median(*command: str) -> float:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"expected {command[:3]} to end well, found exit code {process.returncode}")
    return statistics.median(map(float, out.split()))


async def _go(folder: Path, database: str, size: int, runs: int) -> list[Measured]:
    """The same records checked by Go; nothing where it is not installed."""
    tool = shutil.which("go")
    if tool is None or not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        return []
    program = folder / "verifying"
    if not program.exists():
        source = Path(__file__).with_suffix(".go")
        environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GOPATH), "GOFLAGS": ""}
        built = await asyncio.create_subprocess_exec(
            tool, "build", "-o", str(program), str(source), env=environment, cwd=folder
        )
        if await built.wait():
            raise RuntimeError("expected Go to build its program, found that it failed")
    entries, note = folder / "entries", folder / "checkpoint"
    async with opened(database) as reading:
        note.write_text(await reading.read(_newest))
        with entries.open("wb") as file:
            for first in range(0, size, AT_ONCE):
                for body in await reading.read(partial(_bodies, first=first)):
                    file.write(len(body).to_bytes(2, "big") + body)
    spent = await _median(str(program), str(entries), str(note), VERIFIER.encode(), str(runs))
    name = "10k" if size == FEW else "200k" if size == QUICK else "1m"
    return [Measured(f"verify.{name}.go", spent, "ms")]


def _newest(tx: Tx) -> str:
    found = store.checkpoint(tx, LOG)
    assert found is not None
    return found.note


def _bodies(tx: Tx, first: int) -> list[bytes]:
    return [bytes(row.body) for row in tx.all(_BODIES, log=LOG, first=first, end=first + AT_ONCE)]


async def _fill(url: str, end: int, start: int = 0) -> None:
    async with opened(url, LogSequencer([KEY])) as database:
        for first in range(start, end, PER_COMMIT):
            await database.write(partial(_stage, first=first, end=min(end, first + PER_COMMIT)))


def _stage(tx: Tx, first: int, end: int) -> None:
    for number in range(first, end):
        trace = f"release-{number // PER_TRACE}"
        draft = Draft(
            trace_id=trace, ts=now(), stage="verify", event="verdict.recorded", component="gate",
            resource=f"release/{trace}", outcome="wait", data=facts({"note": NOTE, "number": number}),
        )  # fmt: skip
        tx.stage(LOG, draft)


async def _deliver(url: str, folder: Path) -> None:
    """All of the log into segments, with receipts."""

    def clock() -> int:
        """A minute ahead: all records are old enough to leave."""
        return now() + 60 * SECOND

    async with opened(url, LogSequencer([KEY])) as database:
        compare = Comparison(database, lambda log: [VERIFIER], clock, Metrics())
        sink = worm.sink("folder", LocalWorm(folder), 10, clock)
        worker = SinkWorker(sink, database, compare, BlobStore(clock), clock, "benchmark")
        while await worker.turn():
            pass


if __name__ == "__main__":
    main(measure, __doc__)
