"""How long things are kept is on record; longer at will, shorter only said aloud first."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.privacy import retention
from app.privacy.errors import PrivacyError, RetentionShortenedError
from app.privacy.obstacles import DAY
from app.privacy.retention import Kept
from app.settings.model import AuditSettings, RetentionSettings, Settings, TenantSettings
from app.sinks import worm
from integrations.objectlock.local import LocalWorm
from tests.privacy.world import AT, LOG, World, world

SEVEN, EIGHT = Kept(2557, 2557, 2557), Kept(2922, 2922, 2922)


async def settle(at: World, kept: Kept) -> None:
    await retention.settle(at.database, {LOG: kept}, at.clock)


async def said(at: World) -> list[tuple[str, str]]:
    return [(record.outcome, bytes(record.data).decode()) for record in await at.records("retention.set")]


def test_each_tenant_may_differ_from_what_is_usual() -> None:
    tenants = (
        TenantSettings(
            id="acme", policy=Path("p"), retention=RetentionSettings(records_days=3650, deliveries_days=400)
        ),
        TenantSettings(id="beta", policy=Path("p")),
    )
    settings = Settings(audit=AuditSettings(retention_days=1000), tenants=tenants)
    found = retention.of_settings(settings)
    assert found == {"system": Kept(1000, 1000, 1000), "acme": Kept(1000, 400, 3650), "beta": Kept(1000, 1000, 1000)}
    assert retention.locked(settings) == {"*": 1000, "system": 1000, "acme": 3650, "beta": 1000}


async def test_worm_storage_locks_each_log_for_its_own_days(tmp_path: Path) -> None:
    sink = worm.sink("folder", LocalWorm(tmp_path), 10, lambda: AT, kept={"acme": 30, worm.BLOBS: 50})
    assert sink.anchors is not None
    for log in ("acme", "beta"):
        await sink.anchors.anchor(log, 1, b"note")
    assert sink.blobs is not None
    assert (await sink.blobs.keep("pack/one", b"pack")).until == AT + 50 * DAY
    store = LocalWorm(tmp_path)
    for log, days in (("acme", 30), ("beta", 10)):
        key = f"{log}/checkpoint/{1:016d}"
        (version,) = await store.versions(key)
        assert (await store.read(key, version.version_id)).until == AT + days * DAY


async def test_it_is_recorded_when_it_is_new_and_only_then(database_url: str) -> None:
    async with world(database_url) as at:
        for kept in (SEVEN, SEVEN, EIGHT, EIGHT):
            await settle(at, kept)
        assert [outcome for outcome, _ in await said(at)] == ["set", "extended"]


@pytest.mark.parametrize("kind", ["records", "blobs", "deliveries"])
async def test_what_is_shorter_than_recorded_refuses_to_start_until_it_was_said(database_url: str, kind: str) -> None:
    async with world(database_url) as at:
        await settle(at, SEVEN)
        shorter = {LOG: Kept(**{"blobs": 2557, "deliveries": 2557, "records": 9999, kind: 100})}
        with pytest.raises(RetentionShortenedError, match=f"{kind} 100 instead of 2557 days.*retention shorten {LOG}"):
            await retention.settle(at.database, shorter, at.clock)
        await retention.shorten(at.database, at.sealer, shorter, LOG, "the regulator allows it", "operator", at.clock)
        await retention.settle(at.database, shorter, at.clock)
        assert [outcome for outcome, _ in await said(at)] == ["set", "shortened"]
        last = (await at.records("retention.set"))[-1]
        assert await at.database.read(lambda tx: at.sealer.record(tx, last)) == {"reason": "the regulator allows it"}


async def test_nothing_is_shortened_that_is_not_shorter(database_url: str) -> None:
    async with world(database_url) as at:
        for kept, log, code in ((SEVEN, LOG, "retention.not_shorter"), (SEVEN, "other", "retention.unknown")):
            with pytest.raises(PrivacyError) as error:
                await retention.shorten(at.database, at.sealer, {LOG: kept}, log, "because", "operator", at.clock)
            assert error.value.code == code
        assert await said(at) == []
