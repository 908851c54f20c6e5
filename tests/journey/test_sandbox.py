"""The sandbox as a newcomer starts it: a process of its own."""

from __future__ import annotations

import asyncio
import io
import re
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process

import pytest

from app.cli.exits import CannotFindOutError
from app.sandbox.journey import ended
from app.sandbox.main import DEFAULT_PORT, free_port
from app.sandbox.outsiders import Change, InServiceNow, OnGitHub, open_points, unescaped
from app.sandbox.shell import Done, Shell
from app.sandbox.stage import Belongings, Stage, in_short
from app.sandbox.story import belongings
from app.sandbox.telling import Teller
from app.sandbox.waiting import StoryError, until
from app.sandbox.world import REPOSITORY
from tests.journey.played import Played

MAIN = "from app.cli.main import main; main()"
REFUSALS = (
    "signed by somebody who had a hand in this release",
    "The manifest names policy.json with SHA-256",
    "exit code 1. Nothing is deployed.",
    "alice's approval does not count: they asked for this release",
    "fills one seat only",
    "it is void: a push replaced",
    "The tenant policy lists no branch fast-lane",
    "exit code 1. Other bytes are not deployed.",
)


async def sandbox(*words: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", MAIN, "sandbox", *words, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )


async def test_the_story_ends_as_it_should_and_tells_every_refusal() -> None:
    child = await sandbox("--story", "--once", "--port", "0")
    out, err = (data.decode() for data in await child.communicate())
    assert child.returncode == 0, out + err
    told = " ".join(out.replace("│", " ").split())
    assert [refusal for refusal in REFUSALS if refusal not in told] == []
    assert "\x1b" not in out
    assert "cs_" not in out, "a token was printed"
    assert "Nothing is wrong." in out
    assert "records lead to the root in the checkpoint" in told, "the export was not verified with its own verify.py"
    assert re.search(r"Copies lie outside the database in \S+/copies: .* signed checkpoints \(\d+\)", told)
    assert err == ""


async def test_the_sandbox_runs_until_ctrl_c_and_stops_cleanly() -> None:
    child = await sandbox("--port", "0")
    assert child.stdout is not None
    assert child.stderr is not None
    seen = ""
    while "curl -d '" not in seen:
        line = await child.stdout.readline()
        assert line, seen + (await child.stderr.read()).decode()
        seen += line.decode()
    address = re.search(r"export COUNTERSIGN_URL=(\S+)", seen)
    token = re.search(r"export COUNTERSIGN_TOKEN=(\S+)", seen)
    assert address
    assert token
    listed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MAIN, "tokens", "list", "--url", address[1], "--token", token[1], stdout=PIPE
    )
    assert "visitor" in (await listed.communicate())[0].decode()
    child.send_signal(signal.SIGINT)
    rest, err = await child.communicate()
    assert (child.returncode, err.decode()) == (0, ""), rest.decode()


def test_a_port_in_use_gives_way_only_when_nobody_asked_for_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotFindOutError, match=f"port {port} on 127.0.0.1"):
            free_port(port, Teller(io.StringIO()))
    out = io.StringIO()
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            busy.bind(("127.0.0.1", DEFAULT_PORT))
            busy.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        assert free_port(DEFAULT_PORT, Teller(out)) not in (0, DEFAULT_PORT)
    assert f"Port {DEFAULT_PORT} on 127.0.0.1 is in use" in out.getvalue()


async def test_an_expectation_that_is_not_met_says_which() -> None:
    async def read() -> int:
        return 1

    with pytest.raises(StoryError, match=r"expected two of them within 0 s, found 1"):
        await until(read, lambda found: found == 2, "two of them", patience_s=0)


async def test_a_journey_that_did_not_end_is_no_success(short: Played) -> None:
    """The story's own end state is checked: an open pull request is not a merged one."""
    pull = await short.propose()
    async with short.http() as http:
        has: Belongings = belongings(short.world)
        stage = Stage(
            Teller(io.StringIO()), OnGitHub(http, short.github.base_url, REPOSITORY),
            InServiceNow(http, short.servicenow.base_url), Shell(short.service.address, has.folder), has, "",
            ("", ""), short.world.clock,
        )  # fmt: skip
        change = Change("CHG1", "closed", "", "successful", "", ())
        with pytest.raises(StoryError, match=r"expected the pull request to be merged: merged, found open"):
            await ended(stage, pull.number, change)


def test_colours_only_where_they_are_seen() -> None:
    for colours in (False, True):
        out = io.StringIO()
        Teller(out, colours).refused("no")
        assert ("\x1b[31m" in out.getvalue()) == colours
        assert "Refused: no" in out.getvalue()


def test_the_gates_answer_is_told_in_short_but_no_group_is_left_out() -> None:
    answer = """\
✗ deny  decision 1
  ✓ rule: It is said.
  … approvals: Two are missing.
    → Somebody from risk approves.
    … risk: 0 of 1 seat filled.
      → Somebody from risk approves.
    … developers: 0 of 1 seat filled.
      → Somebody from developers approves.
  … change: It is not scheduled.
    … state: It is not scheduled.
"""
    assert [line.strip() for line in in_short(Done(1, answer, ""))] == [
        "✗ deny  decision 1", "… approvals: Two are missing.", "→ Somebody from risk approves.",
        "… risk: 0 of 1 seat filled.", "… developers: 0 of 1 seat filled.", "→ Somebody from developers approves.",
        "… change: It is not scheduled.",
    ]  # fmt: skip


def test_what_stands_in_the_way_is_told_as_people_read_it() -> None:
    markdown = "- ✅ **a** passes: good\\.\n- ⏳ **b\\-c** waits: not yet\\.\n  *do\\: that\\.*\n- ❌ **d** fails: no"
    assert open_points(unescaped(markdown)) == ["⏳ b-c waits: not yet.", "    → do: that.", "❌ d fails: no"]
