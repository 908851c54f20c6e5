"""Triggers that refuse to change or remove what was once written.

Never use batch migrations on these tables: SQLite's copy-and-rename drops their triggers.
"""

from __future__ import annotations

from alembic import op


def protect(table: str) -> None:
    """Refuse UPDATE, DELETE and (on PostgreSQL) TRUNCATE of a table, there also by taking the right away."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'countersign: {table} is append-only, {verb} is refused'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION countersign_append_only()"
    )
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC, CURRENT_USER")


def create_function() -> None:
    """The function behind PostgreSQL's triggers."""
    if op.get_bind().dialect.name != "sqlite":
        op.execute(
            "CREATE FUNCTION countersign_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'countersign: % is append-only, % is refused', TG_TABLE_NAME, TG_OP; END $$"
        )
