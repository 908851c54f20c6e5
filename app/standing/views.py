"""Versions of policies over HTTP: what stands on a branch, and adopting it by two."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from app.audit.access import unbound
from app.http.auth import caller_of
from app.http.body import answer, decode, query
from app.http.problem import Problem
from app.http.route import Route
from app.standing.adopting import Adoptions
from app.standing.errors import AdoptionError
from app.standing.messages import Adoption, Present, VersionList
from app.tenants.registry import Tenant, Tenants
from app.tokens.model import Permission

T = TypeVar("T")
_VERSIONS = "/api/v1/policies/versions"

Name = Annotated[str, msgspec.Meta(pattern=r"\A[^\s/\x00]+/[^\s/\x00]+\Z", max_length=140)]
Branch = Annotated[str, msgspec.Meta(pattern=r"\A[^\s\x00]+\Z", max_length=255)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class AdoptionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``sha256`` is that of the policy's exact bytes, as they were shown to the steward."""

    repository: Name
    sha256: Sha256
    branch: Branch = "main"


class VersionQuery(msgspec.Struct, frozen=True):
    repository: Name


class BranchQuery(msgspec.Struct, frozen=True):
    repository: Name
    branch: Branch = "main"


class PolicyViews:
    def __init__(self, adoptions: Adoptions, tenants: Tenants) -> None:
        self._adoptions = adoptions
        self._tenants = tenants

    def routes(self) -> tuple[Route, ...]:
        manage = Permission.PEOPLE_MANAGE
        return (
            Route(
                method="POST", path="/api/v1/policies/adoptions", handler=self.adopt, permission=manage,
                request=AdoptionRequest, response=Adoption,
                summary="Propose that the policy on a branch shall count, or confirm it as the second steward",
            ),
            Route(
                method="GET", path="/api/v1/policies/present", handler=self.present, permission=manage,
                query=BranchQuery, response=Present, summary="The policy on a branch, and whether it counts",
            ),
            Route(
                method="GET", path=_VERSIONS, handler=self.versions, permission=manage, query=VersionQuery,
                response=VersionList, summary="Every version of a repository's policy that was released or adopted",
            ),
        )  # fmt: skip

    async def adopt(self, request: web.Request) -> web.Response:
        asked, tenant, by = await decode(request, AdoptionRequest), self._tenant(request), caller_of(request).actor
        return answer(await _told(self._adoptions.adopt(tenant, asked.repository, asked.branch, asked.sha256, by)))

    async def present(self, request: web.Request) -> web.Response:
        asked = query(request, BranchQuery)
        return answer(await _told(self._adoptions.present(self._tenant(request), asked.repository, asked.branch)))

    async def versions(self, request: web.Request) -> web.Response:
        asked = query(request, VersionQuery)
        return answer(await _told(self._adoptions.steps(self._tenant(request), asked.repository)))

    def _tenant(self, request: web.Request) -> Tenant:
        tenant = self._tenants.get(unbound(request).tenant)
        if tenant is None:
            raise Problem(403, "auth.tenant", "No such tenant", expected="a token of a tenant that is set up")
        return tenant


async def _told(doing: Awaitable[T]) -> T:
    try:
        return await doing
    except AdoptionError as error:
        raise Problem(
            error.status, error.code, "This policy is not adopted", expected=error.expected, found=error.found,
            remedy=error.remedy,
        ) from error  # fmt: skip
