"""POST /api/v1/records: others add to the tenant's log, all of a call or nothing."""

from __future__ import annotations

from aiohttp import web

from app.audit.append import Appender, LogFullError
from app.clock import Clock
from app.http.auth import caller_of
from app.http.body import answer, decode
from app.http.context import request_id
from app.http.problem import Problem
from app.http.route import Route
from app.ingest import drafts
from app.ingest.drafts import ReportError
from app.ingest.model import MAX_RECORDS, Recorded, Report
from app.tenants.registry import Tenants
from app.tokens.model import Permission
from manifests.errors import ManifestError
from manifests.record import Draft

BODY_LIMIT = 8 << 20
RETRY_AFTER_S = 1


class IngestViews:
    def __init__(self, appender: Appender, tenants: Tenants, clock: Clock) -> None:
        self._appender = appender
        self._tenants = tenants
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="POST", path="/api/v1/records", handler=self.append, permission=Permission.AUDIT_APPEND,
                request=Report, response=Recorded, status=201, limit=BODY_LIMIT,
                summary=f"Add up to {MAX_RECORDS} records to the tenant's log, all or none",
            ),
        )  # fmt: skip

    async def append(self, request: web.Request) -> web.Response:
        report = await decode(request, Report)
        log = self._log(request)
        try:
            appended = await self._appender.append(log, self._drafts(request, report))
        except ReportError as error:
            raise _refused(error.expected, f"{error.found} at {error.place}") from error
        except ManifestError as error:
            raise _refused("records of at most 65,535 bytes, of text that is Unicode", str(error)) from error
        except LogFullError as error:
            raise Problem(
                503, error.code, "Too many records wait for the disk", expected="a place in the queue",
                found="a full queue", remedy="Send the same call again in a second; none of it was recorded.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            ) from error  # fmt: skip
        return answer(Recorded(log, appended.first_seq, tuple(leaf.hex() for leaf in appended.leaves)), status=201)

    def _drafts(self, request: web.Request, report: Report) -> list[Draft]:
        actor, at, own = caller_of(request).actor, self._clock(), request_id(request)
        return [
            drafts.draft(one, f"$.records[{number}]", actor=actor, at=at, request_id=own)
            for number, one in enumerate(report.records)
        ]

    def _log(self, request: web.Request) -> str:
        name = caller_of(request).tenant
        if self._tenants.get(name) is None:
            raise Problem(
                403, "auth.tenant", "No such tenant", expected="a token of a tenant that is set up", found=name,
                remedy="Create the token for a tenant of the settings.",
            )  # fmt: skip
        return name


def _refused(expected: str, found: str) -> Problem:
    return Problem(
        400, "ingest.refused", "A record cannot be recorded", expected=expected, found=found,
        remedy="Correct it and send the call again; none of it was recorded.",
    )  # fmt: skip
