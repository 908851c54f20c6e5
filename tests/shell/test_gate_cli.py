"""`countersign gate`: what is asked, what is told, and an exit code a pipeline can trust."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from app.cli import asking, hashing, pipeline
from app.cli.api import Api, BusyError
from app.cli.asking import Question, Waiting
from app.cli.exits import CannotFindOutError, UsageError
from tests.shell.conftest import Command
from tests.shell.gate_server import GateServer, verdict

SHA = "a" * 40
ASK = ("--environment", "production", "--repository", "acme/models", "--commit", SHA)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "policy.pt"
    path.write_bytes(os.urandom(3_000_001))
    return path


def check(run: Command, artifact: Path, *more: str) -> Any:
    return run("gate", "check", *ASK, "--file", str(artifact), *more)


@pytest.mark.parametrize(("decision", "code"), [("allow", 0), ("deny", 1), ("wait", 1)])
def test_the_answer_is_the_exit_code(
    countersign: Command, gate: GateServer, artifact: Path, decision: str, code: int
) -> None:
    gate.answer(200, verdict(decision))
    ended = check(countersign, artifact)
    assert ended.code == code
    assert decision in ended.out


def test_the_digests_of_the_files_are_asked_about(countersign: Command, gate: GateServer, artifact: Path) -> None:
    other = artifact.with_name("other.bin")
    other.write_bytes(b"")
    gate.answer(200, verdict("allow"))
    check(countersign, artifact, "--file", f"renamed={other}")
    (asked,) = gate.asked
    assert (asked.method, asked.path, asked.authorization) == ("POST", "/api/v1/decisions", "Bearer cs_test")
    assert asked.body == {
        "environment": "production",
        "repository": "acme/models",
        "commit": SHA,
        "subjects": [
            {"name": "policy.pt", "digest": {"sha256": hashlib.sha256(artifact.read_bytes()).hexdigest()}},
            {"name": "renamed", "digest": {"sha256": hashlib.sha256(b"").hexdigest()}},
        ],
    }


def test_the_tree_is_told_with_remedies(countersign: Command, gate: GateServer, artifact: Path) -> None:
    gate.answer(200, verdict("deny", "fail"))
    out = check(countersign, artifact).out.splitlines()
    assert out[0].startswith("✗ deny")
    assert out[1:] == ["  ✗ approvals: 1 of 2 seats", "    → Ask acme/risk.", "    ✗ seat risk: empty"]


def test_text_from_elsewhere_can_command_neither_terminal_nor_runner(
    countersign: Command, gate: GateServer, artifact: Path
) -> None:
    evil = verdict("deny", "fail")
    evil["verdict"]["results"][0]["summary"] = "\x1b[2J\n::add-mask::x\r\u202e"
    gate.answer(200, evil)
    out = check(countersign, artifact).out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert not any(line.startswith("::") for line in out.splitlines())


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"title": "Malformed", "remedy": "Mend it."}, 2),
        (422, {"title": "Subjects", "remedy": "Mend it."}, 2),
        (401, {"title": "Not authenticated", "remedy": "Mend it."}, 3),
        (403, {"title": "Not permitted", "remedy": "Mend it."}, 3),
        (404, {"title": "Not found", "remedy": "Mend it."}, 3),
        (500, {"title": "Internal", "remedy": "Mend it."}, 3),
        (503, {"title": "Unavailable", "remedy": "Mend it."}, 3),
        (409, {"title": "Taken", "remedy": "Mend it."}, 1),
        (200, {"decision": "perhaps"}, 3),
        (200, b"<html>proxy</html>", 3),
        (200, {}, 3),
        (200, b"\xff", 3),
        (502, b"<html>proxy</html>", 3),
        (204, b"", 3),
    ],
)
def test_whatever_is_no_answer_is_no_yes(
    countersign: Command, gate: GateServer, artifact: Path, status: int, body: Any, code: int
) -> None:
    gate.answer(status, body)
    ended = check(countersign, artifact)
    assert ended.code == code
    assert not isinstance(body, dict) or "remedy" not in body or "Mend it." in ended.err


def test_a_redirect_is_not_followed_with_the_token(countersign: Command, gate: GateServer, artifact: Path) -> None:
    gate.answer(302, {}, Location=f"{gate.url}/elsewhere")
    assert check(countersign, artifact).code == 3
    assert len(gate.asked) == 1


def test_nobody_there_is_not_a_no(countersign: Command, artifact: Path) -> None:
    assert check(countersign, artifact, "--url", "http://127.0.0.1:9", "--token", "x").code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("gate", "check"),
        ("gate", "check", *ASK),
        ("gate", "check", *ASK, "--file", "{file}", "--file", "{file}"),
        ("gate", "check", *ASK, "--file", "{file}", "--wait", "soon"),
        ("gate", "check", *ASK, "--file", "{file}", "--url", "http://gate.example.com"),
        ("gate", "check", *ASK, "--file", "{file}", "--url", "gate"),
        ("gate", "check", *ASK[:-1], "main", "--file", "{file}"),
        ("gate", "check", *ASK[:3], "models", *ASK[4:], "--file", "{file}"),
        ("gate", "report", "d-1", "--outcome", "perhaps"),
        ("gate", "redeem", "../tokens"),
        ("gate", "fly"),
    ],
)
def test_wrong_use_is_told_apart(
    countersign: Command, gate: GateServer, artifact: Path, arguments: tuple[str, ...]
) -> None:
    gate.answer(200, verdict("allow"))
    assert countersign(*(word.replace("{file}", str(artifact)) for word in arguments)).code == 2
    assert gate.asked == []


def test_without_a_token_nothing_is_asked(
    countersign: Command, gate: GateServer, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COUNTERSIGN_TOKEN")
    ended = check(countersign, artifact)
    assert ended.code == 2
    assert "COUNTERSIGN_TOKEN" in ended.err
    assert gate.asked == []


def test_a_missing_file_is_not_a_no(countersign: Command, gate: GateServer, tmp_path: Path) -> None:
    assert check(countersign, tmp_path / "nothing").code == 3
    assert gate.asked == []


def test_json_is_the_answer_itself(countersign: Command, gate: GateServer, artifact: Path) -> None:
    gate.answer(200, verdict("deny", "fail"))
    assert json.loads(check(countersign, artifact, "--json").out) == verdict("deny", "fail")


def test_the_summary_is_kept_only_for_an_allow(
    countersign: Command, gate: GateServer, artifact: Path, tmp_path: Path
) -> None:
    gate.answer(200, verdict("deny"))
    check(countersign, artifact, "--vsa", str(tmp_path / "vsa.json"))
    assert not (tmp_path / "vsa.json").exists()
    gate.answers[:] = [(200, verdict("allow"), {})]
    ended = check(countersign, artifact, "--vsa", str(tmp_path / "vsa.json"))
    assert json.loads((tmp_path / "vsa.json").read_bytes()) == verdict("allow")["attestation"]
    assert "not checked" in ended.err


def test_an_allow_without_the_wanted_summary_is_no_yes(
    countersign: Command, gate: GateServer, artifact: Path, tmp_path: Path
) -> None:
    gate.answer(200, verdict("allow", attestation=None))
    assert check(countersign, artifact, "--vsa", str(tmp_path / "vsa.json")).code == 3


def test_an_allow_is_redeemed_on_request(countersign: Command, gate: GateServer, artifact: Path) -> None:
    gate.answer(200, verdict("allow"))
    assert check(countersign, artifact, "--redeem").code == 0
    assert [asked.path for asked in gate.asked] == ["/api/v1/decisions", "/api/v1/decisions/d-1/redemption"]


def test_an_allow_that_cannot_be_redeemed_is_a_no(countersign: Command, gate: GateServer, artifact: Path) -> None:
    gate.answer(200, verdict("allow"))
    gate.answer(409, {"title": "Redeemed already"})
    assert check(countersign, artifact, "--redeem").code == 1


def test_redeem_and_report_reach_the_decision(countersign: Command, gate: GateServer) -> None:
    gate.answer(200, {})
    assert countersign("gate", "redeem", "d-1").code == 0
    assert countersign("gate", "report", "d-1", "--outcome", "failure").code == 0
    assert [(asked.path, asked.body) for asked in gate.asked] == [
        ("/api/v1/decisions/d-1/redemption", {}),
        ("/api/v1/decisions/d-1/outcome", {"outcome": "failure"}),
    ]


def test_a_decision_is_explained(countersign: Command, gate: GateServer) -> None:
    gate.answer(200, verdict("deny", "fail", same=True))
    ended = countersign("explain", "d-1")
    assert ended.code == 0
    assert "Ask acme/risk." in ended.out
    assert gate.asked[0].path == "/api/v1/decisions/d-1/explanation"


@pytest.mark.parametrize(("wording", "told"), [("same", "the same verdict."), ("changed", "in other words")])
def test_other_words_for_the_same_decision_are_told(
    countersign: Command, gate: GateServer, wording: str, told: str
) -> None:
    gate.answer(200, verdict("allow", same=True, wording=wording))
    ended = countersign("explain", "d-1")
    assert (ended.code, told in ended.err) == (0, True)


def test_a_decision_whose_replay_differs_is_told(countersign: Command, gate: GateServer) -> None:
    gate.answer(200, verdict("allow", same=False))
    ended = countersign("explain", "d-1")
    assert ended.code == 1
    assert "another verdict" in ended.err


def test_an_explanation_without_a_replay_is_none(countersign: Command, gate: GateServer) -> None:
    gate.answer(200, verdict("allow"))
    assert countersign("explain", "d-1").code == 3


class Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def wait(server: GateServer, seconds: float, told: list[str]) -> tuple[str, Time]:
    passing = Time()
    waiting = Waiting(seconds, clock=lambda: passing.now, sleep=passing.sleep, pause=lambda: 4.0)
    question = Question("production", "acme/models", SHA, ())
    answer, _ = asking.ask(Api(server.url, "x"), question, waiting, told.append)
    return answer.decision, passing


def test_waiting_ends_with_the_first_other_answer_and_tells_only_changes(gate: GateServer) -> None:
    told: list[str] = []
    for number in range(3):
        gate.answer(200, verdict("wait", "wait", decision_id=f"d-{number}"))
    gate.answer(503, {"title": "Restarting"})
    gate.answer(200, verdict("allow"))
    decision, passing = wait(gate, 100, told)
    assert decision == "allow"
    assert passing.slept == [4.0] * 4
    assert len(told) == 2
    assert "Restarting" in told[1]


def test_waiting_ends_with_its_time(gate: GateServer) -> None:
    gate.answer(200, verdict("wait", "wait"))
    decision, passing = wait(gate, 10, [])
    assert decision == "wait"
    assert passing.slept == [4.0, 4.0, 2.0]


def test_a_service_that_stays_away_is_no_answer(gate: GateServer) -> None:
    gate.answer(503, {"title": "Restarting"})
    with pytest.raises(BusyError):
        wait(gate, 10, [])


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("90s", 90), ("30m", 1800), ("2h", 7200)])
def test_durations(text: str, seconds: float) -> None:
    assert asking.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-1s", "1d", "1.5h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        asking.duration(text)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_a_file_is_hashed_whatever_its_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(os.urandom(size))
    assert hashing.sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_run_says_what_it_is_about() -> None:
    env = {"GITHUB_REPOSITORY": "acme/models", "GITHUB_SHA": SHA}
    assert (pipeline.repository(None, env), pipeline.commit(None, env)) == ("acme/models", SHA)
    assert pipeline.repository("other/one", env) == "other/one"


@pytest.mark.parametrize(
    "remote", ["git@github.com:acme/models.git", "https://github.com/acme/models", "ssh://git@github.com/acme/models/"]
)
def test_a_checkout_says_what_it_is_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: str) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "x"), ("remote", "add", "origin", remote)):
        subprocess.run((*git, *command), check=True)
    head = subprocess.run(("git", "rev-parse", "HEAD"), capture_output=True, text=True, check=True).stdout.strip()
    assert (pipeline.repository(None, {}), pipeline.commit(None, {})) == ("acme/models", head)


OIDC = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://ci.example.com/t?v=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "r"}


def test_a_run_asks_the_platform_for_a_token_of_this_audience_only() -> None:
    asked: list[str] = []

    def fetch(request: urllib.request.Request) -> bytes:
        asked.append(f"{request.full_url} {request.get_header('Authorization')}")
        return b'{"count": 1, "value": "e.y.j"}'

    assert pipeline.oidc_token(OIDC, "https://gate.example.com/", fetch) == "e.y.j"
    assert asked == ["https://ci.example.com/t?v=1&audience=https%3A%2F%2Fgate.example.com Bearer r"]


@pytest.mark.parametrize("env", [{}, {**OIDC, "ACTIONS_ID_TOKEN_REQUEST_URL": "http://ci.example.com/t?v=1"}])
def test_elsewhere_there_is_no_platform_to_ask(env: dict[str, str]) -> None:
    assert pipeline.oidc_token(env, "https://gate.example.com") == ""


def test_a_platform_that_gives_no_token_is_no_answer() -> None:
    with pytest.raises(CannotFindOutError):
        pipeline.oidc_token(OIDC, "https://gate.example.com", lambda _request: b"<html>")
