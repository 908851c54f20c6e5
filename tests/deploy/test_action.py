"""The action, run as GitHub would: a child process with inputs in the environment, against a real server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from tests.deploy.files import ACTION, ROOT, read_yaml

DEFINITION: Any = read_yaml(ACTION / "action.yml")
STEPS: Any = DEFINITION["runs"]["steps"]
ENVELOPE = {"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": []}
ALLOW = {"decision": "allow", "decision_id": "d-1", "attestation": ENVELOPE}


class Gate:
    """Answers decisions with ``answer`` and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = ALLOW
        self.asked: list[tuple[str, str, Any]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append((request.path, request.headers["authorization"], body))
        return web.json_response(self.answer if request.path == "/api/v1/decisions" else {})


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    served = Gate()
    application = web.Application()
    application.router.add_post("/{path:.*}", served.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


async def run(gate: Gate, folder: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """(exit code, what was printed, the outputs) of the action's last step."""
    outputs = folder / "outputs"
    environment = {
        "PATH": os.environ["PATH"],
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_REPOSITORY": "acme/models",
        "GITHUB_SHA": "a" * 40,
        "GATE_ENVIRONMENT": "production",
        "GATE_WAIT": "0s",
        "GATE_REDEEM": "false",
        "COUNTERSIGN_URL": gate.url,
        "COUNTERSIGN_TOKEN": "secret-token",
        **inputs,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(ACTION / "check.py"),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    lines = outputs.read_text().splitlines() if outputs.exists() else []
    return process.returncode, printed.decode(), dict(line.split("=", 1) for line in lines)


def test_the_inputs_are_there_and_each_is_used() -> None:
    inputs = DEFINITION["inputs"]
    assert {"environment", "files", "wait", "url", "token"} <= set(inputs)
    used = set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", str(STEPS)))
    assert used == set(inputs)
    assert all("description" in entry for entry in inputs.values())
    assert all(("default" in entry) != entry.get("required", False) for entry in inputs.values())


def test_no_input_is_ever_part_of_a_script() -> None:
    for step in STEPS:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]


def test_the_outputs_come_from_a_step() -> None:
    steps = {step["id"] for step in STEPS}
    for output in DEFINITION["outputs"].values():
        found = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.[\w-]+ \}\}", output["value"])
        assert found is not None
        assert found[1] in steps


async def test_the_entries_of_the_lock_file_suffice() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(ACTION / "locked.py"), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    assert printed.decode().count("--hash=sha256:") > 0
    allowed = {re.sub(r"[-_.]+", "_", name) for name in re.findall(r"^([\w.-]+)==", printed.decode(), re.MULTILINE)}
    lines = set(printed.decode().splitlines())
    assert lines <= set((ROOT / "requirements.lock").read_text().splitlines())
    script = f"""
import sys, importlib.metadata as metadata
sys.path.insert(0, {str(ROOT)!r})
from app.cli.main import main
sys.argv = ["countersign", "gate", "check", "-e", "x", "-f", {str(ROOT / "LICENSE")!r}, "--repository", "a/b",
            "--commit", "a" * 40, "--url", "http://127.0.0.1:9", "--token", "x"]
try:
    main()
except SystemExit as ended:
    assert ended.code == 3, ended.code
packages = metadata.packages_distributions()
names = {{name.split(".")[0] for name, module in sys.modules.items() if getattr(module, "__file__", None)}}
print(*sorted({{owner for name in names for owner in packages.get(name, [])}}))
"""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, told = await child.communicate()
    assert child.returncode == 0, told.decode()
    # An editable installation and setuptools are hooks of the development environment.
    loaded = {re.sub(r"[-_.]+", "_", name).lower() for name in printed.decode().split()}
    assert loaded - {"countersign", "setuptools"} <= allowed


async def test_an_allow_passes_and_leaves_its_summary(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "a b.pt").write_bytes(b"x")
    code, printed, outputs = await run(gate, tmp_path, GATE_FILES="policy.pt=a b.pt\n\n")
    assert code == 0, printed
    assert outputs["decision"] == "allow"
    assert outputs["decision-id"] == "d-1"
    assert msgspec.json.decode(Path(outputs["vsa"]).read_bytes()) == ENVELOPE
    (path, authorization, body) = gate.asked[0]
    assert (path, authorization) == ("/api/v1/decisions", "Bearer secret-token")
    assert body == {
        "environment": "production",
        "repository": "acme/models",
        "commit": "a" * 40,
        "subjects": [{"name": "policy.pt", "digest": {"sha256": hashlib.sha256(b"x").hexdigest()}}],
    }
    assert "secret-token" not in printed


async def test_an_allow_is_redeemed_when_asked(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"x")
    code, printed, _ = await run(gate, tmp_path, GATE_FILES="m.pt", GATE_REDEEM="true")
    assert code == 0, printed
    assert [path for path, _, _ in gate.asked] == ["/api/v1/decisions", "/api/v1/decisions/d-1/redemption"]


@pytest.mark.parametrize("decision", ["deny", "wait"])
async def test_anything_but_an_allow_fails_the_step(gate: Gate, tmp_path: Path, decision: str) -> None:
    (tmp_path / "m.pt").write_bytes(b"x")
    gate.answer = {"decision": decision, "decision_id": "d-2"}
    code, printed, outputs = await run(gate, tmp_path, GATE_FILES="m.pt", GATE_REDEEM="true")
    assert code == 1, printed
    assert outputs == {"decision": decision, "decision-id": "d-2"}
    assert len(gate.asked) == 1


async def test_an_answer_that_cannot_be_read_fails_the_step(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"x")
    gate.answer = {"decision": "yes"}
    code, printed, outputs = await run(gate, tmp_path, GATE_FILES="m.pt")
    assert code == 3, printed
    assert outputs == {}


async def test_an_answer_cannot_add_an_output(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"x")
    gate.answer = {"decision": "deny", "decision_id": "d\nvsa=/etc/passwd"}
    _, _, outputs = await run(gate, tmp_path, GATE_FILES="m.pt")
    assert set(outputs) == {"decision", "decision-id"}


@pytest.mark.parametrize(
    "inputs",
    [
        {"GATE_FILES": " \n"},
        {"GATE_FILES": "missing.pt"},
        {"GATE_FILES": "--redeem"},
        {"GATE_FILES": "m.pt", "GATE_REDEEM": "maybe"},
        {"GATE_FILES": "m.pt", "GATE_WAIT": "soon"},
    ],
)
async def test_wrong_inputs_fail_the_step_before_anything_is_asked(
    gate: Gate, tmp_path: Path, inputs: dict[str, str]
) -> None:
    (tmp_path / "m.pt").write_bytes(b"x")
    code, printed, outputs = await run(gate, tmp_path, **inputs)
    assert code in (2, 3), printed
    assert (outputs, gate.asked) == ({}, [])


async def test_a_file_in_the_workflow_cannot_stand_in_for_ours(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit(0)")
    (tmp_path / "msgspec.py").write_text("raise SystemExit(0)")
    (tmp_path / "m.pt").write_bytes(b"x")
    gate.answer = {"decision": "deny"}
    code, printed, _ = await run(gate, tmp_path, GATE_FILES="m.pt")
    assert code == 1, printed
