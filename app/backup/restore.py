"""Restore a backup: verify it, hold it against what lies outside, complete a copy of it, and only then put it in place.

Everything happens in a working copy, which is a SQLite file whatever the target is. The target is touched by the last
step alone, which is one step.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from pydantic import SecretStr
from sqlalchemy import text

from app.backup import blobs, files, place, records, segments
from app.backup.check import MISSING, Backup, open_backup, verify_log
from app.backup.errors import BackupError, NewerStateError
from app.backup.gaps import Gap, compare, sizes
from app.backup.model import DATABASE, Manifest, Progress
from app.backup.own_keys import log_keys
from app.backup.replay import replay, vouched
from app.backup.seal import check
from app.backup.signing import follow, history, replace_lost
from app.backup.witnesses import Asked, ask
from app.clock import Clock
from app.db.connect import connect, sqlite_path
from app.db.database import Unit
from app.db.tx import Tx
from app.keys import steps
from app.keys.model import KeySet
from app.keys.service import open_database
from app.privacy.replay import replay_erasures
from app.settings.model import DatabaseSettings, Settings
from app.sinks.model import Sink
from app.tenants.model import SYSTEM
from app.verification.report import Report
from manifests import record
from manifests.keys import PublicKey
from manifests.record import Draft, Facts, Record

T = TypeVar("T")
WORKING = ".restoring-"

ERASED = "subject.erased"

_ERASED = text(f"SELECT body FROM records WHERE event = '{ERASED}' ORDER BY log, seq")
_STAGED = text("SELECT id, log, draft FROM staged_records ORDER BY id")
_UNSTAGE = text("DELETE FROM staged_records")


class Wish(NamedTuple):
    """What to restore, where to, and what to do about records that the backup lacks."""

    backup: Path
    database: str
    replay: bool = False
    accept_rollback: bool = False
    reason: str = ""
    kept: tuple[bytes, ...] = ()
    """Checkpoints that people kept."""
    lost_key: bool = False
    """The keys that sign the backup's logs are gone; the present one goes on, on record."""


class Restored(NamedTuple):
    """``replayed`` records were brought back, ``given_up`` are the gaps that were accepted, ``erased`` are the
    erasures that were done again; ``compared`` whether anything outside could be asked; ``missing`` says which blobs of
    the replayed records are not to be had."""

    manifest: Manifest
    replayed: int
    given_up: tuple[Gap, ...]
    erased: int
    compared: bool
    missing: tuple[str, ...] = ()


async def restore(
    wish: Wish, settings: Settings, sinks: Sequence[Sink], clock: Clock, progress: Progress,
    asked: Sequence[Asked] = (),
) -> Restored:  # fmt: skip
    """Raises BackupError and its kinds, app.keys.errors.ServerKeyError, app.db.guards.GuardsError."""
    keys = log_keys(settings)
    backup = await asyncio.to_thread(open_backup, wish.backup)
    await _is_empty(wish.database)
    with _working(wish.database, backup.folder) as folder:
        made = await asyncio.to_thread(_copy, backup, folder)
        return await _Restoration(wish, settings, sinks, clock, progress, keys, backup, made, asked).run()


class _Restoration:
    def __init__(
        self, wish: Wish, settings: Settings, sinks: Sequence[Sink], clock: Clock, progress: Progress,
        keys: Sequence[PublicKey], backup: Backup, made: Path, asked: Sequence[Asked],
    ) -> None:  # fmt: skip
        self._wish = wish
        self._settings = settings
        self._sinks = sinks
        self._clock = clock
        self._progress = progress
        self._keys = keys
        self._backup = backup
        self._made = made
        self._asked = asked
        self._url = f"sqlite:///{made}"

    async def run(self) -> Restored:
        # Also brings an older backup to this version's schema, and refuses one whose guards were meddled with.
        await self._once(lambda tx: None)
        await self._verify()
        await self._signed()
        gaps = await self._gaps()
        newer = await self._newer(gaps)
        replayed: list[Record] = []
        missing: list[str] = []
        if self._wish.replay and gaps:
            replayed = await self._replay(gaps, newer)
            missing = await self._blobs(replayed)
            gaps = await self._gaps()
            newer = await self._newer(gaps)
        if gaps and not self._wish.accept_rollback:
            raise NewerStateError(_refusal(gaps, replayed, self._wish.replay))
        erased = await self._complete(gaps, replayed, newer)
        _settle(self._made)
        await self._put()
        compared = bool(self._wish.kept or self._asked) or any(sink.anchors is not None for sink in self._sinks)
        return Restored(self._backup.manifest, len(replayed), tuple(gaps), erased, compared, tuple(missing))

    async def _verify(self, *, lacking: bool = False) -> Report:
        return await asyncio.to_thread(verify_log, self._made, self._keys, self._clock, self._progress, lacking=lacking)

    async def _blobs(self, replayed: Sequence[Record]) -> list[str]:
        """Bring back what the replayed records name; answers what is not to be had."""
        database = await connect(self._url, _nothing)
        try:
            lost = await blobs.bring_back(database, self._sinks, replayed, self._clock)
        finally:
            await database.close()
        report = await self._verify(lacking=True)
        return [*lost, *(item.message for item in report.findings if item.code == MISSING)]

    async def _signed(self) -> None:
        """By a key of ours, or by one that the log, verified by now, names: keys are replaced."""
        told = await self._once(lambda tx: history(tx, SYSTEM, *self._keys))
        check(self._backup.raw, self._backup.signature, [one.key for one in told.periods if one.counts_to is None])

    async def _gaps(self) -> list[Gap]:
        logs = {SYSTEM, *(tenant.id for tenant in self._settings.tenants)}
        with closing(sqlite3.connect(self._made)) as connection:
            logs |= sizes(connection).keys()
            histories = await self._once(lambda tx: {log: history(tx, log, *self._keys) for log in logs})
            gaps = await compare(connection, self._sinks, logs, histories.__getitem__, self._wish.kept)
            gaps = await ask(connection, sorted(logs), gaps, self._asked)
        forked = [gap for gap in gaps if gap.forked]
        if forked:
            raise NewerStateError(_lines(forked))
        return gaps

    async def _once(self, unit: Unit[T]) -> T:
        """In the working copy, before anything new is recorded there."""
        database = await connect(self._url, _nothing)
        try:
            return await database.write(unit)
        finally:
            await database.close()

    async def _newer(self, gaps: Iterable[Gap]) -> dict[str, list[bytes]]:
        """By log, the missing records as far as segments hold them."""
        return {gap.log: await segments.bodies(self._sinks, gap.log, gap.have, gap.size) for gap in gaps}

    async def _replay(self, gaps: Sequence[Gap], newer: dict[str, list[bytes]]) -> list[Record]:
        def unit(tx: Tx) -> list[Record]:
            done = []
            for gap in gaps:
                done += replay(tx, gap, newer[gap.log])
                follow(tx, gap.log)
            return done

        return await self._once(unit)

    async def _complete(
        self, gaps: Sequence[Gap], replayed: Sequence[Record], newer: dict[str, list[bytes]]
    ) -> int:  # fmt: skip
        """What must be in the log before anybody is served; answers how many erasures were done again."""
        settings = self._settings.model_copy(update={"database": DatabaseSettings(url=SecretStr(self._url))})
        # Not strict: keys that are in use elsewhere are not moved on by what an old log says of them.
        database, ring = await open_database(settings, self._clock, strict=False)
        keys = ring.of("log")
        try:
            if not self._wish.lost_key:
                await database.read(lambda tx: steps.expect_signers(tx, keys))
            return await database.write(partial(self._finish, keys=keys, gaps=gaps, replayed=replayed, newer=newer))
        finally:
            await database.close()

    def _finish(
        self, tx: Tx, *, keys: KeySet, gaps: Sequence[Gap], replayed: Sequence[Record], newer: dict[str, list[bytes]]
    ) -> int:  # fmt: skip
        now = self._clock()
        if self._wish.lost_key:
            replace_lost(tx, keys, self._wish.reason, now)
        _number_what_waited(tx, replayed)
        # What was erased stays erased, also where its record is given up; the log then says so anew.
        lost = [one for gap in gaps for one in vouched(tx, gap, newer[gap.log]) if one.event == ERASED]
        for one in lost:
            tx.stage(one.log, _again(one, now))
        for gap in gaps:
            tx.stage(gap.log, records.given_up(gap, self._wish.reason, now))
        what = records.Restoration(
            self._backup.sha256, self._backup.manifest.made_at, len(replayed), self._wish.reason,
            tuple(records.LogSize(one.log, one.size) for one in self._backup.manifest.logs),
        )  # fmt: skip
        tx.stage(SYSTEM, records.restored(what, now))
        return replay_erasures(tx, [*(record.parse(bytes(row.body)) for row in tx.all(_ERASED)), *lost])

    async def _put(self) -> None:
        target = sqlite_path(self._wish.database)
        if target is not None:
            await asyncio.to_thread(place.into_sqlite, self._made, target)
        else:
            await place.into_postgres(self._made, self._wish.database, self._progress)


def _number_what_waited(tx: Tx, replayed: Sequence[Record]) -> None:
    """Records that a PostgreSQL replica had staged when the backup was made; some may be among those brought back."""
    there = {_content(one) for one in replayed}
    for row in tx.all(_STAGED):
        draft = msgspec.json.decode(row.draft, type=Draft)
        if (row.log, *_content_of(draft)) not in there:
            tx.stage(row.log, draft)
    tx.run(_UNSTAGE)


def _again(one: Record, at: int) -> Draft:
    return Draft(
        trace_id=one.trace_id, ts=at, stage=one.stage, event=one.event, component=one.component, action=one.action,
        resource=one.resource, actor_ref=one.actor_ref, outcome=one.outcome, data=Facts(one.data),
    )  # fmt: skip


def _content(one: Record) -> tuple[str, ...]:
    return (one.log, one.trace_id, str(one.ts), one.event, one.resource, bytes(one.data).decode())


def _content_of(draft: Draft) -> tuple[str, ...]:
    return (draft.trace_id, str(draft.ts), draft.event, draft.resource, bytes(draft.data).decode())


async def _is_empty(url: str) -> None:
    path = sqlite_path(url)
    if path is not None:
        place.sqlite_is_empty(path)
    else:
        await place.postgres_is_empty(url)


@contextmanager
def _working(url: str, backup: Path) -> Iterator[Path]:
    """A folder for the copy: beside a SQLite target, so that it can be moved into place, else beside the backup. It
    goes with whatever is left in it, and so does that of a process that was killed."""
    beside = sqlite_path(url) or backup
    working = beside.with_name(f"{WORKING}{beside.name}")
    with files.only_one(working):
        for left in working.glob(f"{DATABASE}*"):
            left.unlink()
        try:
            yield working
        finally:
            shutil.rmtree(working, ignore_errors=True)


def _copy(backup: Backup, folder: Path) -> Path:
    made = folder / DATABASE
    try:
        shutil.copyfile(backup.database, made)
        made.chmod(0o600)
    except OSError as error:
        raise BackupError(f"expected room for a copy in {folder}, found: {error}") from error
    return made


def _settle(made: Path) -> None:
    """One file, with nothing beside it that belongs to it."""
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")


def _nothing(tx: Tx) -> None:
    if tx.staged:
        raise AssertionError("expected no new record before the old ones are back")


def _refusal(gaps: Sequence[Gap], replayed: Sequence[Record], tried: bool) -> str:
    lines = _lines(gaps)
    if not tried:
        return (
            f"{lines}\nNothing was restored. Bring back what segments in WORM storage hold with --replay, use a newer "
            "backup, or give the missing records up with --accept-rollback --reason '…'."
        )
    return (
        f"{lines}\nNothing was restored: segments hold {len(replayed)} of the missing records, and no more that "
        "anybody vouches for. Use a newer backup, or give the rest up with --accept-rollback --reason '…'."
    )


def _lines(gaps: Sequence[Gap]) -> str:
    return "\n".join(str(gap) for gap in gaps)
