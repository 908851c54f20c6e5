"""A C2SP witness as a sink of anchors: it keeps the newest tree where we cannot reach it, and cosigns."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from app.audit import proofs
from app.audit import store as audit
from app.audit.errors import TreeAlteredError
from app.audit.store import StoredCheckpoint
from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.sinks.model import Anchor, Sink
from integrations.errors import RefusedError, UnavailableError
from integrations.witness.port import BehindError, ContradictedError, Witness
from manifests import checkpoint, cosignature
from manifests.cosignature import Cosignature, WitnessKey
from manifests.errors import ManifestError

LOOKS = 3
"""How often the newest checkpoint is shown to a witness that has seen a newer one by then."""

AHEAD_US = 3_600 * SECOND
"""How far a witness's clock may be ahead of ours."""

_KEEP = text(
    "INSERT INTO cosignatures (log, size, witness, line, at) VALUES (:log, :size, :witness, :line, :at)"
    " ON CONFLICT DO NOTHING"
)
_NEWEST = text(
    "SELECT c.note, w.line FROM cosignatures w JOIN checkpoints c ON c.log = w.log AND c.size = w.size"
    " WHERE w.log = :log AND w.witness = :witness ORDER BY w.size DESC LIMIT 1"
)


def name_of(key: WitnessKey) -> str:
    """By its key, so that it stays the same wherever it stands in the settings."""
    return f"witness-{key.key_id.hex()}"


def sink(name: str, witness: Witness, key: WitnessKey, database: Database, clock: Clock) -> Sink:
    return Sink(name, _no_problems, witness.close, None, WitnessSink(witness, key, database, clock))


class WitnessSink:
    """See AnchorSink. What the witness knows is asked of it; what it cosigned is kept in the database."""

    interval_us = 10 * SECOND

    def __init__(self, witness: Witness, key: WitnessKey, database: Database, clock: Clock) -> None:
        self._witness = witness
        self._key = key
        self._database = database
        self._clock = clock
        self._known: dict[str, int] = {}

    async def anchor(self, log: str, size: int, note: bytes) -> str:
        """Have a checkpoint cosigned. Raises ContradictedError where the witness knows another history."""
        found = await self._cosigned(log, size, note)
        row = {"log": log, "size": size, "witness": self._key.name, "line": found.line, "at": found.time * SECOND}
        await self._database.write(lambda tx: tx.run(_KEEP, **row))
        return str(size)

    async def newest(self, log: str, since: str) -> Sequence[Anchor]:
        row = await self._database.read(lambda tx: tx.first(_NEWEST, log=log, witness=self._key.name))
        return [Anchor(log, (row.note + row.line).encode(), f"cosigned by {self._key.name}")] if row else []

    async def contradicts(self, log: str) -> str:
        """Shows the witness the newest checkpoint: a smaller tree than it saw, or another, cannot be cosigned."""
        for _ in range(LOOKS):
            newest = await self._newest(log)
            if newest is None:
                return ""
            try:
                await self._cosigned(log, newest.size, newest.note.encode())
            except BehindError:
                continue
            except (ContradictedError, TreeAlteredError) as error:
                return str(error)
            return ""
        raise UnavailableError(f"{self._key.name} saw log {log} grow each time it was asked.")

    async def _cosigned(self, log: str, size: int, note: bytes) -> Cosignature:
        found, _ = checkpoint.parse(note)
        try:
            lines = await self._add(log, self._known.get(log, 0), size, note)
        except BehindError as error:
            if error.size > size:
                await self._expect_grown(log, error.size)
                raise
            lines = await self._add(log, error.size, size, note)
        self._known[log] = size
        try:
            made = cosignature.verify(found.text(), lines, self._key)
        except ManifestError as error:
            raise RefusedError(str(error)) from error
        if made.time * SECOND > self._clock() + AHEAD_US:
            raise RefusedError(
                f"{self._key.name}: expected a cosignature of now, found one of {made.time} s since 1970, which is yet "
                "to come. Compare its clock with this one."
            )
        return made

    async def _expect_grown(self, log: str, seen: int) -> None:
        """The witness saw more than it was shown: either another showed it more meanwhile, or the log was cut."""
        newest = await self._newest(log)
        have = newest.size if newest is not None else 0
        if seen > have:
            raise ContradictedError(f"{self._key.name} saw {seen} records, the log has {have}: it was rolled back.")

    async def _newest(self, log: str) -> StoredCheckpoint | None:
        return await self._database.read(lambda tx: audit.checkpoint(tx, log))

    async def _add(self, log: str, old: int, size: int, note: bytes) -> str:
        # A restored older state may be shorter than what was known before.
        old = min(old, size)
        proof = await self._database.read(lambda tx: _proof(tx, log, old, size))
        try:
            return await self._witness.add(old, proof, note)
        except ContradictedError as error:
            raise ContradictedError(
                f"{self._key.name} saw another tree of {old} records than the log had: it was forked."
            ) from error


def _proof(tx: Tx, log: str, old: int, size: int) -> Sequence[bytes]:
    return proofs.consistency(tx, log, old, size).proof if 0 < old < size else ()


async def _no_problems() -> Sequence[str]:
    return ()
