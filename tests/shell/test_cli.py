"""The other commands, and that asking for help loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell.conftest import Command
from tests.shell.gate_server import GateServer

HEAVY = ("sqlalchemy", "aiohttp", "alembic", "pydantic_settings", "cryptography", "structlog", "gidgethub", "pysnow")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "countersign.toml").write_text('[[tenants]]\nid = "acme"\npolicy = "acme.yaml"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COUNTERSIGN_CONFIG", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    "arguments", [[], ["gate"], ["gate", "check"], ["tokens"], ["serve"], ["audit", "verify"], ["db", "upgrade"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys; from app.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as ended: code = ended.code\n"
        f"print(code, sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments, "--help"], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "0 []"


def test_the_first_token_is_made_on_the_database_itself(countersign: Command, home: Path) -> None:
    made = countersign("tokens", "create", "first", "--admin")
    assert made.code == 0
    assert made.out.startswith("cs_")
    listed = countersign("tokens", "list", "--offline")
    identifier = made.out.split("_")[1]
    assert identifier in listed.out
    assert "admin" in listed.out
    assert made.out.strip() not in listed.out
    assert countersign("tokens", "revoke", identifier, "--offline").code == 0
    assert json.loads(countersign("tokens", "list", "--offline", "--json").out)["tokens"][0]["revoked_at"] > 0
    assert countersign("tokens", "revoke", identifier, "--offline").code == 3


def test_offline_work_is_refused_while_the_service_runs(countersign: Command, home: Path) -> None:
    from app.db import sqlite

    countersign("tokens", "create", "first", "--admin")
    with sqlite.lock(home / "countersign.db"):
        ended = countersign("tokens", "create", "second", "--admin")
    assert ended.code == 3
    assert "Another process has this SQLite database open" in ended.err


def test_tokens_are_made_over_the_api(countersign: Command, gate: GateServer) -> None:
    token = {"id": "0" * 16, "tenant": "acme", "name": "ci", "scope": {"permissions": ["gate.decide"]}}
    gate.answer(201, {"token": {**token, "created_at": 1, "expires_at": 2}, "secret": "cs_secret"})
    ended = countersign(
        "tokens", "create", "ci", "--permission", "gate.decide", "--repository", "a/b", "--environment", "production"
    )
    assert (ended.code, ended.out) == (0, "cs_secret\n")
    assert gate.asked[0].body == {
        "name": "ci",
        "scope": {
            "permissions": ["gate.decide"],
            "repository": "a/b",
            "environments": ["production"],
            "workflow": None,
        },
        "days": 90,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("tokens", "create", "x", "--permission", "gate.fly", "--offline"),
        ("tokens", "create", "x", "--admin", "--tenant", "nobody"),
        ("serve",),
        ("serve", "--config", "nowhere.toml"),
    ],
)
def test_wrong_use_and_settings_are_told_apart(countersign: Command, home: Path, arguments: tuple[str, ...]) -> None:
    ended = countersign(*arguments)
    assert ended.code == 2
    assert "expected" in ended.err


def test_keys_are_listed_without_making_any(countersign: Command, home: Path) -> None:
    assert countersign("keys", "list").code == 3
    assert not (home / "keys").exists()
    countersign("tokens", "create", "first", "--admin")
    shown = countersign("keys", "list")
    assert "SHA256:" in shown.out
    assert "PRIVATE" not in shown.out
    assert {key["use"] for key in json.loads(countersign("keys", "list", "--json").out)["keys"]} == {"gate", "log"}


def test_the_database_is_upgraded(countersign: Command, home: Path) -> None:
    from app.db.upgrade import newest

    ended = countersign("db", "upgrade")
    assert ended.code == 0
    assert newest() in ended.err
    assert (home / "countersign.db").exists()


def test_people_are_linked_over_the_api(countersign: Command, gate: GateServer) -> None:
    gate.answer(200, {"id": "l-1"})
    assert "l-1" in countersign("people", "link", "servicenow:abc", "github:1").out
    assert countersign("people", "confirm", "l-1").code == 0
    assert countersign("people", "list").code == 0
    assert [(asked.method, asked.path, asked.body) for asked in gate.asked] == [
        ("POST", "/api/v1/people/links", {"account": "servicenow:abc", "person_account": "github:1"}),
        ("POST", "/api/v1/people/links/l-1/confirmation", {}),
        ("GET", "/api/v1/people/links", None),
    ]


@pytest.mark.parametrize("address", ["mysql://me:secret@host/db", "countersign.db"])
def test_a_database_of_another_kind_is_used_wrongly_and_its_password_not_shown(
    countersign: Command, home: Path, address: str
) -> None:
    done = countersign("audit", "checkpoint", "--log", "acme", "--database", address)
    assert done.code == 2
    assert "expected sqlite:///path or postgresql://…" in done.err
    assert "secret" not in done.err
    assert "Traceback" not in done.err
