"""People's data over HTTP: erasures and holds by two persons, access requests, unsealing for auditors."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from app.audit.access import unbound
from app.audit.errors import RecordAlteredError
from app.http.auth import caller_of
from app.http.body import answer, decode
from app.http.problem import Problem
from app.http.route import Route
from app.privacy.disclosing import Disclosure, Unsealed
from app.privacy.erasing import Erasures
from app.privacy.errors import PrivacyError, SealKeyError
from app.privacy.holds import Holds
from app.privacy.model import Erasure, Hold
from app.privacy.portrait import Portrait
from app.tenants.registry import Tenants
from app.tokens.model import Permission
from manifests.canonical import MAX_INTEGER
from manifests.errors import ManifestError

T = TypeVar("T")
_ERASURES, _HOLDS = "/api/v1/privacy/erasures", "/api/v1/privacy/holds"


class SubjectRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``account`` is ``github:<id>``, ``servicenow:<sys_id>``, a login or a person's id; for a hold also ``*``."""

    account: Annotated[str, msgspec.Meta(pattern=r"\A[^\x00]*\Z", max_length=320)]
    reason: str


class LiftRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str


class UnsealRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``seq`` is a record's number in the tenant's log."""

    seq: Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
    reason: str


class ErasureList(msgspec.Struct, frozen=True):
    erasures: tuple[Erasure, ...]


class HoldList(msgspec.Struct, frozen=True):
    holds: tuple[Hold, ...]


class PrivacyViews:
    def __init__(self, erasures: Erasures, holds: Holds, disclosure: Disclosure, tenants: Tenants) -> None:
        self._erasures = erasures
        self._holds = holds
        self._disclosure = disclosure
        self._tenants = tenants

    def routes(self) -> tuple[Route, ...]:
        manage = Permission.PRIVACY_MANAGE
        return (
            Route(
                method="POST", path=_ERASURES, handler=self.request, permission=manage, request=SubjectRequest,
                response=Erasure, status=201, summary="Ask to erase somebody's personal data",
            ),
            Route(
                method="POST", path=_ERASURES + "/{id}/confirmation", handler=self.confirm, permission=manage,
                response=Erasure, summary="Erase what somebody else asked to erase; it cannot be undone",
            ),
            Route(
                method="POST", path=_ERASURES + "/{id}/refusal", handler=self.decline, permission=manage,
                response=Erasure, summary="Decline an erasure",
            ),
            Route(
                method="GET", path=_ERASURES, handler=self.erasures, permission=manage, response=ErasureList,
                summary="Every erasure that was asked for",
            ),
            Route(
                method="POST", path=_HOLDS, handler=self.place, permission=manage, request=SubjectRequest,
                response=Hold, status=201, summary="Place a legal hold",
            ),
            Route(
                method="POST", path=_HOLDS + "/{id}/lifting", handler=self.lift, permission=manage,
                request=LiftRequest, response=Hold, summary="Ask to lift a legal hold, or lift it as the second person",
            ),
            Route(
                method="GET", path=_HOLDS, handler=self.holds, permission=manage, response=HoldList,
                summary="Every legal hold",
            ),
            Route(
                method="POST", path="/api/v1/privacy/exports", handler=self.export, permission=manage,
                request=SubjectRequest, response=Portrait, summary="Everything that is kept about somebody",
            ),
            Route(
                method="POST", path="/api/v1/audit/unsealings", handler=self.unseal,
                permission=Permission.AUDIT_UNSEAL, request=UnsealRequest, response=Unsealed,
                summary="Open the sealed fields of a record; that you did is a record too",
            ),
        )  # fmt: skip

    async def request(self, request: web.Request) -> web.Response:
        asked, tenant, by = await decode(request, SubjectRequest), self._tenant(request), caller_of(request).actor
        return answer(await _told(self._erasures.request(tenant, asked.account, asked.reason, by)), 201)

    async def confirm(self, request: web.Request) -> web.Response:
        tenant, by = self._tenant(request), caller_of(request).actor
        return answer(await _told(self._erasures.confirm(tenant, request.match_info["id"], by)))

    async def decline(self, request: web.Request) -> web.Response:
        tenant, by = self._tenant(request), caller_of(request).actor
        return answer(await _told(self._erasures.decline(tenant, request.match_info["id"], by)))

    async def erasures(self, request: web.Request) -> web.Response:
        return answer(ErasureList(await _told(self._erasures.all(self._tenant(request)))))

    async def place(self, request: web.Request) -> web.Response:
        asked, tenant, by = await decode(request, SubjectRequest), self._tenant(request), caller_of(request).actor
        return answer(await _told(self._holds.place(tenant, asked.account, asked.reason, by)), 201)

    async def lift(self, request: web.Request) -> web.Response:
        asked, tenant, by = await decode(request, LiftRequest), self._tenant(request), caller_of(request).actor
        return answer(await _told(self._holds.lift(tenant, request.match_info["id"], asked.reason, by)))

    async def holds(self, request: web.Request) -> web.Response:
        return answer(HoldList(await _told(self._holds.all(self._tenant(request)))))

    async def export(self, request: web.Request) -> web.Response:
        asked, tenant, by = await decode(request, SubjectRequest), self._tenant(request), caller_of(request).actor
        return answer(await _told(self._disclosure.export(tenant, asked.account, asked.reason, by)))

    async def unseal(self, request: web.Request) -> web.Response:
        asked, tenant, by = await decode(request, UnsealRequest), self._tenant(request), caller_of(request).actor
        return answer(await _told(self._disclosure.unseal(tenant, asked.seq, asked.reason, by)))

    def _tenant(self, request: web.Request) -> str:
        tenant = self._tenants.get(unbound(request).tenant)
        if tenant is None:
            raise Problem(403, "auth.tenant", "No such tenant", expected="a token of a tenant that is set up")
        return tenant.id


async def _told(doing: Awaitable[T]) -> T:
    try:
        return await doing
    except PrivacyError as error:
        raise Problem(
            error.status, error.code, "This cannot be done", expected=error.expected, found=error.found,
            remedy=error.remedy,
        ) from error  # fmt: skip
    except (SealKeyError, ManifestError, RecordAlteredError) as error:
        raise Problem(
            500, "privacy.unreadable", "What is sealed cannot be opened", found=str(error),
            remedy="Run `countersign audit verify`.",
        ) from error  # fmt: skip
