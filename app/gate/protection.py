"""GitHub's deployment protection rules, answered by the gate."""

from __future__ import annotations

from functools import partial

import msgspec
import structlog

from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.decisions import bearing
from app.decisions import store as decisions
from app.decisions.store import StoredDecision
from app.effects import store as effects
from app.effects.store import Effect
from app.gate.deployments import Deployments
from app.gate.service import Asked, Gate, Judged
from app.gate.workflows import OWN_COMMIT, listed
from app.glass.breaking import GlassUsedError
from app.privacy import names
from app.pulls import store as pulls
from app.pulls.store import Repository
from app.releases import store as releases
from app.releases.store import StoredRelease
from app.repositories.keys import parts
from app.tenants.registry import Tenant, Tenants
from app.work.store import Lease
from gates.render import title
from integrations.errors import InDoubtError
from integrations.github.port import GitHub, GitHubApp
from manifests import canonical

KIND = "protection"
WAITING = "wait:"
AGAIN_S = 20
"""How long at most until it is looked at again; a changed verdict wakes it at once."""
MAX_COMMENT = 1000

_log = structlog.get_logger()


class Place(msgspec.Struct, frozen=True):
    """Where an answer goes: the work key, and what is ``wanted`` there, ``<state>:<decision>``."""

    tenant: str
    key: str
    wanted: str

    @property
    def state(self) -> str:
        return self.wanted.partition(":")[0]


class ProtectionRules:
    """Handles work keys ``protection/<repository id>/<run id>/<sha>/<environment>``."""

    def __init__(
        self, database: Database, tenants: Tenants, github: GitHubApp, gate: Gate, deployments: Deployments,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._deployments = deployments
        self._database = database
        self._tenants = tenants
        self._github = github
        self._gate = gate
        self._clock = clock

    async def __call__(self, lease: Lease) -> int | None:
        repository_id, run_id, sha, environment = parts(lease.key)
        repository = await self._database.read(lambda tx: pulls.repository(tx, int(repository_id)))
        tenant = self._tenants.of_installation(repository.installation_id) if repository else None
        if repository is None or tenant is None:
            return None
        done = await self._database.read(lambda tx: effects.get(tx, lease.key))
        github = self._github.installation(repository.installation_id)
        pending = await github.pending_environments(repository.name, int(run_id))
        if environment.lower() not in {name.lower() for name in pending}:
            _log.info("protection.not_pending", run=run_id, environment=environment)
            if done is not None and done.done != done.wanted and not done.wanted.startswith(WAITING):
                # An interrupted attempt had answered and did not live to write it down.
                await self._database.write(partial(self._answered, tenant=tenant.id, key=lease.key, wanted=done.wanted))
            return None
        if done is not None and await self._database.read(lambda tx: self._claimed(tx, tenant.id, done)):
            await self._send(github, repository, done.payload.decode(), Place(tenant.id, lease.key, done.wanted))
            return None
        # Also one that was answered: a run started again keeps its number, and waits anew.
        refusal = await self._workflow_refusal(tenant, github, repository, int(run_id), sha)
        rows = await self._releases(tenant, github, repository, sha)
        asked = Asked(environment.lower(), repository.name, sha, None, f"github:run/{run_id}")
        judged = await self._gate.judge(tenant, asked, rows)
        outcome = judged.verdict.outcome
        if outcome == "wait" and not refusal:
            await self._wait(tenant, lease.key, asked, judged, done.wanted if done else "")
            return self._clock() + AGAIN_S * SECOND
        decided = await self._gate.record(tenant, asked, judged)
        state = "approved" if outcome == "allow" and not refusal else "rejected"
        told = await self._database.read(lambda tx: names.in_verdicts(tx, tenant.id, [decided.verdict]))
        text = refusal or f"{title(told)} (decision {decided.decision.id})"
        place = Place(tenant.id, lease.key, f"{state}:{decided.decision.id}")
        try:
            await self._database.write(partial(self._want, place=place, text=text, decision=decided.decision))
        except GlassUsedError:
            _log.warning("protection.glass_used", decision=decided.decision.id)
            return self._clock()
        await self._send(github, repository, text, place)
        return None

    async def _wait(self, tenant: Tenant, key: str, asked: Asked, judged: Judged, before: str) -> None:
        """GitHub waits on; the decision is recorded once, however often it is looked at."""
        wanted = f"{WAITING}{canonical.digest(judged.verdict)}"
        if wanted == before:
            return
        decided = await self._gate.record(tenant, asked, judged)
        cause = f"decision/{decided.decision.id}"
        await self._database.write(lambda tx: effects.want(tx, key, KIND, wanted, b"", cause, self._clock()))

    async def _workflow_refusal(
        self, tenant: Tenant, github: GitHub, repository: Repository, run_id: int, sha: str
    ) -> str:
        """Only workflows that the tenant policy lists may deploy, on the commit they were started for."""
        run = await github.workflow_run(repository.name, run_id)
        if run.head_sha != sha:
            return f"Run {run_id} is for commit {run.head_sha[:12]}, the deployment for {sha[:12]}."
        if run.event not in OWN_COMMIT:
            return (
                f"Run {run_id} was started by {run.event}, and such a run need not use the workflow of its commit."
                " Deploy from a run of the base branch, started by a push or by hand."
            )
        if not listed(tenant.policy.workflows, repository.name, run.path):
            return (
                f"The workflow {run.path} of {repository.name} is not among the workflows that the tenant policy lists."
                " Use one of them."
            )
        return ""

    async def _releases(
        self, tenant: Tenant, github: GitHub, repository: Repository, sha: str
    ) -> tuple[StoredRelease, ...]:
        found: list[StoredRelease] = []
        for pull in await github.pulls_of_commit(repository.name, sha):
            number = pull.number
            found += await self._database.read(partial(_of_pull, repository_id=repository.id, number=number))
        return tuple(release for release in found if release.tenant == tenant.id)

    def _want(self, tx: Tx, place: Place, text: str, decision: StoredDecision) -> None:
        """The decision is on record; the answer is written down as wanted, sent, and written down as done. An allow by
        breaking the glass is used up before it is told, so that it is told once. Raises GlassUsedError."""
        effects.want(tx, place.key, KIND, place.wanted, text.encode(), f"decision/{decision.id}", self._clock())
        if place.state == "approved" and bearing.broken_by(tx, decision) is not None:
            self._deployments.begun(tx, decision, decision.asked_by)

    def _claimed(self, tx: Tx, tenant: str, done: Effect) -> bool:
        """Whether an interrupted attempt had used an allow up and did not live to tell it."""
        state, _, decision_id = done.wanted.partition(":")
        if state != "approved" or done.done == done.wanted or not done.payload:
            return False
        decision = decisions.one(tx, tenant, decision_id)
        return decision is not None and decision.expires_at > self._clock() and decisions.redeemed(tx, decision.id)

    async def _send(self, github: GitHub, repository: Repository, text: str, place: Place) -> None:
        _, run_id, _, environment = parts(place.key)
        try:
            await github.answer_protection_rule(
                repository.name, int(run_id), environment, "approved" if place.state == "approved" else "rejected",
                text[:MAX_COMMENT],
            )  # fmt: skip
        except InDoubtError:
            pending = await github.pending_environments(repository.name, int(run_id))
            if environment.lower() in {name.lower() for name in pending}:
                raise
        await self._database.write(partial(self._answered, tenant=place.tenant, key=place.key, wanted=place.wanted))

    def _answered(self, tx: Tx, tenant: str, key: str, wanted: str) -> None:
        effects.delivered(tx, key, wanted, wanted, self._clock())
        state, _, decision_id = wanted.partition(":")
        decision = decisions.one(tx, tenant, decision_id)
        if state == "approved" and decision is not None:
            self._deployments.begun(tx, decision, decision.asked_by)


def _of_pull(tx: Tx, repository_id: int, number: int) -> tuple[StoredRelease, ...]:
    return releases.of_pull(tx, repository_id, number)
