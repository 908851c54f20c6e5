"""What became of an allow: redeemed once, deployed, reported."""

from __future__ import annotations

from app.changes import store as changes
from app.clock import Clock, NewId
from app.db.database import Database
from app.db.tx import Tx
from app.decisions import bearing
from app.decisions import store as decisions
from app.decisions.store import StoredDecision, StoredDeployment
from app.glass.breaking import Breaking, GlassUsedError
from app.releases import store as releases
from app.work import store as work
from manifests.record import Draft, facts
from manifests.vocabulary import Event, Stage


class DecisionStateError(Exception):
    """A decision cannot be used as asked."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy


class Deployments:
    """Redeems decisions and takes reports of how deployments ended."""

    def __init__(self, database: Database, clock: Clock, new_id: NewId, breaking: Breaking) -> None:
        self._breaking = breaking
        self._database = database
        self._clock = clock
        self._new_id = new_id

    async def redeem(self, decision: StoredDecision, by: str) -> None:
        """Raises DecisionStateError unless it is an allow, not expired and never redeemed before."""
        await self._database.write(lambda tx: self._redeem(tx, decision, by))

    async def report(self, decision: StoredDecision, outcome: str, by: str) -> None:
        """Raises DecisionStateError unless a deployment on this decision has begun."""
        await self._database.write(lambda tx: self._report(tx, decision, outcome, by))

    def _redeem(self, tx: Tx, decision: StoredDecision, by: str) -> None:
        now = self._clock()
        if decision.outcome != "allow":
            raise DecisionStateError(
                "decision.not_allowed", f"The decision is {decision.outcome}.", "Nothing may be deployed with it."
            )
        if altered := bearing.difference(tx, decision):
            raise DecisionStateError(
                "decision.altered", f"The decision cannot be relied on: {altered}.",
                "Deploy nothing with it. Run `countersign audit verify` and treat the database as tampered with.",
            )  # fmt: skip
        if now >= decision.expires_at:
            raise DecisionStateError("decision.expired", "The decision has expired.", "Ask the gate again.")
        # The log before the table: a row that somebody removed must not give the allow a second use.
        try:
            begun = not bearing.redeemed(tx, decision) and self.begun(tx, decision, by)
        except GlassUsedError as error:
            raise DecisionStateError(
                "decision.glass_used", f"The decision broke the glass, and cannot be used: {error}",
                "Nothing may be deployed with it. Ask for approval, or break the glass again.",
            ) from error  # fmt: skip
        if not begun:
            raise DecisionStateError(
                "decision.redeemed", "The decision was redeemed before.",
                "Ask the gate again for another deployment. If this one was not yours, raise an alarm.",
            )  # fmt: skip

    def usable(self, tx: Tx, decision: StoredDecision) -> bool:
        """Whether a deployment can begin, or has begun, on an allow: one that broke the glass has to be the first of
        those that did so by the same grants."""
        return decisions.redeemed(tx, decision.id) or self._breaking.usable(tx, decision)

    def begun(self, tx: Tx, decision: StoredDecision, by: str) -> bool:
        """Write down that a deployment on this decision begins; False when one began before. Raises GlassUsedError,
        and the transaction must end with that."""
        now = self._clock()
        if not decisions.redeem(tx, decision.id, now, by):
            return False
        self._stage(tx, decision, "deploy", "decision.redeemed", f"decision/{decision.id}", by, "redeemed", {})
        self._breaking.use(tx, decision, by, now)
        work.mark(tx, changes.work_key(decision.release_id, decision.environment), now)
        return True

    def _report(self, tx: Tx, decision: StoredDecision, outcome: str, by: str) -> None:
        if not decisions.redeemed(tx, decision.id):
            raise DecisionStateError(
                "decision.not_redeemed", "No deployment on this decision has begun.", "Redeem it before deploying."
            )
        self.ended(tx, decision, f"report-{decision.id}-{outcome}", outcome, by)

    def ended(self, tx: Tx, decision: StoredDecision, identity: str, outcome: str, by: str) -> None:
        """Write down the outcome of a deployment, once per ``identity``."""
        now = self._clock()
        added = decisions.add_deployment(
            tx,
            StoredDeployment(
                identity, decision.tenant, decision.release_id, decision.environment, decision.id, decision.commit_sha,
                outcome, now, by,
            ),
        )  # fmt: skip
        if not added:
            return
        data = {"commit": decision.commit_sha, "decision": decision.id, "environment": decision.environment}
        resource = f"deployment/{identity}"
        self._stage(tx, decision, "deploy", "deployment.recorded", resource, by, outcome, data)
        work.mark(tx, changes.work_key(decision.release_id, decision.environment), now)

    def _stage(
        self, tx: Tx, decision: StoredDecision, stage: Stage, event: Event, resource: str, by: str, outcome: str,
        data: dict[str, str],
    ) -> None:  # fmt: skip
        release = releases.one(tx, decision.tenant, decision.release_id)
        tx.stage(
            decision.tenant,
            Draft(
                trace_id=release.trace_id if release else f"decision-{decision.id}", ts=self._clock(), stage=stage,
                event=event, component="gate", action=event.partition(".")[2], resource=resource, actor_ref=by,
                outcome=outcome, data=facts(data),
            ),
        )  # fmt: skip
