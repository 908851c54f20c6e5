"""The console's routes over a database, without neighbours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp.test_utils import TestClient, TestServer

from app.audit.sequence import LogSequencer
from app.blobs.store import BlobStore
from app.console.access import LOOPBACK_NAMES
from app.console.views import ConsoleViews
from app.db.connect import connect
from app.db.database import Database
from app.db.tx import Tx
from app.http.application import build
from app.metrics import Metrics
from app.pulls import store as pulls
from app.pulls.store import Repository
from app.releases import store as releases
from app.releases.store import LastVerdict, StoredRelease
from app.tokens.model import Permission, Scope
from app.tokens.service import Tokens
from gates.model import Outcome
from manifests.keys import PrivateKey
from tests.shell.opened import Clock

OURS = {"Sec-Fetch-Site": "same-origin"}


class Console:
    """``client`` keeps cookies, as a browser does."""

    def __init__(self, client: TestClient, database: Database, tokens: Tokens, clock: Clock) -> None:  # type: ignore[type-arg]
        self.client = client
        self.database = database
        self.tokens = tokens
        self.clock = clock

    async def token(self, *permissions: Permission, tenant: str = "acme", repository: str | None = None) -> str:
        scope = Scope(permissions or (Permission.RELEASE_READ,), repository=repository)
        return (await self.tokens.create(tenant, "reader", scope, days=30, by="service:test")).text

    async def login(self, token: str, wanted: str = "", headers: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, Location and text of the answer."""
        async with self.client.post(
            "/login", data={"token": token, "next": wanted}, headers=OURS if headers is None else headers,
            allow_redirects=False,
        ) as answer:  # fmt: skip
            return answer.status, answer.headers.get("Location", ""), await answer.text()

    async def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        asked = {"Accept": "text/html", **(headers or {})}
        async with self.client.get(path, headers=asked, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def add(self, *added: StoredRelease, repository: str = "acme/models") -> None:
        def unit(tx: Tx) -> None:
            for release in added:
                pulls.see_repository(tx, Repository(release.repository_id, release.tenant, repository, 1), 1)
                releases.save(tx, release)

        await self.database.write(unit)


def release(
    number: int, *, name: str = "intraday-policy", tenant: str = "acme", repository_id: int = 7, state: str = "open",
    outcome: Outcome = "wait", updated_at: int = 0,
) -> StoredRelease:  # fmt: skip
    return StoredRelease(
        id=f"{number:032x}", tenant=tenant, repository_id=repository_id, number=number,
        path=f"releases/{number}/release.yaml", trace_id=f"{number:032x}", requester="github:1", proposed_at=1,
        state=state, head_sha="a" * 40, revision="b" * 64, name=name, version="1.0.0", kind="model",
        environments=("production",), verdicts={"production": LastVerdict(outcome, "c" * 64, "d" * 32)},
        updated_at=updated_at or number,
    )  # fmt: skip


@asynccontextmanager
async def console(
    url: str, *, open_tenant: str | None = None, public_url: str = "http://127.0.0.1:8080"
) -> AsyncIterator[Console]:
    clock = Clock()
    database = await connect(url, LogSequencer([PrivateKey.generate("ed25519")]))
    tokens = Tokens(database, clock)
    views = ConsoleViews(
        database, BlobStore(clock), tokens, clock, web_url="https://github.com", public_url=public_url,
        open_tenant=open_tenant,
    )  # fmt: skip
    app = build(
        views.routes(), metrics=Metrics(), authenticators=[tokens], public_url=public_url, page=views.problem,
        hosts=LOOPBACK_NAMES if open_tenant else None,
    )  # fmt: skip
    try:
        async with TestClient(TestServer(app)) as client:
            yield Console(client, database, tokens, clock)
    finally:
        await database.close()
