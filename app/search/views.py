"""Records over HTTP: a page of those that fit a question, all of them as a stream, one with its exact bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from aiohttp import web

from app.audit import store
from app.audit.access import log_of
from app.audit.errors import RecordAlteredError
from app.clock import Clock
from app.db.database import Database
from app.http.body import answer, query
from app.http.problem import Problem
from app.http.route import Route
from app.search import written
from app.search.asked import Asked
from app.search.errors import QueryError
from app.search.model import Page, Query
from app.search.query import forward, page
from app.tokens.model import Permission
from manifests import strict_base64
from manifests.canonical import MAX_INTEGER
from manifests.merkle import leaf_hash
from manifests.record import Record

T = TypeVar("T")

PATH = "/api/v1/records"
PER_CHUNK = 200
_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv"}


class RecordQuery(Asked, frozen=True):
    """``before`` is ``next`` of the page before. ``log`` is ``system`` or empty for the caller's own. ``format`` is
    ``jsonl`` or ``csv`` for a stream of all that fit, oldest first; ``after`` is where that goes on."""

    before: Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)] | None = None
    after: Annotated[int, msgspec.Meta(ge=-1, le=MAX_INTEGER)] = -1
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    log: Literal["", "system"] = ""
    format: Literal["", "json", "jsonl", "csv"] = ""


class LogQuery(msgspec.Struct, frozen=True):
    log: Literal["", "system"] = ""


class RecordPage(msgspec.Struct, frozen=True):
    """Newest first. ``next`` is ``before`` of the next page; null: there is nothing more. ``cut_short`` tells that more
    may fit although the page is not full: go on with ``next``. Of ``size`` records ``indexed`` are in the search index;
    the others are read from the log itself, so that none is missing. A record with a member ``scrubbed`` had a secret
    in it; GET /api/v1/records/{seq} has its exact bytes."""

    log: str
    records: tuple[Record, ...]
    next: int | None
    cut_short: bool
    size: int
    indexed: int


class _Page(msgspec.Struct, frozen=True):
    log: str
    records: tuple[msgspec.Raw, ...]
    next: int | None
    cut_short: bool
    size: int
    indexed: int


class SingleRecord(msgspec.Struct, frozen=True):
    """``bytes`` is base64 of what was sealed, ``leaf`` its RFC 6962 leaf hash in hex."""

    record: Record
    bytes: str
    leaf: str


class RecordViews:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        read = Permission.AUDIT_READ
        return (
            Route(
                method="GET", path=PATH, handler=self.list, permission=read, query=RecordQuery, response=RecordPage,
                summary="Records of the audit log that fit, newest first",
                description="With `format=jsonl` or `csv` (or `Accept: application/x-ndjson`, `text/csv`) a stream of "
                "all that fit, oldest first. A stream that breaks off is not complete.",
            ),
            Route(
                method="GET", path=PATH + "/{seq:[0-9]{1,16}}", handler=self.one, permission=read, query=LogQuery,
                response=SingleRecord, summary="One record with its exact bytes and leaf hash",
            ),
        )  # fmt: skip

    async def list(self, request: web.Request) -> web.StreamResponse:
        asked = query(request, RecordQuery)
        log, question = log_of(request, asked.log), wanted(asked, self._clock())
        form = asked.format or _accepted(request)
        if form in _TYPES:
            return await self._stream(request, log, question, asked.after, form)
        found = await honest(
            self._database.read(lambda tx: page(tx, log, question, before=asked.before, limit=asked.limit))
        )
        records = tuple(msgspec.Raw(written.line(one).text) for one in found.records)
        return answer(_Page(log, records, found.following, found.cut_short, found.size, found.indexed))

    async def one(self, request: web.Request) -> web.Response:
        log, seq = log_of(request, query(request, LogQuery).log), int(request.match_info["seq"])
        found = await honest(self._database.read(lambda tx: store.record_at(tx, log, seq)))
        if found is None:
            raise Problem(
                404, "record.unknown", "No such record", expected=f"the number of a record of log {log}",
                found=str(seq), remedy=f"See {PATH}.",
            )  # fmt: skip
        data = written.exact(found)
        return answer(SingleRecord(found, strict_base64.encode(data), leaf_hash(data).hex()))

    async def _stream(
        self, request: web.Request, log: str, question: Query, after: int, form: str
    ) -> web.StreamResponse:
        # The first part before the headers: what is wrong at once can still be a problem document.
        found = await self._forward(log, question, after)
        response = web.StreamResponse(headers={"Content-Type": f"{_TYPES[form]}; charset=utf-8"})
        if form == "csv":
            response.headers["Content-Disposition"] = f'attachment; filename="{log}.csv"'
        await response.prepare(request)
        if form == "csv":
            await response.write(written.csv_header())
        row = written.csv_row if form == "csv" else written.json_line
        size = found.size
        while True:
            # On a thread: looking for secrets takes longer than the loop should be held up.
            await response.write(await asyncio.to_thread(_joined, row, found.records, size))
            if found.following is None or found.following + 1 >= size:
                break
            found = await self._forward(log, question, found.following)
        await response.write_eof()
        return response

    async def _forward(self, log: str, question: Query, after: int) -> Page:
        return await honest(
            self._database.read(lambda tx: forward(tx, log, question, after=after, limit=PER_CHUNK))
        )  # fmt: skip


def wanted(asked: Asked, now: int) -> Query:
    """Raises Problem 400 for what cannot be asked."""
    try:
        return asked.query(now)
    except QueryError as error:
        raise Problem(
            400, error.code, "A question that cannot be asked", detail=str(error),
            remedy="Compare the request with /api/v1/openapi.json.",
        ) from error  # fmt: skip


async def honest(reading: Awaitable[T]) -> T:
    """What is read. Raises Problem 500 if it is not what was sealed: nothing of it is shown."""
    try:
        return await reading
    except RecordAlteredError as error:
        raise Problem(
            500, error.code, "The audit log is not what was sealed", expected=f"record {error.seq} of log {error.log} "
            "as it was sealed", found=error.what, remedy=error.remedy,
        ) from error  # fmt: skip


def _accepted(request: web.Request) -> str:
    accepted = request.headers.get("Accept", "")
    return next((form for form, media in _TYPES.items() if accepted.partition(";")[0].strip() == media), "")


def _joined(row: Callable[[Record], bytes], records: Sequence[Record], size: int) -> bytes:
    return b"".join(row(one) for one in records if one.seq < size)
