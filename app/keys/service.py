"""Open the database with the server's keys, recorded in the log and held against it."""

from __future__ import annotations

import contextlib
from functools import partial

from app.audit.sequence import LogSequencer
from app.clock import Clock
from app.db import connect
from app.db.database import Database
from app.db.stamps import KeyedStamps
from app.keys.errors import ServerKeyError
from app.keys.keeper import Keeper
from app.keys.ring import KeyRing
from app.keys.signers import LogSigners
from app.settings.model import Settings


async def open_database(
    settings: Settings, clock: Clock, *, guarded: bool = True, strict: bool = True
) -> tuple[Database, KeyRing]:
    """The migrated database, its log signed by the server's keys, and the keys, recorded.

    Without ``guarded`` also one whose append-only tables are not guarded, to mend that; without ``strict`` also one
    whose log's key is lost, to revoke that.

    Raises DatabaseUnavailableError, app.db.guards.GuardsError, app.keys.errors.ServerKeyError.
    """
    ring = KeyRing.open(settings.keys, clock)
    sequencer = LogSequencer(LogSigners(ring))
    stamps = KeyedStamps(lambda: ring.of("log").all(), partial(_reload, ring))
    url = settings.database.url.get_secret_value()
    database = await connect.connect(url, sequencer, guarded=guarded, stamps=stamps)
    try:
        if strict:
            await Keeper(database, ring, settings.keys, clock).open()
    except BaseException:
        await database.close()
        raise
    return database, ring


def _reload(ring: KeyRing) -> None:
    """Keys that cannot be read now leave a strange record out and hold up no other."""
    with contextlib.suppress(ServerKeyError):
        ring.reload()
