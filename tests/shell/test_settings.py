"""Settings: layers, secrets, and every mistake told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.settings import Settings, SettingsError, for_serving, load, refuse_simulators
from app.settings.names import LIST_INDEX, keys

SECRET = "s3cret-" * 6
FILE = """
[server]
port = 9000
[[tenants]]
id = "acme"
policy = "acme.yaml"
[tenants.servicenow]
url = "https://acme.service-now.com"
user = "countersign"
password = "from-file"
"""


def refused(tmp_path: Path, text: str = "", env: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(written(tmp_path, text), env or {})
    return str(caught.value)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "countersign.toml"
    path.write_text(text)
    return path


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = load(
        written(tmp_path, FILE),
        {"COUNTERSIGN_SERVER__PORT": "9100", "COUNTERSIGN_TENANTS__0__SERVICENOW__PASSWORD": "from-env"},
    )
    assert settings.server.port == 9100
    assert settings.tenants[0].id == "acme"
    assert settings.tenants[0].servicenow is not None
    assert settings.tenants[0].servicenow.password is not None
    assert settings.tenants[0].servicenow.password.get_secret_value() == "from-env"


def test_without_anything_there_are_defaults_and_nothing_else_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVER", '{"port": 1}')
    assert load(env={}).server.port == 8080
    assert load(env={}).sandbox is False


def test_the_file_is_named_by_the_environment_or_found_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "[server]\nport = 9001\n")
    assert load(env={"COUNTERSIGN_CONFIG": str(path)}).server.port == 9001
    monkeypatch.chdir(tmp_path)
    assert load(env={}).server.port == 9001


def test_secrets_come_from_files_without_their_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN KEY-----\nabc\n-----END KEY-----\n")
    (tmp_path / "hooks").write_text(f"{SECRET}1\n{SECRET}2\n")
    settings = load(
        env={
            "COUNTERSIGN_GITHUB__PRIVATE_KEY_FILE": str(tmp_path / "key"),
            "COUNTERSIGN_GITHUB__WEBHOOK_SECRETS_FILE": str(tmp_path / "hooks"),
        }
    )
    assert settings.github.private_key is not None
    assert settings.github.private_key.get_secret_value().endswith("END KEY-----")
    assert [item.get_secret_value() for item in settings.github.webhook_secrets] == [f"{SECRET}1", f"{SECRET}2"]


@pytest.mark.parametrize("separator", [",", " ", ", ", "\n"])
def test_webhook_secrets_are_separated_by_comma_or_space(separator: str) -> None:
    settings = load(env={"COUNTERSIGN_GITHUB__WEBHOOK_SECRETS": separator.join([SECRET, SECRET[::-1]])})
    assert len(settings.github.webhook_secrets) == 2


def test_no_secret_shows(tmp_path: Path) -> None:
    text = FILE + '[database]\nurl = "postgresql://user:hidden-word@db/x"\n'
    settings = load(written(tmp_path, text), {"COUNTERSIGN_GITHUB__WEBHOOK_SECRETS": SECRET})
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "hidden-word" not in shown
        assert "from-file" not in shown
        assert SECRET not in shown


@pytest.mark.parametrize(
    ("text", "env", "told"),
    [
        ("[servr]\nport = 1", {}, "Did you mean server?"),
        ("[server]\nprot = 1", {}, "server.prot: expected a known key"),
        ("[server]\nprot = 1", {}, "Did you mean port?"),
        ("sandbox = true", {}, "sandbox: expected a known key"),
        ("", {"COUNTERSIGN_SANDBOX": "1"}, "COUNTERSIGN_SANDBOX"),
        ("", {"COUNTERSIGN_SERVER_PORT": "1"}, "Did you mean COUNTERSIGN_SERVER__PORT?"),
        ("", {"COUNTERSIGN_SERVER__PORT_FILE": "/x"}, "COUNTERSIGN_SERVER__PORT_FILE"),
        ("[server]\nport = 'x'", {}, "COUNTERSIGN_SERVER__PORT"),
        ("[server]\npublic_url = 'http://x.example.com'", {}, "expected https for x.example.com"),
        ("[server]\nhost = '0.0.0.0'\n[console]\nopen = true", {}, "console.open"),
        ("[database]\nurl = 'mysql://x'", {}, "found scheme 'mysql'"),
        (
            "[gate]\ndecision_ttl_s = 901",
            {},
            "gate.decision_ttl_s: expected a number less than or equal to 900, found 901.",
        ),
        ("[log]\nformat = 'xml'", {}, "log.format: expected 'json' or 'text', found 'xml'."),
        ("[audit.worm]\nbucket = 'b'", {}, "audit.worm.bucket: expected at least 3 characters, found 'b'."),
        ("[audit]\nretention_days = 'ten'", {}, "audit.retention_days: expected a valid integer"),
        ("[[tenants]]\nid = 'Acme'\npolicy = 'p'", {}, "tenants.0.id"),
        ("[[tenants]]\nid = 'system'\npolicy = 'p'", {}, "tenants.0.id"),
        ("[[tenants]]\nid = 'a'\npolicy = 'p'\n[[tenants]]\nid = 'a'\npolicy = 'p'", {}, "distinct ids"),
        ("[[tenants]]\nid = 'a'", {}, "Set tenants.0.policy in countersign.toml, or COUNTERSIGN_TENANTS__0__POLICY."),
        ("", {"COUNTERSIGN_TENANTS__1__ID": "a"}, "Number the variables from 0"),
        ("", {"COUNTERSIGN_GITHUB__WEBHOOK_SECRETS": "short"}, "expected at least 32 bytes, secret 0 has 5"),
        ("", {"COUNTERSIGN_KEYS__GATE_FILE": "/does/not/exist"}, "COUNTERSIGN_KEYS__GATE_FILE"),
        (
            "",
            {"COUNTERSIGN_KEYS__GATE": "x", "COUNTERSIGN_KEYS__GATE_FILE": "/x"},
            "expected COUNTERSIGN_KEYS__GATE or COUNTERSIGN_KEYS__GATE_FILE, found both",
        ),
        ("not toml", {}, "countersign.toml: expected a TOML file"),
    ],
)
def test_each_mistake_is_told_with_its_remedy(tmp_path: Path, text: str, env: Mapping[str, str], told: str) -> None:
    assert told in refused(tmp_path, text, env)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    told = refused(tmp_path, "[server]\nport = 'x'\nprot = 1", {"COUNTERSIGN_NONSENSE": "1"})
    assert told.count("\n- ") == 2


def test_a_refused_secret_is_not_quoted(tmp_path: Path) -> None:
    text = '[github]\nwebhook_secrets = ["tooshort"]\n[database]\nurl = "mysql://user:hidden-word@db"'
    assert "tooshort" not in refused(tmp_path, text)
    assert "hidden-word" not in refused(tmp_path, text)
    told = refused(tmp_path, "[keys]\nlog = 815\n[keys.vault]\ntoken = 4711")
    assert "found something else" in told
    assert not {"815", "4711"} & set(re.findall(r"\d+", told))


@pytest.mark.parametrize(
    ("login", "accepted"),
    [
        ("user = 'u'\npassword = 'p'", True),
        ("client_id = 'c'\nclient_secret = 's'", True),
        ("user = 'u'", False),
        ("", False),
        ("user = 'u'\npassword = 'p'\nclient_id = 'c'\nclient_secret = 's'", False),
        ("user = 'u'\nclient_secret = 's'", False),
    ],
)
def test_servicenow_is_entered_in_one_way(tmp_path: Path, login: str, accepted: bool) -> None:
    text = f"[[tenants]]\nid='a'\npolicy='p'\n[tenants.servicenow]\nurl='https://x.example.com'\n{login}\n"
    if accepted:
        assert load(written(tmp_path, text), {}).tenants[0].servicenow is not None
    else:
        assert "expected either user and password or client_id" in refused(tmp_path, text)


def test_variables_that_kubernetes_sets_for_a_service_are_no_settings() -> None:
    load(
        env={
            "COUNTERSIGN_SERVICE_HOST": "10.0.0.1",
            "COUNTERSIGN_SERVICE_PORT": "80",
            "COUNTERSIGN_SERVICE_PORT_HTTP": "80",
            "COUNTERSIGN_PORT": "tcp://10.0.0.1:80",
            "COUNTERSIGN_PORT_80_TCP_ADDR": "10.0.0.1",
            "COUNTERSIGN_METRICS_PORT_9090_TCP": "tcp://10.0.0.2:9090",
        }
    )


def test_every_key_has_a_variable_of_its_own() -> None:
    variables = [key.variable for key in keys()]
    assert len(set(variables)) == len(variables)
    assert "COUNTERSIGN_GITHUB__WEBHOOK_SECRETS" in variables
    assert ("tenants", LIST_INDEX, "servicenow", "password") in [key.path for key in keys() if key.secret]


def test_the_service_names_all_it_lacks() -> None:
    with pytest.raises(SettingsError) as caught:
        for_serving(load(env={}))
    assert [item.path for item in caught.value.problems] == [
        "github.app_id",
        "github.private_key",
        "github.webhook_secrets",
        "tenants",
    ]


def test_the_digest_changes_with_a_setting_and_not_with_the_log_level() -> None:
    plain = load(env={}).digest()
    assert load(env={"COUNTERSIGN_LOG__LEVEL": "debug"}).digest() == plain
    assert load(env={"COUNTERSIGN_SERVER__PORT": "81"}).digest() != plain
    assert load(env={"COUNTERSIGN_KEYS__GATE": "x"}).digest() != plain


def test_pacing_is_for_github_com_unless_said_otherwise() -> None:
    assert load(env={}).github.paced is True
    assert load(env={"COUNTERSIGN_GITHUB__API_URL": "https://ghes.example.com/api/v3"}).github.paced is False
    assert load(env={"COUNTERSIGN_GITHUB__PACING": "false"}).github.paced is False


async def pretender(headers: Mapping[str, str]) -> TestServer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(headers=dict(headers))

    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    return server


async def test_a_simulator_is_refused_outside_the_sandbox() -> None:
    server = await pretender({"X-Countersign-Simulator": "1"})
    settings = load(env={"COUNTERSIGN_GITHUB__API_URL": str(server.make_url("/"))})
    with pytest.raises(SettingsError, match=r"github\.api_url"):
        await refuse_simulators(settings)
    sandbox = Settings(github=settings.github, sandbox=True)
    assert await refuse_simulators(sandbox) == ()
    await server.close()


async def test_a_neighbour_that_does_not_answer_is_named() -> None:
    server = await pretender({})
    url = str(server.make_url("/")).rstrip("/")
    settings = load(env={"COUNTERSIGN_GITHUB__API_URL": url})
    assert await refuse_simulators(settings) == ()
    await server.close()
    assert await refuse_simulators(settings) == (url,)
