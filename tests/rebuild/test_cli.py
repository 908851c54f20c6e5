"""`countersign audit rebuild`: shows by default, mends when asked to, and never beside a running service."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from app.cli.exits import CannotFindOutError, UsageError
from app.clock import now
from app.db.tx import Tx
from app.keys.service import open_database
from app.people import store as people
from app.rebuild import cli
from app.rebuild.presence import Presence
from app.settings import load
from tests.db.opened import opened

POLICY = "schema: countersign/tenant/v1\nbase_refs: [main]\ninstallations: [1]\n"


@pytest.fixture
async def config(tmp_path: Path, database_url: str) -> Path:
    (tmp_path / "tenant.yaml").write_text(POLICY)
    path = tmp_path / "countersign.toml"
    path.write_text(
        f'[database]\nurl = "{database_url}"\n[keys]\ndirectory = "{tmp_path / "keys"}"\n'
        f'[[tenants]]\nid = "acme"\npolicy = "{tmp_path / "tenant.yaml"}"\n'
    )
    database, _ = await open_database(load(path), now)
    await database.write(lambda tx: people.pin_team(tx, "acme", "acme/risk", 3, 5))
    await database.write(lambda tx: _tamper(tx))
    await database.close()
    return path


def _tamper(tx: Tx) -> None:
    tx.run(text("UPDATE group_pins SET team_id = 4"))


def test_it_shows_then_mends_then_finds_nothing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.rebuild(config=config) == 1
    assert "the row acme/risk of group_pins says" in capsys.readouterr().out
    assert cli.rebuild(config=config, as_json=True) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["logs"][0]["differences"][0] | {"record": 0} == {
        "table": "group_pins", "row": "acme/risk", "kind": "altered", "expected": '{"team_id":3}',
        "found": '{"team_id":4}', "record": 0,
    }  # fmt: skip
    assert cli.rebuild(config=config, apply=True) == 0
    assert cli.rebuild(["acme"], config=config) == 0
    assert "0 differences" in capsys.readouterr().out.splitlines()[-1]


def test_another_log_is_a_mistake(config: Path) -> None:
    with pytest.raises(UsageError, match="globex"):
        cli.rebuild(["globex"], config=config)


async def test_nothing_is_mended_while_a_service_runs(
    config: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    mend: Callable[[], int] = lambda: cli.rebuild(config=config, apply=True)  # noqa: E731
    async with opened(database_url):
        presence = Presence(database_url)
        await presence.start()
        try:
            with pytest.raises(CannotFindOutError, match="Nothing was changed"):
                await asyncio.to_thread(mend)
        finally:
            await presence.stop()
    assert await asyncio.to_thread(mend) == 0
