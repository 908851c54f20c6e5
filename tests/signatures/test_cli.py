"""`countersign approve` and the keys of people, as processes of their own."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from app.sandbox.shell import Done, Shell
from app.signatures import display
from manifests import sshsig, statement
from tests.signatures import signers
from tests.signatures.signers import PersonKey
from tests.signatures.stage import Stage


async def run(stage: Stage, *words: str, token: str = "reader") -> Done:
    return await Shell(stage.service.address, stage.folder).countersign(*words, token=stage.token(token))


async def test_a_key_is_enrolled_and_a_release_approved(stage: Stage) -> None:
    key = signers.make(stage.folder, "carol")
    enrolled = await run(stage, "people", "enrol-key", "carol", str(key.path) + ".pub", token="first")
    assert (enrolled.code, json.loads(enrolled.out)["fingerprint"]) == (0, key.fingerprint)
    same = await run(stage, "people", "confirm-key", key.fingerprint, token="first")
    assert (same.code, "key.second_person" in same.err) == (1, True)
    assert (await run(stage, "people", "confirm-key", key.fingerprint, token="second")).code == 0
    stage.bob_approves()
    await stage.until_text("Filled by bob")
    words = ("approve", stage.release, "--environment", "production", "--key", str(key.path))
    unasked = await run(stage, *words)
    assert (unasked.code, "--yes" in unasked.err) == (2, True)
    assert not await stage.signed()
    done = await run(stage, *words, "--yes")
    assert done.code == 0, done
    assert "Recorded: approve for production" in done.out
    assert "Nothing is missing" in done.out
    assert "By signing you APPROVE" in done.err
    assert stage.pull.head_sha in done.err
    await stage.until_outcome("allow")
    revoked = await run(stage, "people", "revoke-key", key.fingerprint, "--reason", "compromised", token="first")
    assert revoked.code == 0
    await stage.until_outcome("wait")
    listed = json.loads((await run(stage, "people", "keys", token="first")).out)["keys"]
    assert [step["state"] for step in listed] == ["proposed", "enrolled", "revoked"]
    assert (await run(stage, *words, "--yes")).code == 1


async def test_an_approval_that_fills_no_seat_is_told_at_once(stage: Stage) -> None:
    key = await stage.enrolled("bob")
    words = ("approve", stage.release, "--environment", "production", "--key", str(key.path), "--yes")
    done = await run(stage, *words)
    assert "bob's approval does not count: it came by cli, and this seat accepts command or review" in done.out
    assert "They approve again with the comment /approve" in done.out
    held = await run(stage, "approve", stage.release, "--hold", "--key", str(key.path), "--yes")
    assert (held.code, "does not count" in held.out) == (0, False), "nobody asked about the approval"
    carol = await stage.enrolled("carol")
    other = await run(stage, *words[:-2], str(carol.path), "--yes")
    assert (other.code, "does not count" in other.out) == (0, False), other


async def test_a_release_is_rejected_with_a_reason(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    words = ("--key", str(key.path), "--yes", "--reject", "--reason", "Drift.", "--json")
    done = await run(stage, "approve", stage.release, *words)
    assert (done.code, json.loads(done.out)["outcome"]) == (0, "deny")
    assert (await stage.signed())[0].consent.reason == "Drift."


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--yes",), 2),
        (("--yes", "--reject", "--hold"), 2),
        (("--yes", "-e", "production", "--key", "nothing"), 2),
        (("--yes", "-e", "staging"), 1),
    ],
)
async def test_what_cannot_be_signed_ends_with_its_exit_code(stage: Stage, words: tuple[str, ...], code: int) -> None:
    key = await stage.enrolled("carol")
    given = words if "--key" in words else (*words, "--key", str(key.path))
    assert (await run(stage, "approve", stage.release, *given)).code == code
    assert not await stage.signed()


Answer = dict[str, str]
LIES: dict[str, Callable[[Answer], Answer]] = {
    "another display": lambda answer: answer | {"display": answer["display"] + "All is well.\n"},
    "another namespace": lambda answer: answer | {"namespace": "git"},
    "another decision": lambda answer: rewritten(answer, decision="hold"),
    "another environment": lambda answer: rewritten(answer, environments=("production", "staging")),
    "another key": lambda answer: rewritten(answer, key="SHA256:" + "A" * 43),
    "another way": lambda answer: rewritten(answer, way="passkey"),
    "a reason": lambda answer: rewritten(answer, reason_digest="e" * 64),
    "another text, digested": lambda answer: rewritten(answer, text="By signing you APPROVE nothing much.\n"),
    "another head than shown": lambda answer: rewritten(answer, head_commit="e" * 40, text=answer["display"]),
    "no statement": lambda answer: answer | {"payload": base64.b64encode(b"{}").decode()},
}


def rewritten(answer: Answer, text: str | None = None, **fields: object) -> Answer:
    """The answer with an altered statement; where the text is given, the statement binds that very text."""
    consent = statement.parse(base64.b64decode(answer["payload"]))
    shown = answer["display"] if text is None else text
    predicate = msgspec.structs.replace(consent.predicate, displayed=display.digest(shown), **fields)
    payload = statement.build(consent.artifacts, predicate)
    return answer | {"payload": base64.b64encode(payload).decode(), "display": shown}


@asynccontextmanager
async def lying(answer: Answer, heard: list[bytes]) -> AsyncIterator[str]:
    """A service that answers every question with this statement, and keeps what it is sent."""

    async def prepare(_request: web.Request) -> web.Response:
        return web.json_response(answer)

    async def submit(request: web.Request) -> web.Response:
        heard.append(await request.read())
        return web.json_response({}, status=500)

    app = web.Application()
    app.router.add_get("/api/v1/releases/{id}/statement", prepare)
    app.router.add_post("/api/v1/statements", submit)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_service_that_serves_another_statement_than_was_asked_for_gets_no_signature(
    stage: Stage, tmp_path: Path
) -> None:
    key = await stage.enrolled("carol")
    honest: Answer = (await stage.prepare(key)).body
    for name, lie in LIES.items():
        code, err, heard = await _approve(key, lie(honest), tmp_path)
        assert (name, code, heard) == (name, 3, []), err
    code, _, heard = await _approve(key, honest, tmp_path)
    assert len(heard) == 1
    sent = json.loads(heard[0])
    payload = base64.b64decode(sent["payload"])
    assert sshsig.verify(sent["signature"], statement.signed_message(payload)).fingerprint == key.fingerprint


async def _approve(key: PersonKey, answer: Answer, folder: Path) -> tuple[int, str, list[bytes]]:
    heard: list[bytes] = []
    async with lying(answer, heard) as url:
        words = ("approve", "0" * 32, "-e", "production", "--key", str(key.path), "--yes")
        done = await Shell(url, folder).countersign(*words, token="x")
    return done.code, done.err, heard
