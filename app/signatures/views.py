"""Statements over HTTP. The signature says who consents; a token only lets its holder in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from app.http.auth import from_this_machine, require, require_covered
from app.http.body import answer, decode, query
from app.http.problem import Problem
from app.http.route import Access, Route
from app.pulls.store import Repository
from app.signatures.errors import StatementRefusedError, problem
from app.signatures.model import GrantSummary, Missing, Prepared, StatementQuery, Submission, Submitted
from app.signatures.service import Accepted, Covered, Statements
from app.tenants.registry import Tenant, Tenants
from app.tokens.model import Permission, TokenScope
from gates.case import holds
from gates.model import Outcome, Verdict
from manifests import strict_base64
from manifests.errors import ManifestError
from manifests.sshsig import NAMESPACE
from manifests.times import to_rfc3339

Prepare = Callable[[Tenant, str, StatementQuery, Covered], Awaitable[tuple[bytes, str]]]


class StatementViews:
    """``open_tenant`` is whose statements anybody on this machine may handle without a token; None: nobody's."""

    def __init__(self, statements: Statements, tenants: Tenants, open_tenant: str | None) -> None:
        self._statements = statements
        self._tenants = tenants
        self._open_tenant = open_tenant

    def routes(self) -> tuple[Route, ...]:
        access: Access = Permission.RELEASE_READ if self._open_tenant is None else "own"
        return (
            Route(
                method="GET", path="/api/v1/releases/{id}/statement", handler=self.prepare, permission=access,
                query=StatementQuery, response=Prepared, summary="The statement that a person would sign now",
            ),
            Route(
                method="GET", path="/api/v1/glasses/{id}/statement", handler=self.prepare_review, permission=access,
                query=StatementQuery, response=Prepared, summary="The review that a person would sign now",
            ),
            Route(
                method="POST", path="/api/v1/statements", handler=self.submit, permission=access, request=Submission,
                response=Submitted, status=201, summary="Consent with a signed statement",
                description="The same statement sent again answers the same grant, with 200.",
            ),
        )  # fmt: skip

    async def prepare(self, request: web.Request) -> web.Response:
        return await self._prepared(request, self._statements.prepare)

    async def prepare_review(self, request: web.Request) -> web.Response:
        return await self._prepared(request, self._statements.prepare_review)

    async def _prepared(self, request: web.Request, prepare: Prepare) -> web.Response:
        tenant, caller = await self._caller(request)
        asked = query(request, StatementQuery)
        try:
            payload, text = await prepare(tenant, request.match_info["id"], asked, _covered(caller))
        except (StatementRefusedError, ManifestError) as error:
            raise problem(error) from error
        return answer(Prepared(strict_base64.encode(payload), text, NAMESPACE))

    async def submit(self, request: web.Request) -> web.Response:
        tenant, caller = await self._caller(request)
        sent = await decode(request, Submission)
        try:
            accepted = await self._statements.submit(tenant, sent, _covered(caller))
        except (StatementRefusedError, ManifestError) as error:
            raise problem(error) from error
        return answer(_submitted(accepted), 200 if accepted.repeated else 201)

    async def _caller(self, request: web.Request) -> tuple[Tenant, TokenScope | None]:
        if self._open_tenant is not None and "Authorization" not in request.headers and from_this_machine(request):
            name, caller = self._open_tenant, None
        else:
            caller = await require(request, Permission.RELEASE_READ)
            name = caller.tenant
        tenant = self._tenants.get(name)
        if tenant is None:
            raise Problem(
                403, "auth.tenant", "No such tenant", expected="a token of a tenant that is set up", found=name,
                remedy="Create the token for a tenant of the settings.",
            )  # fmt: skip
        return tenant, caller


def _covered(caller: TokenScope | None) -> Covered:
    """A token for one repository or environment signs for no other."""

    def check(repository: Repository, environments: Sequence[str]) -> None:
        for environment in environments or (None,):
            if caller is not None:
                require_covered(caller, repository=repository.name, environment=environment)

    return check


def _submitted(accepted: Accepted) -> Submitted:
    grant, consent = accepted.grant, accepted.grant.consent
    return Submitted(
        release=accepted.release,
        grant=GrantSummary(
            id=grant.id, decision=consent.decision, environments=consent.environments, groups=consent.groups,
            strength=consent.strength, issued_at=to_rfc3339(consent.issued_at),
            not_after=to_rfc3339(consent.not_after), void=consent.void,
        ),
        statement=grant.statement,
        repeated=accepted.repeated,
        outcome=_worst(accepted.verdicts),
        missing=_missing(accepted.verdicts),
        uncounted=_missing(accepted.uncounted),
    )  # fmt: skip


def _missing(verdicts: Sequence[Verdict]) -> tuple[Missing, ...]:
    return tuple(
        Missing(verdict.environment, result.name, result.status, result.summary, result.remedy)
        for verdict in verdicts
        for result in verdict.results
        if not holds(result)
    )


def _worst(verdicts: Sequence[Verdict]) -> Outcome:
    outcomes = {verdict.outcome for verdict in verdicts}
    return "deny" if "deny" in outcomes or not outcomes else "wait" if "wait" in outcomes else "allow"
