"""The triggers that refuse changes are themselves watched: what is there is compared with what must be.

It is compared after every migration, so that none drops one unnoticed, and at every start. Whoever owns the database
can still take a trigger away, change rows and put it back; that is for the log, its checkpoints and anchors to show.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec
from sqlalchemy import Connection, text

from app.db.upgrade import current
from migrations import append_only

REMEDY = (
    "Find out who did it and what was changed meanwhile (`countersign audit verify`), then run "
    "`countersign db upgrade --restore-guards`."
)

_SCHEMA = text("SELECT type, name, tbl_name, coalesce(sql, '') AS sql FROM sqlite_schema WHERE type <> 'index'")
_TRIGGERS = text(
    'SELECT c.relname AS "table", t.tgname AS name, t.tgtype AS kind, t.tgenabled::text AS enabled, '
    "t.tgqual IS NULL AND cardinality(t.tgattr::int2[]) = 0 AS whole, p.proname AS function, p.prosrc AS body, "
    "l.lanname AS language, p.proconfig IS NULL AND n.oid = c.relnamespace AS plain "
    "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
    "JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace "
    "WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal"
)
_TABLES = text(
    "SELECT relname AS name, relkind::text AS kind, relrowsecurity OR relforcerowsecurity AS hiding "
    "FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'm', 'f', 'p')"
)
_RULES = text('SELECT tablename AS "table", rulename AS name FROM pg_rules WHERE schemaname = current_schema()')
_RIGHTS = text(
    "SELECT c.relname AS \"table\", a.privilege_type AS verb, coalesce(r.rolname, 'PUBLIC') AS role "
    "FROM pg_class c CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a "
    "LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE c.relnamespace = current_schema()::regnamespace "
    "AND c.relkind = 'r' AND a.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')"
)


class GuardsError(Exception):
    """The database does not refuse what it must refuse. ``differences`` say where, one sentence each."""

    code = "database.unguarded"

    def __init__(self, differences: tuple[str, ...], *, migration: bool = False) -> None:
        self.differences = differences
        what = (
            "The migration would leave the append-only tables without their guards and is undone. Report this:"
            if migration
            else "The append-only tables are not guarded as they must be; nothing is served until they are:"
        )
        lines = "\n".join(f"  {difference}" for difference in differences)
        super().__init__(f"{what}\n{lines}" + ("" if migration else f"\n{REMEDY}"))


class _Trigger(msgspec.Struct, frozen=True):
    """A trigger as PostgreSQL keeps it. ``whole``: for all rows and columns; ``plain``: the function is in the
    tables' own schema and changes no setting."""

    table: str
    name: str
    kind: int
    enabled: str
    whole: bool
    function: str
    body: str
    language: str
    plain: bool


def differences(connection: Connection) -> tuple[str, ...]:
    """Where the guards are not those of the database's own revision; nothing before the first migration."""
    revision = current(connection)
    if revision is None:
        return ()
    find = _sqlite if connection.dialect.name == "sqlite" else _postgres
    return tuple(find(connection, revision))


def check(connection: Connection, *, migration: bool = False) -> None:
    """Raises GuardsError; ``migration``: what is wrong was right before it."""
    found = differences(connection)
    if found:
        raise GuardsError(found, migration=migration)


def restore(connection: Connection) -> tuple[str, ...]:
    """Make the guards what they must be, in this transaction; answers what was not so. Raises GuardsError for what
    cannot be made again: a table that is gone."""
    found = differences(connection)
    revision = current(connection)
    if not found or revision is None:
        return ()
    for sql in list((_mend_sqlite if connection.dialect.name == "sqlite" else _mend_postgres)(connection, revision)):
        connection.exec_driver_sql(sql)
    check(connection)
    return found


def _sqlite(connection: Connection, revision: str) -> Iterator[str]:
    rows = connection.execute(_SCHEMA).all()
    tables = {row.name for row in rows if row.type == "table"}
    there = _triggers_of_sqlite(connection)
    for table in append_only.protected(revision):
        if table not in tables:
            yield f"table {table}: expected it, found none."
            continue
        wanted = append_only.sqlite_triggers(table)
        for name, sql in wanted.items():
            if name not in there[table]:
                yield f"table {table}: expected trigger {name}, found none."
            elif there[table][name] != sql:
                yield f"table {table}: expected trigger {name} as it was made, found it altered."
        for name in sorted(there[table].keys() - wanted):
            yield f"table {table}: expected no other trigger, found {name}."


def _mend_sqlite(connection: Connection, revision: str) -> Iterator[str]:
    there = _triggers_of_sqlite(connection)
    tables = {row.name for row in connection.execute(_SCHEMA) if row.type == "table"}
    for table in tables.intersection(append_only.protected(revision)):
        wanted = append_only.sqlite_triggers(table)
        for name, sql in there[table].items():
            if wanted.get(name) != sql:
                yield f'DROP TRIGGER "{name}"'
        yield from (sql for name, sql in wanted.items() if there[table].get(name) != sql)


def _triggers_of_sqlite(connection: Connection) -> Mapping[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in connection.execute(_SCHEMA):
        if row.type == "trigger":
            found[row.tbl_name][row.name] = row.sql
    return found


def _postgres(connection: Connection, revision: str) -> Iterator[str]:
    tables = {row.name: row for row in connection.execute(_TABLES)}
    there = _triggers_of_postgres(connection)
    for table in append_only.protected(revision):
        if table not in tables or tables[table].kind != "r":
            yield f"table {table}: expected it, found none."
            continue
        name = f"{table}_append_only"
        if name not in there[table]:
            yield f"table {table}: expected trigger {name}, found none."
        else:
            yield from _faults(there[table][name], revision)
        for other in sorted(there[table].keys() - {name}):
            yield f"table {table}: expected no other trigger, found {other}."
        if tables[table].hiding:
            yield f"table {table}: expected no row security, found it: it hides rows."
    mine = set(append_only.protected(revision))
    for row in connection.execute(_RULES):
        if row.table in mine:
            yield f"table {row.table}: expected no rule, found {row.name}."
    for row in connection.execute(_RIGHTS):
        if row.table in mine:
            yield f"table {row.table}: expected nobody to have the right to {row.verb}, found {row.role} has it."


def _faults(trigger: _Trigger, revision: str) -> Iterator[str]:
    name = f"table {trigger.table}: expected trigger {trigger.name}"
    if trigger.enabled not in _enabled(revision):
        yield f"{name} to be enabled always, found it {_ENABLED.get(trigger.enabled, trigger.enabled)}."
    if trigger.kind != append_only.TYPE or not trigger.whole:
        yield f"{name} before every UPDATE, DELETE and TRUNCATE, found it altered."
    ours = (append_only.FUNCTION, append_only.body(revision), "plpgsql", True)
    if (trigger.function, trigger.body, trigger.language, trigger.plain) != ours:
        yield f"{name} to call the function as it was made, found {trigger.function} altered or another."


def _enabled(revision: str) -> str:
    return "A" if revision >= append_only.ALWAYS_SINCE else "OA"


_ENABLED: Mapping[str, str] = {"D": "disabled", "R": "enabled on replicas only", "O": "enabled, but not on replicas"}


def _mend_postgres(connection: Connection, revision: str) -> Iterator[str]:
    yield append_only.function(append_only.body(revision))
    there = _triggers_of_postgres(connection)
    tables = {row.name: row for row in connection.execute(_TABLES) if row.kind == "r"}
    mine = tables.keys() & append_only.protected(revision)
    for table in mine:
        yield from (f'DROP TRIGGER "{name}" ON {table}' for name in there[table])
        yield from append_only.postgres_trigger(table)
        if revision >= append_only.ALWAYS_SINCE:
            yield append_only.always(table)
        if tables[table].hiding:
            yield f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"
    for row in connection.execute(_RULES):
        if row.table in mine:
            yield f'DROP RULE "{row.name}" ON {row.table}'
    for row in connection.execute(_RIGHTS):
        if row.table in mine and row.role != "PUBLIC":
            yield f'REVOKE {row.verb} ON {row.table} FROM "{row.role}"'


def _triggers_of_postgres(connection: Connection) -> Mapping[str, dict[str, _Trigger]]:
    found: dict[str, dict[str, _Trigger]] = defaultdict(dict)
    for row in connection.execute(_TRIGGERS):
        found[row.table][row.name] = _Trigger(**row._mapping)
    return found
