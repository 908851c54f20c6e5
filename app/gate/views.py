"""The gate over HTTP."""

from __future__ import annotations

import msgspec
from aiohttp import web

from app.blobs.errors import BlobError
from app.blobs.store import BlobStore
from app.clock import Clock
from app.db.database import Database
from app.decisions import replaying
from app.decisions import store as decisions
from app.decisions.store import StoredDecision
from app.gate.deployments import DecisionStateError, Deployments
from app.gate.model import Answer, Explanation, OutcomeReport, Question, Redeemed
from app.gate.service import Asked, ConsentChangedError, Decided, Gate
from app.http.auth import caller_of, require_covered
from app.http.body import answer, decode
from app.http.problem import Problem
from app.http.route import Route
from app.metrics import Metrics
from app.privacy.showing import shown
from app.pulls import store as pulls
from app.releases import store as releases
from app.tenants.registry import Tenant, Tenants
from app.tokens.model import Permission
from gates.model import Outcome
from integrations.errors import NeighbourError
from manifests.times import to_rfc3339

_NULL = msgspec.Raw(b"null")


class GateViews:
    def __init__(
        self, gate: Gate, deployments: Deployments, database: Database, blobs: BlobStore, tenants: Tenants,
        clock: Clock, metrics: Metrics,
    ) -> None:  # fmt: skip
        self._gate = gate
        self._deployments = deployments
        self._database = database
        self._blobs = blobs
        self._tenants = tenants
        self._clock = clock
        self._metrics = metrics

    def routes(self) -> tuple[Route, ...]:
        one = "/api/v1/decisions/{id}"
        return (
            Route(
                method="POST", path="/api/v1/decisions", handler=self.decide, permission=Permission.GATE_DECIDE,
                request=Question, response=Answer, summary="May these digests go to this environment now?",
            ),
            Route(
                method="GET", path=f"{one}/explanation", handler=self.explain, permission=Permission.RELEASE_READ,
                response=Explanation, summary="Replay a decision from its stored snapshot",
            ),
            Route(
                method="POST", path=f"{one}/redemption", handler=self.redeem, permission=Permission.GATE_REDEEM,
                response=Redeemed, summary="Use up an allow, right before the deployment; works once",
            ),
            Route(
                method="POST", path=f"{one}/outcome", handler=self.report, permission=Permission.GATE_REPORT,
                request=OutcomeReport, response=OutcomeReport, summary="Report how the deployment ended",
            ),
        )  # fmt: skip

    async def decide(self, request: web.Request) -> web.Response:
        question = await decode(request, Question)
        caller = caller_of(request)
        require_covered(caller, repository=question.repository, environment=question.environment)
        asked = Asked(question.environment, question.repository, question.commit, question.named(), caller.actor)
        with self._metrics.decision_seconds.time():
            try:
                decided = await self._gate.decide(self._tenant(request), asked)
            except (NeighbourError, ConsentChangedError) as error:
                raise Problem(
                    503, "gate.undecided", "Could not find out", expected="facts that stand still", found=str(error),
                    remedy="Ask again; nothing was decided, so nothing may be deployed.",
                    headers={"Retry-After": "5"},
                ) from error  # fmt: skip
        self._metrics.decisions.labels(outcome=decided.verdict.outcome).inc()
        return await shown(self._database, caller.tenant, _answer(decided))

    async def explain(self, request: web.Request) -> web.Response:
        decision = await self._decision(request)
        try:
            found = await self._database.read(lambda tx: replaying.replay(tx, self._blobs, decision))
        except BlobError as error:
            raise Problem(
                500, error.code, "The evidence of this decision is damaged", found=str(error),
                remedy="Run `countersign audit verify` and restore the blob from its copy.",
            ) from error  # fmt: skip
        explanation = Explanation(
            decision=_outcome(decision), decision_id=decision.id, question=decision.question,
            environment=decision.environment, at=to_rfc3339(decision.at), commit=decision.commit_sha,
            snapshot=decision.snapshot, same=found.same, wording=found.wording, verdict=found.stored,
            replayed=None if found.wording == "same" else found.today,
        )  # fmt: skip
        return await shown(self._database, decision.tenant, explanation)

    async def redeem(self, request: web.Request) -> web.Response:
        decision = await self._decision(request)
        try:
            await self._deployments.redeem(decision, caller_of(request).actor)
        except DecisionStateError as error:
            self._metrics.redemptions.labels(result=error.code.partition(".")[2]).inc()
            if error.code == "decision.altered":
                self._metrics.alarm("difference", str(error))
            raise _refused(error) from error
        self._metrics.redemptions.labels(result="ok").inc()
        return answer(Redeemed(decision.id))

    async def report(self, request: web.Request) -> web.Response:
        report = await decode(request, OutcomeReport)
        decision = await self._decision(request)
        try:
            await self._deployments.report(decision, report.outcome, caller_of(request).actor)
        except DecisionStateError as error:
            raise _refused(error) from error
        return answer(report)

    async def _decision(self, request: web.Request) -> StoredDecision:
        tenant, caller = self._tenant(request), caller_of(request)
        identity = request.match_info["id"]
        decision = await self._database.read(lambda tx: decisions.one(tx, tenant.id, identity))
        if decision is None:
            raise Problem(
                404, "decision.unknown", "No such decision", expected="the id of a decision", found=identity[:64],
                remedy="Use the decision_id of an answer of POST /api/v1/decisions.",
            )  # fmt: skip
        if caller.scope.repository is not None or caller.scope.environments:
            release = await self._database.read(lambda tx: releases.one(tx, tenant.id, decision.release_id))
            known = await self._database.read(
                lambda tx: pulls.repository(tx, release.repository_id) if release else None
            )
            require_covered(caller, repository=known.name if known else "", environment=decision.environment)
        return decision

    def _tenant(self, request: web.Request) -> Tenant:
        tenant = self._tenants.get(caller_of(request).tenant)
        if tenant is None:
            raise Problem(
                403, "auth.tenant", "No such tenant", expected="a token of a tenant that is set up",
                found=caller_of(request).tenant, remedy="Create the token for a tenant of the settings.",
            )  # fmt: skip
        return tenant


def _answer(decided: Decided) -> Answer:
    decision = decided.decision
    return Answer(
        decision=decided.verdict.outcome,
        decision_id=decision.id,
        release=decided.release,
        verdict=decided.verdict,
        attestation=msgspec.Raw(decided.attestation) if decided.attestation else _NULL,
        expires_at=to_rfc3339(decision.expires_at) if decision.expires_at else None,
    )


def _outcome(decision: StoredDecision) -> Outcome:
    outcome: Outcome = msgspec.convert(decision.outcome, Outcome)
    return outcome


def _refused(error: DecisionStateError) -> Problem:
    return Problem(409, error.code, "Not possible any more", found=str(error), remedy=error.remedy)
