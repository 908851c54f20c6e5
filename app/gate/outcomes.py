"""How deployments end, as GitHub tells it. One without our allow is a violation, loudly."""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from app.clock import Clock
from app.db.tx import Tx
from app.decisions import store as decisions
from app.gate.deployments import Deployments
from app.metrics import Metrics
from app.releases import store as releases
from integrations.github.events import DeploymentStatusEvent
from manifests.record import Draft, facts

_log = structlog.get_logger()
_OUTCOMES = {"success": "success", "failure": "failure", "error": "failure"}


class Outcomes:
    def __init__(self, deployments: Deployments, clock: Clock, metrics: Metrics) -> None:
        self._deployments = deployments
        self._clock = clock
        self._metrics = metrics

    def seen(self, tx: Tx, tenant: str, event: DeploymentStatusEvent) -> Iterator[str]:
        """Write down what a deployment status says; yields work keys (none: the decision's change is marked)."""
        outcome = _OUTCOMES.get(event.state)
        if outcome is None or event.repository_id is None:
            return
        environment = event.environment.lower()
        by = f"github:{event.creator.id}" if event.creator else "github"
        for decision in decisions.allows_for_commit(tx, tenant, environment, event.sha):
            release = releases.one(tx, tenant, decision.release_id)
            if release is None or release.repository_id != event.repository_id:
                continue
            # One run may deploy to an environment in several jobs, within the life of its allow.
            timely = event.created_at <= decision.expires_at
            covered = timely or decisions.covers(tx, decision, f"github-{event.deployment_id}-")
            if covered and self._deployments.usable(tx, decision):
                self._deployments.begun(tx, decision, by)
                self._deployments.ended(tx, decision, f"github-{event.deployment_id}-{outcome}", outcome, by)
                return
        if outcome == "success" and releases.has_environment(tx, tenant, event.repository_id, environment):
            self._violated(tx, tenant, event, environment, by)
        yield from ()

    def _violated(self, tx: Tx, tenant: str, event: DeploymentStatusEvent, environment: str, by: str) -> None:
        _log.error("deployment.violated", environment=environment, commit=event.sha)
        self._metrics.alarm("deployment", f"{event.sha} went to {environment} without a decision that allowed it.")
        data = {"commit": event.sha, "environment": environment, "repository": str(event.repository)}
        tx.stage(
            tenant,
            Draft(
                trace_id=f"deployment-{event.deployment_id}", ts=self._clock(), stage="deploy",
                event="deployment.violated", component="gate", action="violated",
                resource=f"deployment/github-{event.deployment_id}", actor_ref=by, outcome="violation",
                data=facts(data), tags=("P1",),
            ),
        )  # fmt: skip
