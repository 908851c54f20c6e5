"""Triggers that refuse to change or remove what was once written: the one list of tables that have them, and their SQL.

Never use batch migrations on these tables: SQLite's copy-and-rename drops their triggers. That a migration dropped one
is found when it ends (app.db.guards), and undone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from alembic import op

PROTECTED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "0001": (
            "records", "checkpoints", "blobs", "heads", "observations", "grants", "grant_artifacts", "grant_voids",
            "decisions", "redemptions", "deployments", "account_links", "person_keys", "prompts",
        ),
        "0004": ("tree_hashes", "cosignatures", "erasures", "legal_holds", "blob_places"),
        "0005": ("policy_versions", "broken_glasses", "glass_reviews"),
    }
)  # fmt: skip
"""The tables that are only ever added to, by the revision that protects them."""

ALWAYS_SINCE: Final = "0004"
"""From this revision on PostgreSQL's triggers fire in every session_replication_role, and their function tells the
server's log who tried."""

FUNCTION: Final = "countersign_append_only"
VERBS: Final = ("UPDATE", "DELETE")
TYPE: Final = 58
"""pg_trigger.tgtype: BEFORE (2), DELETE (8), UPDATE (16), TRUNCATE (32), for each statement."""

_FIRST_BODY: Final = " BEGIN RAISE EXCEPTION 'countersign: % is append-only, % is refused', TG_TABLE_NAME, TG_OP; END "
_BODY: Final = (
    " BEGIN "
    "RAISE LOG 'countersign: % of % by user % (session user %) from % (%) is refused', TG_OP, TG_TABLE_NAME, "
    "current_user, session_user, "
    "coalesce(pg_catalog.host(pg_catalog.inet_client_addr()), 'this machine'), "
    "pg_catalog.current_setting('application_name'); "
    "RAISE EXCEPTION 'countersign: % is append-only, % is refused', TG_TABLE_NAME, TG_OP; "
    "END "
)
"""What the trigger does. A row written by it would be rolled back with the statement; a line of the log is not."""


def protected(revision: str = "") -> tuple[str, ...]:
    """The tables that a database of this revision protects; without one, of the newest."""
    return tuple(table for since, tables in PROTECTED.items() if not revision or since <= revision for table in tables)


def body(revision: str) -> str:
    """What PostgreSQL's trigger does in a database of this revision."""
    return _BODY if revision >= ALWAYS_SINCE else _FIRST_BODY


def protect(table: str) -> None:
    """Refuse UPDATE, DELETE and (on PostgreSQL) TRUNCATE of a table, there also by taking the right away."""
    if op.get_bind().dialect.name == "sqlite":
        for sql in sqlite_triggers(table).values():
            op.execute(sql)
        return
    for sql in postgres_trigger(table):
        op.execute(sql)


def protect_new(revision: str) -> None:
    """All tables that this revision protects; on PostgreSQL, from now on all triggers fire always."""
    for table in PROTECTED[revision]:
        protect(table)
    if op.get_bind().dialect.name == "sqlite" or revision < ALWAYS_SINCE:
        return
    if revision == ALWAYS_SINCE:
        op.execute(function(_BODY))
    for table in protected(revision) if revision == ALWAYS_SINCE else PROTECTED[revision]:
        op.execute(always(table))


def create_function() -> None:
    """The function behind PostgreSQL's triggers, as it was first."""
    if op.get_bind().dialect.name != "sqlite":
        op.execute(function(_FIRST_BODY))


def sqlite_triggers(table: str) -> dict[str, str]:
    """The triggers of a table: by name the SQL that makes it, which is also what sqlite_schema keeps."""
    return {
        f"{table}_no_{verb.lower()}": f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
        f"SELECT RAISE(ABORT, 'countersign: {table} is append-only, {verb} is refused'); END"
        for verb in VERBS
    }


def postgres_trigger(table: str) -> Iterator[str]:
    """What protects a table on PostgreSQL."""
    yield (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
    )
    yield f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC, CURRENT_USER"


def always(table: str) -> str:
    """A session that calls itself a replica is refused too."""
    return f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only"


def function(text: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${text}$$"
