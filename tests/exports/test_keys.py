"""Keys come and go; an export has those that its checkpoints need, and none that leaked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.audit.sequence import LogSequencer
from app.exports.errors import ExportError
from app.exports.model import Ask
from app.exports.outside import reader
from app.exports.run import export
from app.keys import records
from app.keys.records import SERVER, Successor, Withdrawal
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from manifests.record import Draft
from tests.audit.made import AT, draft, stage
from tests.db.opened import opened
from tests.exports import strangers
from tests.exports.made import ORIGIN, tell_nobody
from tests.exports.test_tree import Go, go

__all__ = ["go"]

OLD, NEW = PrivateKey.generate("ed25519"), PrivateKey.generate("ed25519")
ROTATED = records.rotated("log", Successor(NEW.public, OLD.public), "acme", AT, SERVER)
RETIRED = records.retired("log", OLD.public, AT, SERVER)


def revoked(size: int) -> Draft:
    return records.revoked("log", OLD.public, Withdrawal("leaked", size=size), AT, SERVER)


async def rotated(url: str, *ends: Draft) -> None:
    """Ten records under the old key, one that names the new one, ten under both, the end of the old one, ten more."""
    steps = (
        ((OLD,), [draft(number) for number in range(10)]),
        ((OLD,), [ROTATED]),
        ((OLD, NEW), [draft(number) for number in range(10, 20)]),
        ((OLD, NEW), list(ends)),
        ((NEW,), [draft(number) for number in range(20, 30)]),
    )
    for keys, drafts in steps:
        async with opened(url, LogSequencer(keys)) as database:
            await stage(database, "acme", drafts)


def names(folder: Path) -> set[str]:
    return {path.read_text().strip() for path in (folder / "keys").glob("*.vkey")}


def vkey(key: PrivateKey) -> VerifierKey:
    return VerifierKey(ORIGIN, key.public)


def make(url: str, to: Path, *given: PrivateKey) -> None:
    with reader(url) as read:
        export(read, Ask("acme"), to, tuple(map(vkey, given)), tell_nobody)


async def test_checkpoints_of_every_key_that_was_retired_verify(tmp_path: Path, go: Go) -> None:
    url, to = f"sqlite:///{tmp_path}/log.db", tmp_path / "export"
    await rotated(url, RETIRED)
    await asyncio.to_thread(make, url, to, NEW)
    assert names(to) == {vkey(OLD).encode(), vkey(NEW).encode()}
    ran = go(to)
    assert (ran.returncode, ran.stdout) == (
        0, "32 records lead to the signed root; 1 earlier checkpoints are its beginnings.\n"
    )  # fmt: skip
    assert "Signature Verified Successfully" in strangers.commands(to, (to / "README.md").read_text())


async def test_a_key_that_leaked_is_not_given_out(tmp_path: Path, go: Go) -> None:
    url, to = f"sqlite:///{tmp_path}/log.db", tmp_path / "export"
    await rotated(url, revoked(5))
    await asyncio.to_thread(make, url, to, NEW)
    assert names(to) == {vkey(NEW).encode()}
    ran = go(to)
    assert (ran.returncode, ran.stdout) == (
        0, "32 records lead to the signed root; 0 earlier checkpoints are its beginnings.\n"
    )  # fmt: skip


async def test_a_key_that_the_log_does_not_know_exports_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await rotated(url, RETIRED)
    with pytest.raises(ExportError, match="the log does not know"):
        await asyncio.to_thread(make, url, tmp_path / "export", PrivateKey.generate("ed25519"))
