"""Simulations and comparisons over HTTP. Whoever may read a release may ask what would become of it."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from app.db.database import Database
from app.http.auth import caller_of, require_covered
from app.http.body import decode
from app.http.problem import Problem
from app.http.route import Route
from app.policy.comparing import Comparisons
from app.policy.errors import SimulationError
from app.policy.requests import Comparison, ComparisonRequest, Simulation, SimulationRequest
from app.policy.simulating import Covered, Simulations
from app.privacy.showing import shown
from app.pulls.store import Repository
from app.signatures.errors import StatementRefusedError
from app.tenants.registry import Tenant, Tenants
from app.tokens.model import Permission, TokenScope
from manifests.errors import ManifestError

_MOST = 5


class SimulationViews:
    def __init__(
        self, simulations: Simulations, comparisons: Comparisons, tenants: Tenants, database: Database
    ) -> None:
        self._simulations = simulations
        self._comparisons = comparisons
        self._tenants = tenants
        self._database = database

    def routes(self) -> tuple[Route, ...]:
        read = Permission.RELEASE_READ
        return (
            Route(
                method="POST", path="/api/v1/releases/{id}/simulations", handler=self.simulate, permission=read,
                request=SimulationRequest, response=Simulation,
                summary="What would be decided about a release if something else were so",
                description="Nothing is granted, and nothing but that it was asked is recorded. Names are told of "
                "those who acted and of those who are named.",
            ),
            Route(
                method="POST", path="/api/v1/policies/comparisons", handler=self.compare, permission=read,
                request=ComparisonRequest, response=Comparison,
                summary="Which releases would be decided otherwise under another policy",
                description="Open releases, and merged ones of the last seven days that nothing superseded, at most "
                "200; ask again with `after` until `next` is empty.",
            ),
        )  # fmt: skip

    async def simulate(self, request: web.Request) -> web.Response:
        caller, tenant = caller_of(request), self._tenant(request)
        asked = await decode(request, SimulationRequest)
        try:
            found = await self._simulations.simulate(
                tenant, request.match_info["id"], asked, caller.actor, _covered(caller), may_see=_may_see(caller)
            )
        except (SimulationError, StatementRefusedError, ManifestError) as error:
            raise _problem(error) from error
        return await shown(self._database, tenant.id, found)

    async def compare(self, request: web.Request) -> web.Response:
        caller, tenant = caller_of(request), self._tenant(request)
        asked = await decode(request, ComparisonRequest)
        try:
            found = await self._comparisons.compare(
                tenant, asked, caller.actor, _covered(caller), may_see=_may_see(caller)
            )
        except (SimulationError, StatementRefusedError, ManifestError) as error:
            raise _problem(error) from error
        return await shown(self._database, tenant.id, found)

    def _tenant(self, request: web.Request) -> Tenant:
        name = caller_of(request).tenant
        tenant = self._tenants.get(name)
        if tenant is None:
            raise Problem(
                403, "auth.tenant", "No such tenant", expected="a token of a tenant that is set up", found=name,
                remedy="Create the token for a tenant of the settings.",
            )  # fmt: skip
        return tenant


def _may_see(caller: TokenScope) -> bool:
    return caller.scope.allows(Permission.PEOPLE_MANAGE)


def _covered(caller: TokenScope) -> Covered:
    def check(repository: Repository, environments: Sequence[str]) -> None:
        for environment in environments or (None,):
            require_covered(caller, repository=repository.name, environment=environment)

    return check


def _problem(error: SimulationError | StatementRefusedError | ManifestError) -> Problem:
    if isinstance(error, ManifestError):
        told = "\n".join(str(problem) for problem in error.problems[:_MOST])
        return Problem(
            400, "policy.invalid", "The policy has mistakes", detail=told,
            remedy="`countersign policy validate` shows every mistake.",
        )  # fmt: skip
    title = "It cannot be compared" if error.code.startswith("comparison.") else "It cannot be simulated"
    return Problem(
        error.status, error.code, title, expected=error.expected, found=error.found, remedy=error.remedy
    )  # fmt: skip
