"""A tenant with people, and everything that keeps their data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from app.audit import store as audit
from app.audit.sequence import LogSequencer
from app.db.database import Database
from app.db.tx import Tx
from app.people.service import People
from app.privacy.deliveries import Deliveries
from app.privacy.erasing import Erasures
from app.privacy.holds import Holds
from app.privacy.kek import SealKeys
from app.privacy.keys import SubjectKeys
from app.privacy.obstacles import DAY
from app.privacy.sealer import Sealer
from integrations.github.port import Account
from manifests.keys import PrivateKey
from manifests.record import Record
from tests.db.opened import opened

LOG_KEY = PrivateKey.generate("ed25519")
SEAL_KEYS = SealKeys(bytes(range(32)))
AT = 1_790_000_000_000_000
LOG = "acme"
YEARS_7 = 2557
INSTALLED = 7


class World:
    """``now`` is the clock, moved by the tests."""

    def __init__(self, database: Database, url: str, seal_keys: SealKeys = SEAL_KEYS) -> None:
        self.database = database
        self.url = url
        self.now = AT
        self.ids = 0
        self.keys = SubjectKeys(seal_keys, self.clock)
        self.sealer = Sealer(self.keys)
        self.people = People(LOG, database, self.clock, self.new_id, sealer=self.sealer)
        self.holds = Holds(database, self.sealer, self.clock, self.new_id, distinct)
        self.deliveries = Deliveries(database, self.sealer, lambda i: LOG if i == INSTALLED else "system", self.clock)
        self.erasures = Erasures(
            database, self.sealer, self.clock, self.new_id, distinct, lambda tenant: YEARS_7,
            before=self.deliveries.seal, forget=lambda tenant: self.people.forget(),
        )  # fmt: skip

    def clock(self) -> int:
        self.now += 1000
        return self.now

    def new_id(self) -> str:
        self.ids += 1
        return f"{self.ids:032x}"

    async def person(self, number: int, login: str) -> str:
        account = Account(number, login, "User")
        return (await self.people.persons([account]))[f"github:{number}"].person

    async def records(self, event: str = "") -> tuple[Record, ...]:
        found = await self.database.read(lambda tx: audit.newest(tx, LOG, 1000))
        return tuple(record for record in reversed(found) if event in ("", record.event))

    async def run(self, sql: str, **values: object) -> None:
        await self.database.write(lambda tx: tx.run(text(sql), **values))

    async def release(self, number: int, requester: str, *, state: str = "merged", at: int = AT) -> None:
        await self.run(
            "INSERT INTO releases (id, tenant, repository_id, number, path, trace_id, requester, proposed_at, state,"
            " head_sha, revision, name, version, kind, environments_json, verdicts_json, updated_at)"
            " VALUES (:id, :log, 1, :n, 'release.yaml', :id, :by, :at, :state, '', '', 'intraday', '3', 'model', '[]',"
            " '{}', :at)",
            id=f"release-{number}", log=LOG, n=number, by=requester, at=at, state=state,
        )  # fmt: skip
        await self.run(
            "INSERT INTO pulls (repository_id, number, tenant, state, base_ref, head_sha, author, title, outcome,"
            " notes_json, updated_at) VALUES (1, :n, :log, :state, 'main', '', :by, 'What Ada wants', '', '[]', :at)",
            n=number, log=LOG, by=requester, at=at, state=state,
        )  # fmt: skip


def distinct(tx: Tx, tenant: str, one: str, other: str) -> str:
    return f"{one} for both" if one == other else ""


@asynccontextmanager
async def world(url: str, seal_keys: SealKeys = SEAL_KEYS) -> AsyncIterator[World]:
    async with opened(url, LogSequencer([LOG_KEY])) as database:
        yield World(database, url, seal_keys)


def later(days: int) -> int:
    return AT + days * DAY
