"""The doctor finds what is wrong with an installation and says what to do."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from app.cli.exits import NO
from app.clock import SECOND, now
from app.db.connect import migrate
from app.db.tx import Tx
from app.doctor import database, identity, log, machine, neighbours, sinks
from app.doctor.main import EXAMINATIONS, examine
from app.doctor.model import Finding, Patient
from app.keys import files
from app.settings import Settings, load
from app.sinks import store
from app.verification import store as verifications
from integrations.github.client import PERMISSIONS
from integrations.identity.simulator import IdentitySimulator
from manifests.app_manifest import EVENTS
from tests.db.opened import opened
from tests.shell.conftest import Command

POLICY = """
schema: countersign/policy/v1
installations: [7]
base_refs:
  - {repository: acme/models, refs: [main]}
"""


@pytest.fixture(scope="module")
def pem() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class GitHubStub:
    """Answers for the App alone."""

    def __init__(self) -> None:
        self.status = 200
        self.app: Any = {"id": 1, "slug": "countersign", "permissions": dict(PERMISSIONS), "events": list(EVENTS)}
        self.installations = [7]
        self.ahead_s = 0
        self.url = ""

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/app", self._app)
        app.router.add_get("/app/installations", self._installations)
        return app

    async def _app(self, _request: web.Request) -> web.Response:
        date = formatdate(time.time() + self.ahead_s, usegmt=True)
        return web.json_response(self.app, status=self.status, headers={"Date": date})

    async def _installations(self, _request: web.Request) -> web.Response:
        return web.json_response([{"id": number} for number in self.installations])


@pytest.fixture
async def github() -> AsyncIterator[GitHubStub]:
    stub = GitHubStub()
    server = TestServer(stub.application())
    await server.start_server()
    stub.url = str(server.make_url("/")).rstrip("/")
    yield stub
    await server.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "acme.yaml").write_text(POLICY)
    return tmp_path


def settings_of(home: Path, github_url: str = "http://127.0.0.1:9", pem: str = "x", **more: str) -> Settings:
    env: Mapping[str, str] = {
        "COUNTERSIGN_SERVER__PUBLIC_URL": "https://countersign.example.com",
        "COUNTERSIGN_DATABASE__URL": f"sqlite:///{home}/countersign.db",
        "COUNTERSIGN_KEYS__DIRECTORY": f"{home}/keys",
        "COUNTERSIGN_GITHUB__APP_ID": "1",
        "COUNTERSIGN_GITHUB__PRIVATE_KEY": pem,
        "COUNTERSIGN_GITHUB__WEBHOOK_SECRETS": "s" * 32,
        "COUNTERSIGN_GITHUB__API_URL": github_url,
        "COUNTERSIGN_TENANTS__0__ID": "acme",
        "COUNTERSIGN_TENANTS__0__POLICY": f"{home}/acme.yaml",
        **more,
    }
    return load(env=env)


def patient(settings: Settings) -> Patient:
    return Patient(settings, now)


def told(findings: tuple[Finding, ...]) -> dict[str, str]:
    """Names and texts of the problems."""
    assert all(finding.remedy for finding in findings if finding.status == "problem")
    return {finding.name: finding.summary for finding in findings if finding.status == "problem"}


async def test_a_sound_installation_is_ok(home: Path, github: GitHubStub, pem: str) -> None:
    report = await examine(patient(settings_of(home, github.url, pem)))
    assert told(report.findings) == {}
    assert report.ok
    assert {"GitHub App", "GitHub permissions", "GitHub events", "clock", "database", "installations of acme"} <= {
        finding.name for finding in report.findings if finding.status == "ok"
    }


async def test_lacking_permissions_and_events_are_named(home: Path, github: GitHubStub, pem: str) -> None:
    github.app["permissions"] = {**PERMISSIONS, "checks": "read"}
    del github.app["permissions"]["contents"]
    github.app["events"] = [event for event in EVENTS if event != "push"]
    found = told(await neighbours.github_app(patient(settings_of(home, github.url, pem))))
    assert "missing checks: write, contents: read." in found["GitHub permissions"]
    assert "missing push." in found["GitHub events"]


@pytest.mark.parametrize(("ahead_s", "wrong"), [(0, False), (20, False), (120, True), (-120, True)])
async def test_a_clock_that_differs_is_told(
    home: Path, github: GitHubStub, pem: str, ahead_s: int, wrong: bool
) -> None:
    github.ahead_s = ahead_s
    found = told(await neighbours.github_app(patient(settings_of(home, github.url, pem))))
    assert ("clock" in found) is wrong


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_a_refused_app_is_told(home: Path, github: GitHubStub, pem: str, status: int) -> None:
    github.status = status
    found = told(await neighbours.github_app(patient(settings_of(home, github.url, pem))))
    assert str(status) in found["GitHub App"]


async def test_a_key_that_is_none_is_told_and_not_shown(home: Path, github: GitHubStub) -> None:
    found = told(await neighbours.github_app(patient(settings_of(home, github.url, "hidden-word"))))
    assert "private key" in found["GitHub App"]
    assert "hidden-word" not in str(found)


async def test_an_installation_that_is_not_there_is_named(home: Path, github: GitHubStub, pem: str) -> None:
    github.installations = [8]
    found = told(await neighbours.installations(patient(settings_of(home, github.url, pem))))
    assert "installed as 7" in found["installations of acme"]


async def test_a_servicenow_that_does_not_answer_is_told(home: Path) -> None:
    settings = settings_of(
        home,
        COUNTERSIGN_TENANTS__0__SERVICENOW__URL="http://127.0.0.1:9",
        COUNTERSIGN_TENANTS__0__SERVICENOW__USER="countersign",
        COUNTERSIGN_TENANTS__0__SERVICENOW__PASSWORD="hidden-word",
    )
    found = told(await neighbours.servicenow(patient(settings)))
    assert "ServiceNow of acme" in found
    assert "hidden-word" not in str(found)


async def test_an_identity_provider_is_asked_with_its_token(home: Path) -> None:
    provider = IdentitySimulator()
    await provider.start()
    try:
        for token, status in ((provider.token, "ok"), ("wrong-word", "problem")):
            asked = patient(
                settings_of(
                    home,
                    COUNTERSIGN_TENANTS__0__IDENTITY__URL=provider.base_url,
                    COUNTERSIGN_TENANTS__0__IDENTITY__TOKEN=token,
                )
            )
            (found,) = await identity.identity(asked)
            assert (found.name, found.status) == ("identity provider of acme", status)
            assert token not in str(found)
            assert any("identity.url" in one.name for one in await neighbours.simulators(asked))
    finally:
        await provider.stop()


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (None, "No such file"),
        ("schema: wrong", "schema"),
        (POLICY.replace("[7]", "[]"), "installations"),
        (POLICY.replace("[main]", "[]"), "refs"),
    ],
)
async def test_a_policy_that_cannot_work_is_told(home: Path, policy: str | None, text: str) -> None:
    if policy is None:
        (home / "acme.yaml").unlink()
    else:
        (home / "acme.yaml").write_text(policy)
    assert text in told(await machine.policies(patient(settings_of(home))))["tenant policy of acme"]


async def test_keys_that_others_can_read_are_told(home: Path) -> None:
    settings = settings_of(home)
    assert told(await machine.server_keys(patient(settings))) == {}
    files.load(settings.keys)
    assert told(await machine.server_keys(patient(settings))) == {}
    files.path_of(settings.keys, "log").chmod(0o644)
    assert "chmod 600" in told(await machine.server_keys(patient(settings)))["server keys"]


async def test_keys_that_should_be_encrypted_and_are_not_are_told(home: Path) -> None:
    settings = settings_of(home)
    files.load(settings.keys)
    keys = settings.keys.model_copy(update={"passphrase": SecretStr("correct horse battery staple")})
    found = told(await machine.server_keys(patient(settings.model_copy(update={"keys": keys}))))
    assert "is not encrypted" in found["server keys"]


async def test_the_database_is_looked_at_and_not_touched(home: Path) -> None:
    settings = settings_of(home)
    path = home / "countersign.db"
    assert told(await database.database(patient(settings))) == {}
    assert not path.exists()
    path.write_bytes(b"")
    assert "found none" in told(await database.database(patient(settings)))["database"]
    path.unlink()
    await migrate(settings.database.url.get_secret_value())
    assert told(await database.database(patient(settings))) == {}
    path.write_bytes(b"not a database" * 100)
    assert "cannot be read" in told(await database.database(patient(settings)))["database"]


async def test_an_address_without_https_is_told(home: Path) -> None:
    settings = settings_of(home, COUNTERSIGN_SERVER__PUBLIC_URL="http://127.0.0.1:8080")
    assert "public address" in told(await machine.public_url(patient(settings)))


async def test_without_a_copy_outside_the_doctor_says_what_that_risks(home: Path) -> None:
    (found,) = await sinks.sinks(patient(settings_of(home)))
    assert (found.status, "goes unnoticed" in found.summary) == ("unasked", True)


async def test_a_copy_that_is_behind_refused_or_refuted_is_told(home: Path) -> None:
    settings = settings_of(home, COUNTERSIGN_AUDIT__FOLDER=f"{home}/worm")
    url = settings.database.url.get_secret_value()
    await migrate(url)
    assert told(await sinks.sinks(patient(settings))) == {}

    async def note(change: Callable[[Tx], object]) -> dict[str, str]:
        async with opened(url) as opening:
            await opening.write(lambda tx: store.begin(tx, "folder", "acme"))
            await opening.write(change)
        return told(await sinks.sinks(patient(settings)))

    assert await note(lambda tx: store.anchored(tx, "folder", "acme", 3, "3", now())) == {}
    assert "disk full" in (await note(lambda tx: store.failed(tx, "folder", "acme", "disk full")))["folder: progress"]
    refuted = await note(lambda tx: store.refuted(tx, "folder", "acme", "it was rolled back"))
    assert "rolled back" in refuted["folder: progress"]


async def test_what_verification_found_and_when_is_told(home: Path) -> None:
    settings = settings_of(home)
    url = settings.database.url.get_secret_value()
    await migrate(url)
    assert [found.status for found in await log.verified(patient(settings))] == ["unasked"]

    async def note(change: Callable[[Tx], object]) -> dict[str, str]:
        async with opened(url) as opening:
            await opening.write(change)
        return told(await log.verified(patient(settings)))

    assert await note(lambda tx: verifications.passed(tx, "acme", 7, b"", now(), full=True)) == {}
    long_ago = now() - 50 * 3600 * SECOND
    late = await note(lambda tx: verifications.passed(tx, "acme", 7, b"", long_ago, full=True))
    assert late == {"audit log acme": "last verified 50 hours ago."}
    wrong = await note(lambda tx: verifications.failed(tx, "acme", "record 3: body altered", now()))
    assert wrong == {"audit log acme": "record 3: body altered"}


async def test_a_backup_that_is_missing_or_old_is_told(home: Path) -> None:
    assert [found.status for found in await log.backups(patient(settings_of(home)))] == ["unasked"]
    settings = settings_of(home, COUNTERSIGN_BACKUP__DIRECTORY=f"{home}/backups")
    assert "found none" in told(await log.backups(patient(settings)))["backup"]


async def test_an_examination_that_breaks_is_a_problem(home: Path) -> None:
    async def broken(_patient: Patient) -> tuple[Finding, ...]:
        raise RuntimeError("ghs_" + "A1b2" * 9)

    report = await examine(patient(settings_of(home)), {"it": broken})
    assert not report.ok
    assert "ghs_" not in str(report)


def test_the_report_is_for_people_and_machines(
    countersign: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    (home / "countersign.toml").write_text("[server]\nprot = 1\n")
    ended = countersign("doctor")
    assert ended.code == NO
    assert "✗ server.prot" in ended.out
    assert "→ Did you mean port?" in ended.out
    machine_report = json.loads(countersign("doctor", "--json").out)
    assert machine_report["ok"] is False
    assert machine_report["findings"][0]["name"] == "server.prot"


def test_every_examination_has_a_name_of_its_own() -> None:
    assert len(set(EXAMINATIONS.values())) == len(EXAMINATIONS)
