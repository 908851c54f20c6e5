"""Open the database with the server's keys, and record keys that no record has named yet."""

from __future__ import annotations

from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.clock import Clock
from app.db import connect
from app.db.database import Database
from app.db.tx import Tx
from app.keys import files
from app.keys.model import SYSTEM, KeyUse, ServerKeys
from app.settings.model import Settings
from manifests.keys import PrivateKey
from manifests.record import Draft, facts

_NAMED = text("SELECT seq FROM records WHERE log = :log AND resource = :resource AND event = 'key.created' LIMIT 1")


async def open_database(settings: Settings, clock: Clock, *, guarded: bool = True) -> tuple[Database, ServerKeys]:
    """The migrated database, its log signed by the server's keys, and the keys, recorded. Without ``guarded`` also
    one whose append-only tables are not guarded, to mend that.

    Raises DatabaseUnavailableError, app.db.guards.GuardsError, app.keys.errors.ServerKeyError.
    """
    keys = files.load(settings.keys)
    database = await connect.connect(
        settings.database.url.get_secret_value(), LogSequencer([keys.log]), guarded=guarded
    )
    try:
        await record_keys(database, keys, clock)
    except BaseException:
        await database.close()
        raise
    return database, keys


async def record_keys(database: Database, keys: ServerKeys, clock: Clock) -> None:
    """Stage a ``key.created`` record in the system log for each key that has none.

    Asked of the log rather than of the moment of creation, so that a crash between the two loses nothing.
    """

    def unit(tx: Tx) -> None:
        for use, key in (("gate", keys.gate), ("log", keys.log)):
            if tx.first(_NAMED, log=SYSTEM, resource=_resource(key)) is None:
                tx.stage(SYSTEM, _draft(use, key, clock()))  # type: ignore[arg-type]

    await database.write(unit)


def _resource(key: PrivateKey) -> str:
    return f"key/{key.public.fingerprint}"


def _draft(use: KeyUse, key: PrivateKey, at: int) -> Draft:
    return Draft(
        trace_id=f"key-{key.public.fingerprint}",
        ts=at,
        stage="system",
        event="key.created",
        component="keys",
        action="created",
        resource=_resource(key),
        actor_ref="service:countersign",
        outcome="ok",
        data=facts({"kind": key.kind, "public_key": key.public.to_openssh(), "use": use}),
    )
