"""Keys come and go; whoever trusts one of them is led to the others by the log itself, and to nobody else."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from app.keys.keeper import Revocation
from app.verification.report import Report
from app.verification.verify import verify
from manifests import checkpoint
from manifests.checkpoint import Checkpoint
from manifests.keys import PrivateKey, PublicKey
from tests.keys.made import DAY_S, Clock, Opened, opened, settings_for
from tests.verification.made import codes
from tests.verification.test_tampering import ORIGIN, tamper


async def rotated(url: str, folder: Path) -> tuple[PublicKey, PublicKey, PrivateKey]:
    """A log that its first key began and its second one goes on with; also the first one's private part."""
    clock = Clock()
    async with opened(settings_for(url, folder), clock, logs=("acme",)) as at:
        old = at.ring.log
        await _write(at, 3)
        await at.keeper.rotate("log", "service:test")
        await _write(at, 3)
        clock.forward(8 * DAY_S)
        await at.keeper.advance()
        await _write(at, 3)
        return old.public, at.ring.log.public, old


async def _write(at: Opened, batches: int) -> None:
    for _ in range(batches):
        await at.write("acme", 2)


async def verified(url: str, *keys: PublicKey) -> Report:
    return await asyncio.to_thread(verify, url, keys, ["acme"], clock=Clock(), thorough=True)


async def test_who_trusts_the_first_key_is_led_forward_and_who_trusts_the_newest_back(
    database_url: str, tmp_path: Path
) -> None:
    old, new, _ = await rotated(database_url, tmp_path)
    for keys in ((old,), (new,), (old, new)):
        report = await verified(database_url, *keys)
        assert report.findings == ()
        assert report.exit_code == 0


async def test_a_strange_key_leads_nowhere(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await rotated(url, tmp_path)
    report = await verified(url, PrivateKey.generate("ed25519").public)
    assert codes(report) == {"audit.key_unknown"}
    assert report.exit_code == 1


async def test_what_a_retired_key_signs_later_does_not_count(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    _, new, stolen = await rotated(url, tmp_path)
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        ((size, note),) = connection.execute("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1").fetchall()
    root = checkpoint.parse(note.encode())[0].root
    forged = checkpoint.sign(Checkpoint(ORIGIN, size, root), [(ORIGIN, stolen)]).decode()

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE checkpoints SET note = ? WHERE size = ?", (forged, size))

    tamper(tmp_path / "log.db", change)
    report = await verified(url, new)
    assert codes(report) == {"audit.checkpoint_altered"}
    assert "found only ones of keys that may not" in report.findings[0].message


async def test_checkpoints_of_a_key_that_was_revoked_are_vouched_for_by_later_ones(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock, logs=("acme",)) as at:
        old = at.ring.log.public
        await _write(at, 3)
        await at.keeper.revoke(Revocation(old.fingerprint, "leaked", sizes={"acme": 3, "system": 0}), "service:test")
        await _write(at, 2)
        new = at.ring.log.public
    assert (await verified(database_url, new)).findings == ()
