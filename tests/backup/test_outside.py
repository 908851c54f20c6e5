"""Backups in a bucket with object lock: whole or none, restored from there, and never somebody else's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from pydantic import ValidationError

from app.backup import outside
from app.backup.errors import BackupAlteredError, BackupError
from app.backup.make import DAY_US, Made, backups
from app.backup.outside import Head
from app.backup.own_keys import log_keys
from app.backup.seal import signing
from app.backup.service import Backups
from app.metrics import Metrics
from app.settings.model import BackupSettings, WormSettings
from integrations.errors import UnavailableError
from integrations.objectlock.local import LocalWorm
from manifests.canonical import sha256_hex
from manifests.keys import PublicKey
from tests.audit.made import AT, KEY
from tests.backup.made import backed_up, fill, found, restored, service, settings
from tests.backup.test_make import said
from tests.sinks.made import Clock

SMALL = 16 << 10
UNTIL = AT + 30 * DAY_US


@pytest.fixture
async def made(tmp_path: Path) -> Made:
    await fill(f"sqlite:///{tmp_path}/a.db", tmp_path)
    return await backed_up(f"sqlite:///{tmp_path}/a.db", tmp_path)


@pytest.fixture
def worm(tmp_path: Path) -> LocalWorm:
    return LocalWorm(tmp_path / "bucket")


def keys(folder: Path) -> list[PublicKey]:
    return list(log_keys(settings("sqlite:///unused", folder)))


async def test_one_is_restored_from_there(tmp_path: Path, made: Made, worm: LocalWorm) -> None:
    objects = await outside.store(worm, made.folder, UNTIL, SMALL)
    assert objects == -(-made.manifest.size // SMALL) + 1 > 3
    assert await outside.names(worm) == [made.folder.name]
    place, signed = await outside.fetch(worm, made.folder.name, tmp_path / "fetched", keys(tmp_path))
    assert signed
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {
        path.name: path.read_bytes() for path in made.folder.iterdir()
    }
    await restored(f"sqlite:///{tmp_path}/b.db", tmp_path, place)
    assert (await found(f"sqlite:///{tmp_path}/b.db", tmp_path)).findings == ()


async def test_objects_are_locked_and_small(made: Made, worm: LocalWorm) -> None:
    await outside.store(worm, made.folder, UNTIL, SMALL)
    for key in await worm.keys("backup/"):
        (version,) = await worm.versions(key)
        held = await worm.read(key, version.version_id)
        assert (held.locked, held.until, len(held.data) <= SMALL) == (True, UNTIL, True), key


class Ending(LocalWorm):
    """Takes so many objects and is gone."""

    def __init__(self, folder: Path, most: int) -> None:
        super().__init__(folder)
        self.left = most

    async def put(self, key: str, data: bytes, until: int) -> str:
        self.left -= 1
        if self.left < 0:
            raise UnavailableError("gone")
        return await super().put(key, data, until)


async def test_half_of_one_is_none_and_is_gone_on_with(tmp_path: Path, made: Made, worm: LocalWorm) -> None:
    whole = -(-made.manifest.size // SMALL) + 1
    for most in (0, 1, whole - 2):
        with pytest.raises(BackupError, match="to the bucket"):
            await outside.store(Ending(tmp_path / "bucket", most), made.folder, UNTIL, SMALL)
        assert await outside.names(worm) == []
    await outside.store(Ending(tmp_path / "bucket", 1), made.folder, UNTIL, SMALL)
    assert len(await worm.keys("backup/")) == whole
    with pytest.raises(BackupError, match="there are: countersign-"):
        await outside.fetch(worm, "countersign-20200101T000000Z", tmp_path / "fetched", [])


async def test_a_part_that_is_gone_or_altered_makes_it_none(tmp_path: Path, made: Made, worm: LocalWorm) -> None:
    await outside.store(worm, made.folder, UNTIL, SMALL)
    part = sorted((tmp_path / "bucket/backup" / made.folder.name).glob("*.000001.*"))[0]
    data = part.read_bytes()
    part.chmod(0o600)
    part.write_bytes(data[:-1] + b"!")
    for _ in range(2):
        with pytest.raises(BackupAlteredError, match="missing or altered"):
            await outside.fetch(worm, made.folder.name, tmp_path / "fetched", keys(tmp_path))
        assert [path for path in (tmp_path / "fetched").iterdir() if path.name != ".lock"] == []
        part.unlink(missing_ok=True)


async def test_what_somebody_put_on_top_is_not_taken_for_ours(tmp_path: Path, made: Made, worm: LocalWorm) -> None:
    await outside.store(worm, made.folder, UNTIL, SMALL)
    other = b"somebody else's database"
    manifest = msgspec.structs.replace(made.manifest, size=len(other), sha256=sha256_hex(other)).encode()
    head = Head(manifest.decode(), (sha256_hex(other),), signing(lambda: KEY)(manifest).decode())
    key = f"backup/{made.folder.name}"
    await worm.put(f"{key}/countersign.db.000000.{sha256_hex(other)}", other, UNTIL)
    await worm.put(f"{key}/head.json", msgspec.json.encode(head), UNTIL)
    await worm.put(f"{key}/head.json", b"nothing", UNTIL)
    place, signed = await outside.fetch(worm, made.folder.name, tmp_path / "fetched", keys(tmp_path))
    assert (signed, (place / "countersign.db").read_bytes()) == (True, (made.folder / "countersign.db").read_bytes())


async def test_one_of_an_unknown_key_says_so(tmp_path: Path, made: Made, worm: LocalWorm) -> None:
    await outside.store(worm, made.folder, UNTIL)
    assert (await outside.fetch(worm, made.folder.name, tmp_path / "fetched", [KEY.public]))[1] is False


async def test_what_is_no_name_is_not_fetched(tmp_path: Path, worm: LocalWorm) -> None:
    with pytest.raises(BackupError, match="expected the name of a backup"):
        await outside.fetch(worm, "../a", tmp_path / "fetched", [])


async def test_what_is_lacking_is_taken_along_while_it_is_to_be_kept(
    tmp_path: Path, made: Made, worm: LocalWorm
) -> None:
    later = await backed_up(f"sqlite:///{tmp_path}/a.db", tmp_path, at=AT + 5 * DAY_US)
    directory = made.folder.parent
    assert await outside.store_all(worm, directory, 3, AT + 5 * DAY_US) == (later.folder.name,)
    assert await outside.store_all(worm, directory, 30, AT + 5 * DAY_US) == (made.folder.name,)
    assert await outside.store_all(worm, directory, 30, AT + 5 * DAY_US) == ()


async def test_the_service_copies_it_and_tells_when_it_cannot(tmp_path: Path) -> None:
    url, metrics = f"sqlite:///{tmp_path}/a.db", Metrics()
    await fill(url, tmp_path)
    clock = Clock()
    takes = iter((0, 1000))
    bucket = BackupSettings(directory=tmp_path / "b", bucket=WormSettings(bucket="the-bucket"))
    async with service(url, tmp_path) as database:
        daily = Backups(
            bucket, url, database, lambda: log_keys(settings(url, tmp_path)), lambda manifest: b"", clock, metrics,
            lambda _: Ending(tmp_path / "bucket", next(takes)),
        )  # fmt: skip
        for _ in range(2):
            await daily.daily()
            clock.after(60)
        assert [one.bucket for one in await said(database)] == ["", "the-bucket"]
    assert metrics.registry.get_sample_value("countersign_alarms_total", {"kind": "backup"}) == 1
    there = await outside.names(LocalWorm(tmp_path / "bucket"))
    assert there == [folder.name for folder, _ in await asyncio.to_thread(backups, tmp_path / "b")]


def test_a_bucket_without_a_folder_is_refused(tmp_path: Path) -> None:
    bucket = WormSettings(bucket="the-bucket")
    with pytest.raises(ValidationError, match=r"expected backup\.directory"):
        BackupSettings(bucket=bucket)
    with pytest.raises(ValidationError, match=r"keep_days of at least 1"):
        BackupSettings(bucket=bucket, directory=tmp_path, keep_days=0)
