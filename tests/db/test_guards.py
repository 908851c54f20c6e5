"""Triggers that are missing or altered are noticed before anything is served, and made again on request."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

import migrations
from app.cli.main import app
from app.db.connect import connect, migrate
from app.db.guards import GuardsError, differences
from app.db.restoring import restore_guards
from app.db.upgrade import current
from app.doctor import database as doctor
from app.doctor.model import Patient
from app.settings.model import DatabaseSettings, KeySettings, Settings
from manifests import record
from migrations.append_only import FUNCTION
from tests.audit.made import AT
from tests.db.opened import no_records, opened

SQLITE = {
    "missing": ("DROP TRIGGER grants_no_delete", "grants: expected trigger grants_no_delete, found none"),
    "harmless": (
        "DROP TRIGGER grants_no_delete; CREATE TRIGGER grants_no_delete BEFORE DELETE ON grants BEGIN SELECT 1; END",
        "grants: expected trigger grants_no_delete as it was made, found it altered",
    ),
    "conditional": (
        "DROP TRIGGER grants_no_delete; CREATE TRIGGER grants_no_delete BEFORE DELETE ON grants WHEN 1 = 2 BEGIN "
        "SELECT RAISE(ABORT, 'countersign: grants is append-only, DELETE is refused'); END",
        "grants: expected trigger grants_no_delete as it was made, found it altered",
    ),
    "strange": (
        "CREATE TRIGGER other BEFORE INSERT ON grants BEGIN SELECT RAISE(IGNORE); END",
        "grants: expected no other trigger, found other",
    ),
}
POSTGRES = {
    "missing": ("DROP TRIGGER grants_append_only ON grants", "expected trigger grants_append_only, found none"),
    "disabled": (
        "ALTER TABLE grants DISABLE TRIGGER ALL",
        "grants_append_only to be enabled always, found it disabled",
    ),
    "replica": (
        "ALTER TABLE grants ENABLE TRIGGER grants_append_only",
        "grants_append_only to be enabled always, found it enabled, but not on replicas",
    ),
    "narrower": (
        "DROP TRIGGER grants_append_only ON grants; CREATE TRIGGER grants_append_only BEFORE UPDATE OR DELETE ON "
        f"grants FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}(); "
        "ALTER TABLE grants ENABLE ALWAYS TRIGGER grants_append_only",
        "grants_append_only before every UPDATE, DELETE and TRUNCATE, found it altered",
    ),
    "one column": (
        "DROP TRIGGER grants_append_only ON grants; CREATE TRIGGER grants_append_only BEFORE UPDATE OF nonce OR "
        f"DELETE OR TRUNCATE ON grants FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}(); "
        "ALTER TABLE grants ENABLE ALWAYS TRIGGER grants_append_only",
        "grants_append_only before every UPDATE, DELETE and TRUNCATE, found it altered",
    ),
    "function": (
        f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF TG_LEVEL = 'ROW' THEN RETURN OLD; END IF; RETURN NULL; END $$",
        f"to call the function as it was made, found {FUNCTION} altered or another",
    ),
    "strange": (
        f"CREATE TRIGGER other BEFORE INSERT ON grants FOR EACH ROW EXECUTE FUNCTION {FUNCTION}()",
        "grants: expected no other trigger, found other",
    ),
    "rule": (
        "CREATE RULE lost AS ON INSERT TO grants DO INSTEAD NOTHING", "grants: expected no rule, found lost",
    ),
    "row security": (
        "ALTER TABLE grants ENABLE ROW LEVEL SECURITY", "grants: expected no row security, found it",
    ),
    "right": (
        "GRANT UPDATE ON grants TO PUBLIC", "expected nobody to have the right to UPDATE, found PUBLIC has it",
    ),
}  # fmt: skip


def settings(url: str, folder: Path) -> Settings:
    return Settings(database=DatabaseSettings(url=SecretStr(url)), keys=KeySettings(directory=folder / "keys"))


async def meddle(url: str, sql: str) -> None:
    async with opened(url) as database:
        for one in sql.split("; ") if database.dialect == "postgresql" and "$$" not in sql else [sql]:
            await database.write(lambda tx, one=one: execute(tx.connection, one))  # type: ignore[misc]


def execute(connection, sql: str) -> None:  # type: ignore[no-untyped-def]
    raw = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        for one in sql.split("; CREATE"):
            raw.execute(one if one.startswith(("DROP", "CREATE")) else "CREATE" + one)
    else:
        connection.exec_driver_sql(sql)


async def meddled_is_refused_and_mended(url: str, folder: Path, sql: str, found: str) -> None:
    await meddle(url, sql)
    with pytest.raises(GuardsError, match=r"nothing is served[\s\S]*--restore-guards") as caught:
        await connect(url, no_records)
    assert found in str(caught.value)
    (told,) = await doctor.guarded(Patient(settings(url, folder), lambda: AT))
    assert (told.status, found in told.summary) == ("problem", True)
    assert found in " ".join(await restore_guards(settings(url, folder), lambda: AT))
    async with opened(url) as database:
        assert await database.read(lambda tx: differences(tx.connection)) == ()
        sql = "SELECT body FROM records WHERE log = 'system' AND event = 'guards.restored' ORDER BY seq DESC LIMIT 1"
        (row,) = await database.read(lambda tx: tx.all(text(sql)))
        assert found in bytes(record.parse(bytes(row.body)).data).decode()
    assert await restore_guards(settings(url, folder), lambda: AT) == ()
    (told,) = await doctor.guarded(Patient(settings(url, folder), lambda: AT))
    assert told.status == "ok"


async def test_a_database_meddled_with_is_not_served(database_url: str, tmp_path: Path) -> None:
    for sql, found in (SQLITE if database_url.startswith("sqlite") else POSTGRES).values():
        await meddled_is_refused_and_mended(database_url, tmp_path, sql, found)


async def test_a_table_that_is_gone_is_not_made_again(database_url: str, tmp_path: Path) -> None:
    await meddle(database_url, "DROP TABLE legal_holds")
    with pytest.raises(GuardsError, match="table legal_holds: expected it, found none"):
        await connect(database_url, no_records)
    with pytest.raises(GuardsError, match="table legal_holds: expected it, found none"):
        await restore_guards(settings(database_url, tmp_path), lambda: AT)


@pytest.fixture
def careless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The migrations of this version and one more, which makes a table anew as batch migrations do."""
    there = Path(migrations.__file__).parent
    here = tmp_path / "migrations"
    shutil.copytree(there, here, ignore=shutil.ignore_patterns("__pycache__"))
    (here / "versions" / "r9999_careless.py").write_text(
        "from alembic import op\n"
        f"revision, down_revision = '9999', {newest()!r}\n"
        "def upgrade():\n"
        "    op.execute('ALTER TABLE redemptions RENAME TO old')\n"
        "    op.execute('CREATE TABLE redemptions AS SELECT * FROM old')\n"
        "    op.execute('DROP TABLE old')\n"
    )
    monkeypatch.setattr(migrations, "__file__", str(here / "__init__.py"))


def newest() -> str:
    from app.db.upgrade import newest as of_this_version

    return of_this_version()


async def test_a_migration_that_drops_a_trigger_is_undone(
    new_url: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    url, before = new_url(), newest()
    await migrate(url)
    request.getfixturevalue("careless")
    with pytest.raises(GuardsError, match="is undone") as caught:
        await migrate(url)
    assert "redemptions" in str(caught.value)
    request.getfixturevalue("monkeypatch").undo()
    async with opened(url) as database:
        assert await database.read(lambda tx: current(tx.connection)) == before


async def test_a_first_start_with_it_makes_nothing(new_url: Callable[[], str], request: pytest.FixtureRequest) -> None:
    url = new_url()
    request.getfixturevalue("careless")
    with pytest.raises(GuardsError, match="redemptions"):
        await migrate(url)
    request.getfixturevalue("monkeypatch").undo()
    await migrate(url)


def test_the_command_line_offers_it() -> None:
    from typer.testing import CliRunner

    shown = CliRunner().invoke(app, ["db", "upgrade", "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert "--restore-guards" in shown.output
