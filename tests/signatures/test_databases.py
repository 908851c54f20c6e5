"""The same on SQLite and on PostgreSQL, also when everything is sent at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.signatures import signers
from tests.signatures.stage import Stage


async def test_what_is_sent_at_once_is_recorded_once(tmp_path: Path, database_url: str) -> None:
    stage = Stage(tmp_path, database_url=database_url)
    try:
        await stage.start()
        key = signers.make(stage.folder, "carol")
        proposed = await asyncio.gather(*(stage.propose(key, login) for login in ("carol", "dana", "carol")))
        assert sorted(answer.status for answer in proposed) == [201, 409, 409]
        owner = next(answer.body["account"] for answer in proposed if answer.status == 201)
        confirmed = await asyncio.gather(*(stage.confirm(key.fingerprint) for _ in range(3)))
        assert sorted(answer.status for answer in confirmed) == [200, 409, 409]
        stage.bob_approves()
        payload = await stage.payload(key)
        signature = key.sign(payload)
        sent = await asyncio.gather(*(stage.submit(payload, signature) for _ in range(8)))
        assert sorted(answer.status for answer in sent) == [*[200] * 7, 201]
        assert len({answer.body["grant"]["id"] for answer in sent}) == 1
        (grant,) = await stage.signed()
        assert grant.consent.account == owner
        await stage.until_outcome("allow")
        assert (await stage.revoke(key.fingerprint, reason="compromised")).status == 200
        await stage.until_outcome("wait")
    finally:
        await stage.world.stop()
