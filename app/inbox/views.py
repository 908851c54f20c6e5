"""POST /webhooks/github: signature first, then the disk, then the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import structlog
from aiohttp import web

from app.clock import Clock
from app.db.database import DatabaseUnavailableError
from app.http.body import answer, read
from app.http.problem import Problem
from app.http.route import WEBHOOK_LIMIT, Route
from app.inbox.doubts import Doubt, doubt
from app.inbox.routing import work_key
from app.inbox.service import Inbox, InboxFullError
from app.inbox.store import StoredDelivery
from app.metrics import Metrics
from integrations.github.webhook import Delivery, EventMismatchError, WebhookError, verify

LARGE_BYTES = 1 << 20
"""Above this a body is verified on another thread: 25 MB would hold the loop for 0.3 s."""

_log = structlog.get_logger()


class Received(msgspec.Struct, frozen=True):
    delivery: str
    stored: bool = True


class WebhookViews:
    """``own_app``: our App's number, where it is known."""

    def __init__(
        self, inbox: Inbox, secrets: Sequence[bytes], clock: Clock, metrics: Metrics, own_app: int | None = None
    ) -> None:
        self._inbox = inbox
        self._secrets = tuple(secrets)
        self._clock = clock
        self._metrics = metrics
        self._own_app = own_app

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="POST", path="/webhooks/github", handler=self.github, permission="own", limit=WEBHOOK_LIMIT,
                listed=False, response=Received, status=202, summary="GitHub's deliveries",
            ),
        )  # fmt: skip

    async def github(self, request: web.Request) -> web.Response:
        received_at = self._clock()
        with self._metrics.inbox_seconds.time():
            body = await read(request)
            stored, about = await self._verified(request, body, received_at)
            structlog.contextvars.bind_contextvars(delivery=stored.guid)
            await self._store(stored, about)
        self._metrics.deliveries.labels(event=_label(stored.event), result=stored.status).inc()
        return answer(Received(stored.guid), 202)

    async def _verified(
        self, request: web.Request, body: bytes, received_at: int
    ) -> tuple[StoredDelivery, Doubt | None]:
        try:
            if len(body) > LARGE_BYTES:
                delivery = await asyncio.to_thread(verify, request.headers, body, self._secrets)
            else:
                delivery = verify(request.headers, body, self._secrets)
        except EventMismatchError as error:
            return _stored(error.delivery, body, received_at, "", str(error)), None
        except WebhookError as error:
            self._metrics.deliveries.labels(event="unknown", result="refused").inc()
            raise Problem(
                error.status, error.code, "The delivery is not taken", found=str(error),
                remedy="Check the webhook secret on both sides; GitHub's delivery page can send it again.",
            ) from error  # fmt: skip
        key = work_key(delivery, self._own_app)
        return _stored(delivery, body, received_at, key, ""), doubt(delivery, body, self._own_app) if key else None

    async def _store(self, delivery: StoredDelivery, about: Doubt | None) -> None:
        try:
            await self._inbox.accept(delivery, about)
        except (InboxFullError, DatabaseUnavailableError) as error:
            self._metrics.deliveries.labels(event=_label(delivery.event), result="overload").inc()
            _log.error("delivery.not_stored", error=str(error))
            raise Problem(
                503, error.code, "Not stored", found=str(error), remedy="Send it again; nothing was taken.",
                headers={"Retry-After": "5"},
            ) from error  # fmt: skip


def _stored(delivery: Delivery, body: bytes, received_at: int, key: str, note: str) -> StoredDelivery:
    return StoredDelivery(
        guid=delivery.guid, event=delivery.event, digest=delivery.body_sha256, body=body, received_at=received_at,
        installation_id=delivery.installation_id, repository_id=delivery.repository_id,
        work_key=key, status="new" if key else "ignored", note=note,
    )  # fmt: skip


_EVENTS = frozenset(
    (
        "pull_request", "pull_request_review", "issue_comment", "check_run", "check_suite", "push", "merge_group",
        "deployment_protection_rule", "deployment_status", "installation", "member", "membership", "organization",
        "ping", "status",
    )
)  # fmt: skip


def _label(event: str) -> str:
    """The event header is not signed: whatever else it says must not become a metric of its own."""
    return event if event in _EVENTS else "other"
