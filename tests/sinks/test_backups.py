"""A backup in a real bucket with object lock comes back as it was."""

from __future__ import annotations

from pathlib import Path

from app.backup import outside
from app.backup.make import DAY_US
from app.clock import now
from integrations.objectlock.s3 import S3Worm
from tests.backup.made import backed_up, fill, found, restored


async def test_a_backup_is_kept_and_fetched(worm: S3Worm, tmp_path: Path) -> None:
    await fill(f"sqlite:///{tmp_path}/a.db", tmp_path)
    made = await backed_up(f"sqlite:///{tmp_path}/a.db", tmp_path)
    await outside.store(worm, made.folder, now() + 2 * DAY_US, 128 << 10)
    assert await outside.names(worm) == [made.folder.name]
    for key in await worm.keys("backup/"):
        (version,) = await worm.versions(key)
        assert (await worm.read(key, version.version_id)).locked
    place, _ = await outside.fetch(worm, made.folder.name, tmp_path / "fetched", [])
    await restored(f"sqlite:///{tmp_path}/b.db", tmp_path, place)
    assert (await found(f"sqlite:///{tmp_path}/b.db", tmp_path)).findings == ()
