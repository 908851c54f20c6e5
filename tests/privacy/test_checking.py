"""`countersign audit verify` tells of sealed fields that nobody can open."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.privacy.checking import with_sealed
from app.privacy.kek import SealKeys
from app.verification.report import Report
from app.verification.verify import verify
from tests.privacy.world import AT, LOG, LOG_KEY, world


async def checked(url: str, config: Path) -> tuple[str, ...]:
    def run() -> Report:
        return with_sealed(verify(url, [LOG_KEY.public], [LOG], clock=lambda: AT), url, config)

    report = await asyncio.to_thread(run)
    return tuple(finding.code for finding in report.findings)


async def test_a_key_that_is_lost_or_swapped_is_a_finding_and_an_erased_one_is_not(
    tmp_path: Path, database_url: str
) -> None:
    config = tmp_path / "settings.toml"
    config.write_text(f'[database]\nurl = "{database_url}"\n[privacy]\nseal_key = "{"ab" * 32}"\n')
    async with world(database_url, SealKeys(b"\xab" * 32)) as at:
        await at.person(1, "ada")
        asked = await at.erasures.request(LOG, "ada", "they asked", "token:one")
        await at.erasures.confirm(LOG, asked.id, "token:two")
        await at.person(2, "bob")
        assert await checked(database_url, config) == ()
        await at.run("UPDATE subject_keys SET person = 'somebody else' WHERE destroyed_at = 0")
        assert await checked(database_url, config) == ("audit.sealed_key_differs",)
        await at.run("DELETE FROM subject_keys WHERE destroyed_at = 0")
        assert await checked(database_url, config) == ("audit.sealed_unreadable",)
