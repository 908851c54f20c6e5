"""Looks at the policy on a listed branch after every push to it: a version that does not count is told at once, and on
record, so that nobody finds out only when a release is denied."""

from __future__ import annotations

import msgspec
import structlog

from app.audit import store as audit
from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.facts.gather import Gatherer
from app.metrics import Metrics
from app.pulls import store as pulls
from app.pulls.store import Repository
from app.rebuild.saying import SERVICE
from app.repositories.keys import parts, policy_key
from app.tenants.registry import Tenant, Tenants
from app.work import store as work
from app.work.store import Lease
from integrations.github.port import GitHubApp
from manifests.canonical import sha256_hex
from manifests.record import Draft, Record, facts

GRACE_S = 10
"""The push of a merge is heard of before the merge itself, which may release what it pushed."""

PREFIX = "policy-branch"
WAITS, MENDED = "unreleased", "mended"

_log = structlog.get_logger()


class BranchData(msgspec.Struct, frozen=True):
    """The data of a ``policy.unreleased`` record, whose outcome says whether the version waits or the branch is
    mended."""

    commit: str
    ref: str
    repository: str
    repository_id: int
    sha256: str


class PolicyWatch:
    """Handles work keys ``policy/<repository id>/<branch>``."""

    def __init__(
        self, database: Database, tenants: Tenants, github: GitHubApp, gatherer: Gatherer, clock: Clock,
        metrics: Metrics,
    ) -> None:  # fmt: skip
        self._database = database
        self._tenants = tenants
        self._github = github
        self._gatherer = gatherer
        self._clock = clock
        self._metrics = metrics

    async def __call__(self, lease: Lease) -> int | None:
        repository_id, ref = parts(lease.key)
        repository = await self._database.read(lambda tx: pulls.repository(tx, int(repository_id)))
        tenant = self._tenants.of_installation(repository.installation_id) if repository else None
        if repository is None or tenant is None or not tenant.lists(repository.name, ref):
            return None
        github = self._github.installation(repository.installation_id)
        found, text = await self._gatherer.policies(tenant, github, repository, ref)
        sha256 = sha256_hex(text) if text is not None else ""
        data = BranchData(found.commit, ref, repository.name, repository.id, sha256)
        is_news = await self._database.write(lambda tx: self._note(tx, lease, tenant, data, bool(found.unreleased)))
        if is_news and found.unreleased:
            _log.error("policy.unreleased", tenant=tenant.id, repository=repository.name, ref=ref, sha256=sha256)
            told = f"P2: {repository.name}: every release into {ref} is denied. {found.unreleased}"
            self._metrics.alarm("policy", told)
        return None

    def _note(self, tx: Tx, lease: Lease, tenant: Tenant, data: BranchData, waits: bool) -> bool:
        """Whether this is another state of the branch than the log tells; it does from now on."""
        work.hold(tx, lease)
        last = last_of(audit.records_of(tx, tenant.id, resource(data.repository_id, data.ref)))
        told = (last[1].sha256 if last[0].outcome == WAITS else "") if last else ""
        if told == (data.sha256 if waits else ""):
            return False
        tx.stage(
            tenant.id,
            Draft(
                trace_id=f"policy-{data.repository_id}", ts=self._clock(), stage="system", event="policy.unreleased",
                component="standing", action="watched", resource=resource(data.repository_id, data.ref),
                actor_ref=SERVICE, outcome=WAITS if waits else MENDED, data=facts(data),
            ),
        )  # fmt: skip
        return True


def resource(repository_id: int, ref: str) -> str:
    return f"{PREFIX}/{repository_id}/{ref}"


def last_of(records: tuple[Record, ...]) -> tuple[Record, BranchData] | None:
    return (records[-1], msgspec.json.decode(records[-1].data, type=BranchData)) if records else None


def pushed(tx: Tx, tenant: Tenant, repository: Repository, ref: str, at: int) -> None:
    """Look at the policy soon, where the branch is one that releases are merged into."""
    if tenant.lists(repository.name, ref):
        work.mark(tx, policy_key(repository.id, ref), at + GRACE_S * SECOND)
