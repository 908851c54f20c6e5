"""A release whose rule lets people act for others, and what they sign about it."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

import msgspec

from manifests import statement
from manifests.statement import Consent
from tests.signatures.signers import PersonKey
from tests.signatures.stage import Answer, Stage

ATTESTED = ("{group: risk-managers, count: 1}", "{group: risk-managers, count: 1, signature: attested}")


def delegable(policy: str, longest: str = "3d") -> str:
    return policy + f"    delegation: {{longest: {longest}}}\n"


def attested(policy: str) -> str:
    assert ATTESTED[0] in policy
    return delegable(policy.replace(*ATTESTED))


async def prepare(stage: Stage, key: PersonKey, decision: str, **more: str) -> Answer:
    asked = {"key": key.fingerprint, "decision": decision, "environment": "production", **more}
    return await stage.ask("GET", f"/api/v1/releases/{stage.release}/statement?{urlencode(asked)}")


async def served(stage: Stage, key: PersonKey, decision: str, **more: str) -> bytes:
    prepared = await prepare(stage, key, decision, **more)
    assert prepared.status == 200, prepared.body
    return base64.b64decode(prepared.body["payload"])


async def signed(stage: Stage, key: PersonKey, decision: str, **more: str) -> Answer:
    """Fetched, signed and sent; the fetched refusal where there is one."""
    prepared = await prepare(stage, key, decision, **more)
    if prepared.status != 200:
        return prepared
    payload = base64.b64decode(prepared.body["payload"])
    words = {name: more[name] for name in ("reason", "control") if name in more}
    return await stage.submit(payload, key.sign(payload), **words)


def altered(payload: bytes, **fields: Any) -> bytes:
    """The same statement with other values."""
    consent = statement.parse(payload)
    found = statement.build(consent.artifacts, msgspec.structs.replace(consent.predicate, **fields))
    assert found != payload
    return found


def read(payload: bytes) -> Consent:
    return statement.parse(payload)


async def known(stage: Stage, login: str) -> None:
    """Until the service has met this person."""
    stage.say(login, "/status")

    async def met() -> bool:
        body = {"person_account": login, "public_key": "nothing"}
        answer = await stage.ask("POST", "/api/v1/people/keys", body, "first")
        return answer.code == "key.unreadable"

    await stage.until(met)
