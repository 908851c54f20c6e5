"""The whole way over HTTP: a seat that asks for a personal signature is filled by one, and by nothing less."""

from __future__ import annotations

from tests.signatures.stage import Stage


async def test_only_a_personal_signature_fills_a_personal_seat(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    stage.bob_approves()
    stage.say("carol", f"/approve {stage.pull.head_sha} production")
    prepared = await stage.prepare(key)
    print(prepared.body["display"])
    answer = await stage.approve(key)
    assert answer.status == 201, answer.body
    print(answer.body)
    await stage.until_outcome("allow")
