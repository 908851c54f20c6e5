"""The changes table: the change request of each release and environment, as last read from ServiceNow."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from gates.model import ChangeFacts
from integrations.servicenow.port import NewChange

_COLUMNS = (
    "release_id, environment, tenant, correlation_id, sys_id, number, state, content, seen_content,"
    " content_at, facts_json, wanted_json, seen_at, outcome"
)
_SAVE = text(
    f"INSERT INTO changes ({_COLUMNS}) VALUES (:release_id, :environment, :tenant, :correlation_id, :sys_id, :number,"
    " :state, :content, :seen_content, :content_at, :facts_json, :wanted_json, :seen_at, :outcome)"
    " ON CONFLICT (release_id, environment) DO UPDATE SET correlation_id = excluded.correlation_id,"
    " sys_id = excluded.sys_id, number = excluded.number, state = excluded.state, content = excluded.content,"
    " seen_content = excluded.seen_content, content_at = excluded.content_at, facts_json = excluded.facts_json,"
    " wanted_json = excluded.wanted_json, seen_at = excluded.seen_at, outcome = excluded.outcome"
)
_ONE = text(f"SELECT {_COLUMNS} FROM changes WHERE release_id = :release_id AND environment = :environment")
_FACTS = text("SELECT environment, facts_json FROM changes WHERE release_id = :release_id")
_ALL = text(f"SELECT {_COLUMNS} FROM changes WHERE release_id = :release_id ORDER BY environment")
_OPEN = text("SELECT release_id, environment FROM changes WHERE state NOT IN ('closed', 'canceled')")


class StoredChange(msgspec.Struct, frozen=True):
    """``state``: wanted, opening (it may exist), then ServiceNow's. ``wanted`` is what it shall say, ``content`` the
    digest of what we last made it say, ``seen_content`` of what it was seen to say; ``content_at`` is ServiceNow's
    time of the last change of that. ``outcome`` is what the deployment ended with, once it is closed for it."""

    release_id: str
    environment: str
    tenant: str
    correlation_id: str
    sys_id: str = ""
    number: str = ""
    state: str = "wanted"
    content: str = ""
    seen_content: str = ""
    content_at: int = 0
    facts: ChangeFacts = ChangeFacts(problem="The change request is being opened.")
    wanted: NewChange | None = None
    seen_at: int = 0
    outcome: str = ""

    @property
    def work_key(self) -> str:
        return work_key(self.release_id, self.environment)


def work_key(release_id: str, environment: str) -> str:
    return f"change/{release_id}/{environment}"


def save(tx: Tx, change: StoredChange) -> None:
    values = msgspec.structs.asdict(change)
    values["facts_json"] = msgspec.json.encode(values.pop("facts")).decode()
    values["wanted_json"] = msgspec.json.encode(values.pop("wanted")).decode()
    tx.run(_SAVE, **values)


def one(tx: Tx, release_id: str, environment: str) -> StoredChange | None:
    row = tx.first(_ONE, release_id=release_id, environment=environment)
    return None if row is None else _read(tuple(row))


def of_release(tx: Tx, release_id: str) -> tuple[StoredChange, ...]:
    return tuple(_read(tuple(row)) for row in tx.all(_ALL, release_id=release_id))


def facts(tx: Tx, release_id: str) -> dict[str, ChangeFacts]:
    """What is known of the change requests of a release, by environment."""
    rows = tx.all(_FACTS, release_id=release_id)
    return {row.environment: msgspec.json.decode(row.facts_json, type=ChangeFacts) for row in rows}


def unfinished(tx: Tx) -> tuple[tuple[str, str], ...]:
    """(release id, environment) of every change that is not closed or canceled."""
    return tuple((row.release_id, row.environment) for row in tx.all(_OPEN))


def _read(row: tuple[object, ...]) -> StoredChange:
    names = [name.strip() for name in _COLUMNS.split(",")]
    values = dict(zip(names, row, strict=True))
    values["facts"] = msgspec.json.decode(str(values.pop("facts_json")), type=ChangeFacts)
    values["wanted"] = msgspec.json.decode(str(values.pop("wanted_json")), type=NewChange | None)
    return StoredChange(**values)  # type: ignore[arg-type]
