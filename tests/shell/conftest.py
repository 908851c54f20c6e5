"""The command line as a user meets it: arguments in, exit code and text out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from app.cli.main import main
from tests.shell import gate_server
from tests.shell.gate_server import GateServer


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def countersign(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["countersign", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0 if code is None else 1, shown.out, shown.err)

    return run


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[GateServer]:
    for name in ("GITHUB_REPOSITORY", "GITHUB_SHA", "ACTIONS_ID_TOKEN_REQUEST_URL", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with gate_server.running() as server:
        monkeypatch.setenv("COUNTERSIGN_URL", server.url)
        monkeypatch.setenv("COUNTERSIGN_TOKEN", "cs_test")
        yield server
