"""A service's database and keys, looked after by a keeper whose clock the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr
from sqlalchemy import text

from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.audit.store import StoredCheckpoint
from app.clock import SECOND
from app.db.database import Database
from app.db.tx import Tx
from app.keys import records
from app.keys.keeper import Keeper
from app.keys.ring import KeyRing
from app.keys.service import open_database
from app.settings import Settings
from app.settings.model import DatabaseSettings, KeySettings
from manifests import key_history, note
from manifests.key_history import KeyHistory
from manifests.keys import PublicKey
from manifests.note import VerifierKey
from manifests.record import Draft, facts

DAY_S = 86_400
LOGS = ("acme", "globex")


class Clock:
    """Stands until it is moved. Microseconds since 1970 UTC."""

    def __init__(self) -> None:
        self.now = 1_790_000_000 * SECOND

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


class Opened(NamedTuple):
    database: Database
    ring: KeyRing
    keeper: Keeper
    clock: Clock

    async def write(self, log: str, count: int = 1) -> None:
        def unit(tx: Tx) -> None:
            for _ in range(count):
                tx.stage(log, draft(self.clock()))

        await self.database.write(unit)

    async def signers(self, log: str) -> list[frozenset[str]]:
        """By checkpoint of a log, the fingerprints of those of its keys that signed."""
        history, checkpoints = await self.told(log), await self.checkpoints(log)
        keys = [VerifierKey(history.origin, period.key) for period in history.periods]
        found = [note.verified_by(note.parse(one.note.encode()), keys) for one in checkpoints]
        return [frozenset(one.key.fingerprint for one in by) for by in found]

    async def checkpoints(self, log: str) -> list[StoredCheckpoint]:
        query = text("SELECT size, note FROM checkpoints WHERE log = :log ORDER BY size")
        found = await self.database.read(lambda tx: tx.all(query, log=log))
        return [StoredCheckpoint(row.size, row.note) for row in found]

    async def told(self, log: str) -> KeyHistory:
        """What a stranger reads from the log."""
        name, first = origin(DEFAULT_ORIGIN, log), self.ring.log.public
        return await self.database.read(lambda tx: records.history(tx, log, name, first))

    async def expect_sound(self, log: str, *trusted: PublicKey) -> None:
        """Every checkpoint has a signature that counts, and trust leads to every key."""
        history = await self.told(log)
        signed = []
        for one in await self.checkpoints(log):
            judged = key_history.judge(history, one.note.encode())
            assert judged.checkpoint.size == one.size
            if not judged.taken_back:
                signed.append(key_history.Signed(one.size, judged.by))
        every = {period.key.fingerprint for period in history.periods}
        assert key_history.believed(history, trusted, signed) == every


def draft(at: int, trace: str = "release-1") -> Draft:
    return Draft(
        trace_id=trace, ts=at, stage="verify", event="verdict.recorded", component="gate", resource="release/1",
        outcome="wait", data=facts({}),
    )  # fmt: skip


def settings_for(url: str, folder: Path, keys: Mapping[str, object] | None = None) -> Settings:
    return Settings(
        database=DatabaseSettings(url=SecretStr(url)),
        keys=KeySettings.model_validate({"directory": folder / "keys", **(keys or {})}),
    )


@asynccontextmanager
async def opened(
    settings: Settings, clock: Clock, *, logs: Sequence[str] = LOGS, strict: bool = True
) -> AsyncIterator[Opened]:
    database, ring = await open_database(settings, clock, strict=strict)
    found = Opened(database, ring, Keeper(database, ring, settings.keys, clock), clock)
    try:
        for log in logs:
            await found.write(log)
        yield found
    finally:
        await database.close()
