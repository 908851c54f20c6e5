"""What a record names can be had by its digest, exactly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from app.audit.cli import register
from app.blobs.copying import BlobCopying
from app.blobs.store import FILES, BlobStore
from app.sinks import worm
from integrations.objectlock.local import LocalWorm
from tests.db.unguarded import unguarded
from tests.sinks.made import Clock, world

BODY = b"exactly\x00these bytes\n"
BIG = b"z" * 70_000


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A database with one blob inside and one that is only in the folder."""
    path = tmp_path / "countersign.toml"
    path.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/log.db"\n[audit]\nfolder = "{tmp_path}/worm"\n')

    async def fill() -> None:
        async with world(f"sqlite:///{tmp_path}/log.db", Clock()) as w:
            blobs = BlobStore(w.clock, 1 << 16)
            await w.database.write(lambda tx: blobs.put_many(tx, [("verdict", BODY), (FILES, BIG)]))
            w.clock.after(60)
            sink = worm.sink("folder", LocalWorm(tmp_path / "worm"), 10, w.clock)
            assert sink.blobs is not None
            await BlobCopying("folder", sink.blobs, w.database, blobs, w.clock)()

    asyncio.run(fill())
    return path


def run(settings: Path, body: bytes, *more: str) -> Result:
    from manifests.canonical import sha256_hex

    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["audit", "blob", sha256_hex(body), "--config", str(settings), *more])


def test_the_bytes_are_printed_as_they_are(settings: Path) -> None:
    done = run(settings, BODY)
    assert (done.exit_code, done.stdout_bytes) == (0, BODY)


def test_what_lies_outside_is_fetched_from_there(settings: Path, tmp_path: Path) -> None:
    done = run(settings, BIG, "--out", str(tmp_path / "big"))
    assert (done.exit_code, (tmp_path / "big").read_bytes()) == (0, BIG)


def test_what_is_not_there_is_named(settings: Path) -> None:
    done = run(settings, b"never stored")
    assert done.exit_code == 1
    assert "found none" in done.stderr


@pytest.mark.parametrize("digest", ["1234", "x" * 64, ""])
def test_what_is_no_digest_is_a_usage_error(settings: Path, digest: str) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    assert CliRunner().invoke(app, ["audit", "blob", digest, "--config", str(settings)]).exit_code == 2


def test_altered_bytes_are_not_printed(settings: Path, tmp_path: Path) -> None:
    with unguarded(tmp_path / "log.db") as connection:
        connection.execute("UPDATE blobs SET body = x'00' WHERE kind = 'verdict'")
        connection.execute("DELETE FROM blob_places")
    done = run(settings, BODY)
    assert (done.exit_code, done.stdout_bytes) == (1, b"")
    assert "tampered" in done.stderr


@pytest.mark.parametrize("harm", ["UPDATE blobs SET body = x'00'", "DELETE FROM blobs"])
def test_what_was_altered_or_is_gone_is_read_from_its_copy(settings: Path, tmp_path: Path, harm: str) -> None:
    with unguarded(tmp_path / "log.db") as connection:
        connection.execute(f"{harm} WHERE kind = 'verdict'")
    done = run(settings, BODY)
    assert (done.exit_code, done.stdout_bytes) == (0, BODY)
    assert ("tampered" in done.stderr) == harm.startswith("UPDATE")


def test_without_its_place_it_cannot_be_found_out(settings: Path, tmp_path: Path) -> None:
    settings.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/log.db"\n')
    done = run(settings, BIG)
    assert done.exit_code == 3
    assert "it lies in folder" in done.stderr
