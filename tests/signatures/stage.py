"""A running service with a release that asks a senior developer's word and a risk manager's own signature."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from app.clock import now
from app.consents import store as consents
from app.consents.store import StoredGrant
from app.releases import store as releases
from app.releases.store import StoredRelease
from app.sandbox import documents
from app.sandbox.world import REPOSITORY, TENANT, World
from app.service import Service
from app.settings.model import Settings
from app.tokens.model import Permission, Scope
from app.work import store as work
from integrations.github.simulator.model import Pull
from tests.signatures import signers
from tests.signatures.signers import PersonKey, Signing

PATIENCE_S = 40
_APP_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Answer(msgspec.Struct, frozen=True):
    status: int
    body: Any

    @property
    def code(self) -> str:
        found: str = self.body.get("code", "")
        return found


class Stage:
    """carol's seat asks for ``personal``, the default for production."""

    def __init__(
        self, folder: Path, *, cooldown: str = "0s", risk_managers: int = 1, database_url: str | None = None,
        amend: Callable[[str], str] = lambda policy: policy, machines: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """``amend`` changes the policy before the release is proposed; no human uses the accounts of ``machines``."""
        self.folder = folder
        self._cooldown = cooldown
        self._risk_managers = risk_managers
        self._amend = amend
        self._machines = machines
        self.world = World(folder, change=False, github_key=_APP_KEY, database_url=database_url)
        self._tokens: dict[str, str] = {}

    @property
    def service(self) -> Service:
        assert self.world.service is not None
        return self.world.service

    async def start(self) -> None:
        await self.world.start(configure=self._configure)
        github = self.world.github
        world = self.world
        policy = documents.policy(world.training, world.testing, world.alice, change=False)
        asked = policy.replace(
            b"{group: risk-managers, count: 1, signature: attested, accept: [review, command]}",
            b"{group: risk-managers, count: %d}" % self._risk_managers,
        )
        assert asked != policy
        await world.put_policy(self._amend(asked.decode()).encode())
        self.files = self.world.release_files()
        github.push(REPOSITORY, "release", self.files, author="alice")
        self.pull: Pull = github.open_pull(REPOSITORY, "release", author="alice", title="Release 3.2.0")
        for name in ("first", "second"):
            self._tokens[name] = await self.world.token(Permission.PEOPLE_MANAGE, name=name)
        self._tokens["reader"] = await self.world.token(Permission.RELEASE_READ, name="reader")
        await self.until(lambda: self._judged())
        self.release = (await self.stored()).id

    def _configure(self, settings: Settings) -> Settings:
        path = settings.tenants[0].policy
        policy = path.read_text()
        assert "key_cooldown: 0s" in policy
        path.write_text(
            policy.replace(
                "key_cooldown: 0s", f"key_cooldown: {self._cooldown}, machines: [{', '.join(self._machines)}]"
            )
        )
        return settings

    async def _judged(self) -> bool:
        found = await self.service.database.read(lambda tx: releases.page(tx, TENANT))
        return bool(found) and bool(found[0].verdicts)

    async def stored(self) -> StoredRelease:
        return (await self.service.database.read(lambda tx: releases.page(tx, TENANT)))[0]

    async def outcome(self) -> str:
        return (await self.stored()).verdicts["production"].outcome

    async def until(self, done: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await done():
                await asyncio.sleep(0.02)

    async def until_outcome(self, wanted: str) -> None:
        async def reached() -> bool:
            return await self.outcome() == wanted

        await self.until(reached)

    async def ask(self, method: str, path: str, body: Any = None, token: str = "reader") -> Answer:
        headers = {"Authorization": f"Bearer {self._tokens[token]}"} if token else {}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.service.address + path, json=body, headers=headers) as response,
        ):
            return Answer(response.status, json.loads(await response.text() or "null"))

    def token(self, name: str) -> str:
        return self._tokens[name]

    def know(self, name: str, token: str) -> None:
        self._tokens[name] = token

    async def scoped(self, repository: str | None = None, environments: tuple[str, ...] = ()) -> str:
        scope = Scope((Permission.RELEASE_READ,), repository, environments)
        return (await self.service.tokens.create(TENANT, "scoped", scope, by="service:test", days=1)).text

    async def grants(self) -> tuple[StoredGrant, ...]:
        return await self.service.database.read(lambda tx: consents.of_releases(tx, TENANT, [self.release]))

    async def signed(self) -> list[StoredGrant]:
        """Those that people signed themselves."""
        return [grant for grant in await self.grants() if grant.object.startswith("statement:")]

    async def resources(self, event: str) -> list[str]:
        """What the tenant's log has records of this event about."""
        sql = text("SELECT resource FROM records WHERE log = :log AND event = :event ORDER BY seq")
        rows = await self.service.database.read(lambda tx: tx.all(sql, log=TENANT, event=event))
        return [row.resource for row in rows]

    async def until_text(self, sentence: str) -> None:
        """Until the check says so."""

        async def said() -> bool:
            runs = self.world.github.checks(REPOSITORY, self.pull.head_sha)
            return bool(runs) and sentence in (runs[-1].summary or "").replace("\\", "")

        await self.until(said)

    async def next_second(self) -> None:
        """GitHub tells whole seconds, and what was withdrawn in the same second wins."""
        began = now() // 1_000_000
        while now() // 1_000_000 <= began:
            await asyncio.sleep(0.05)

    async def judge_again(self) -> None:
        """Until the pull request was evaluated once more."""
        key = f"pull/{(await self.stored()).repository_id}/{self.pull.number}"
        service = self.service
        await service.database.write(lambda tx: work.mark(tx, key, self.world.clock()))
        service.runner.wake()
        sql = text("SELECT due_at, lease_until FROM work WHERE key = :key")

        async def done() -> bool:
            row = await service.database.read(lambda tx: tx.first(sql, key=key))
            return row is None or (row.lease_until == 0 and row.due_at > self.world.clock())

        await self.until(done)

    def alter(self, table: str, sql: str, *values: object) -> None:
        """Change what is append-only, as somebody with the database file in their hands would."""
        with contextlib.closing(sqlite3.connect(self.folder / "countersign.db")) as database, database:
            for verb in ("update", "delete"):
                database.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
            assert database.execute(sql, values).rowcount == 1

    async def propose(self, key: PersonKey | str, login: str, token: str = "first") -> Answer:
        line = key if isinstance(key, str) else key.line
        return await self.ask("POST", "/api/v1/people/keys", {"person_account": login, "public_key": line}, token)

    async def confirm(self, fingerprint: str, token: str = "second") -> Answer:
        return await self.ask("POST", f"{_key(fingerprint)}/confirmation", token=token)

    async def revoke(self, fingerprint: str, **body: str) -> Answer:
        return await self.ask("POST", f"{_key(fingerprint)}/revocation", body, "first")

    async def enrolled(self, login: str, name: str = "", kind: str = "ed25519") -> PersonKey:
        key = signers.make(self.folder, name or login, kind)
        assert (await self.propose(key, login)).status == 201
        assert (await self.confirm(key.fingerprint)).status == 200
        return key

    async def prepare(
        self, key: Signing, decision: str = "approve", environment: str = "production", reason: str = ""
    ) -> Answer:
        asked = f"key={quote(key.fingerprint, safe='')}&decision={decision}&environment={environment}"
        asked += f"&reason={quote(reason)}" if reason else ""
        return await self.ask("GET", f"/api/v1/releases/{self.release}/statement?{asked}")

    async def payload(self, key: Signing, decision: str = "approve", reason: str = "") -> bytes:
        prepared = await self.prepare(key, decision, reason=reason)
        assert prepared.status == 200, prepared.body
        return base64.b64decode(prepared.body["payload"])

    def body(self, payload: bytes, signature: str) -> dict[str, str]:
        return {"payload": base64.b64encode(payload).decode(), "signature": signature}

    async def submit(self, payload: bytes, signature: str, **more: str) -> Answer:
        return await self.ask("POST", "/api/v1/statements", {**self.body(payload, signature), **more})

    async def approve(self, key: Signing) -> Answer:
        payload = await self.payload(key)
        return await self.submit(payload, key.sign(payload))

    def say(self, who: str, body: str) -> None:
        self.world.github.comment(REPOSITORY, self.pull.number, by=who, body=body)

    def bob_approves(self) -> None:
        self.say("bob", f"/approve {self.pull.head_sha} production")


def _key(fingerprint: str) -> str:
    return f"/api/v1/people/keys/{quote(fingerprint, safe='')}"
