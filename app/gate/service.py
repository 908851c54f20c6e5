"""Answers whether digests may go to an environment now: decided from fresh facts, recorded, signed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial

import msgspec

from app.blobs.store import BlobStore
from app.changes import store as changes
from app.clock import SECOND, Clock, NewId
from app.consents import store as consents
from app.consents.alarms import raise_alarm, raise_differences
from app.consents.bearing import Check
from app.db.database import Database, glance
from app.db.tx import Tx
from app.decisions import snapshots
from app.decisions import store as decisions
from app.decisions.bearing import BrokenBy
from app.decisions.snapshots import EncodedSnapshot, SnapshotEncoder
from app.decisions.store import StoredDecision
from app.facts.fresh import FreshCache
from app.facts.gather import Gatherer
from app.facts.identity import with_reporting
from app.facts.view import PullView, ReleaseView
from app.gate.attest import Attester
from app.gate.model import ReleaseSummary
from app.glass.breaking import broken
from app.inbox import store as inbox
from app.metrics import Metrics
from app.pulls import store as pulls
from app.pulls.facts import ReleaseFactsNow, delegations, release_facts, snapshot_of
from app.pulls.keeping import pairs
from app.pulls.store import Repository
from app.rebuild.memory import Memory
from app.rebuild.pull import pull_said
from app.rebuild.settled import settled
from app.releases import store as releases
from app.releases.store import StoredRelease, restored
from app.sinks.waiting import unanchored
from app.tenants.registry import Tenant
from app.work import store as work
from gates.decide import decide
from gates.model import (
    Consent,
    Contributors,
    DeploymentFacts,
    NamedDigest,
    Policies,
    PullFacts,
    ReleaseFacts,
    Snapshot,
    Verdict,
)
from integrations.errors import NeighbourError
from integrations.github.port import GitHub, GitHubApp
from manifests import canonical
from manifests.errors import Problem
from manifests.record import Draft, facts

VIEW_AGE_S = 20
STALE_CHANGE_S = 20
JUDGED_AGAIN = 3
FRESH_ENOUGH_S = 2
"""Facts younger than this are not read again for a denial: somebody may ask very often."""


class Asked(msgspec.Struct, frozen=True):
    """A question to the gate. ``subjects`` None means those of the manifest (GitHub's own protection rules name
    none)."""

    environment: str
    repository: str
    commit: str
    subjects: tuple[NamedDigest, ...] | None
    by: str


class Decided(msgspec.Struct, frozen=True):
    """``attestation`` is the DSSE envelope of an allow, else empty."""

    decision: StoredDecision
    verdict: Verdict
    release: ReleaseSummary | None
    attestation: bytes


class Candidate(msgspec.Struct, frozen=True):
    """A release that has the asked digests, with its pull request as it is now."""

    row: StoredRelease
    view: PullView
    release: ReleaseView
    revision: str


class ConsentChangedError(Exception):
    """Somebody took consent back, or gave it, while the answer was being written down. Ask again."""

    code = "gate.consent_changed"


class Judged(msgspec.Struct, frozen=True):
    """A verdict with what it was computed from; ``candidate`` None when no release was found."""

    candidate: Candidate | None
    policies: Policies
    snapshot: Snapshot
    verdict: Verdict


class Gate:
    """The gate of every tenant."""

    def __init__(
        self, database: Database, github: GitHubApp, gatherer: Gatherer, blobs: BlobStore, encoder: SnapshotEncoder,
        attester: Attester, check: Check, clock: Clock, new_id: NewId, ttl_s: int, metrics: Metrics,
        memory: Memory,
    ) -> None:  # fmt: skip
        self._memory = memory
        self._database = database
        self._github = github
        self._gatherer = gatherer
        self._blobs = blobs
        self._encoder = encoder
        self._attester = attester
        self._check = check
        self._clock = clock
        self._new_id = new_id
        self._ttl = ttl_s * SECOND
        self._metrics = metrics
        self._views: FreshCache[PullView] = FreshCache(clock, VIEW_AGE_S)

    def forget(self, repository_id: int, number: int) -> None:
        """Something happened to a pull request: its facts must be read anew."""
        self._views.forget((repository_id, number))

    def forget_all(self) -> None:
        self._views.forget()

    async def decide(self, tenant: Tenant, asked: Asked) -> Decided:
        """The recorded and, if allowed, signed answer.

        Raises NeighbourError when nothing could be found out, ConsentChangedError when consent kept changing.
        """
        for _ in range(JUDGED_AGAIN):
            with contextlib.suppress(ConsentChangedError):
                return await self.record(tenant, asked, await self.judge(tenant, asked))
        return await self.record(tenant, asked, await self.judge(tenant, asked))

    async def judge(self, tenant: Tenant, asked: Asked, rows: Sequence[StoredRelease] | None = None) -> Judged:
        """The answer, not recorded yet. ``rows`` narrows the releases it can be about.

        What is remembered of GitHub may be some seconds old: a merge a moment ago must not be refused for that,
        so anything but an allow is judged again from facts read anew.
        """
        judged = await self._judge(tenant, asked, rows)
        candidate = judged.candidate
        if judged.verdict.outcome == "allow" or candidate is None:
            return judged
        if self._clock() - candidate.view.seen_at < FRESH_ENOUGH_S * SECOND:
            return judged
        row = candidate.row
        self.forget(row.repository_id, row.number)
        self._gatherer.forget_pull(row.repository_id, row.number)
        self._gatherer.forget_branch(row.repository_id, candidate.view.facts.base_ref)
        self._gatherer.forget_commit(row.repository_id, asked.commit)
        self._gatherer.forget_checks(row.repository_id, candidate.view.facts.head_sha)
        return await self._judge(tenant, asked, rows)

    async def _judge(self, tenant: Tenant, asked: Asked, rows: Sequence[StoredRelease] | None) -> Judged:
        repository, found = await glance(self._database, partial(_found, tenant=tenant.id, asked=asked, rows=rows))
        if repository is None:
            return self._unknown(tenant, asked, f"{asked.repository} is no repository that Countersign knows.")
        rows = [row for row in found if row.state != "closed"]
        if not rows:
            return self._unknown(tenant, asked, f"No release of {asked.repository} has any of these digests.")
        github = self._github.installation(repository.installation_id)
        candidate = await self._candidate(tenant, github, repository, asked, rows)
        if candidate is None:
            return self._unknown(tenant, asked, "The release with these digests is no longer in its pull request.")
        deployment = await self._deployment(github, repository, asked, candidate)
        now, unheard = await settled(
            self._database,
            partial(
                _facts,
                memory=self._memory,
                tenant=tenant,
                row=candidate.row,
                release=candidate.release,
                check=self._check,
                environment=asked.environment,
                at=self._clock(),
            ),
            lambda found: found[0].differs(),
        )
        pushes = await self._gatherer.pushes(github, repository, pairs(candidate.view, now.consents, ()))
        view = msgspec.structs.replace(candidate.view, pushes=pushes)
        snapshot = snapshot_of(tenant, view, candidate.release, asked.environment, self._clock(), now, now.consents)
        snapshot = msgspec.structs.replace(snapshot, question="deploy", deployment=deployment)
        rule = candidate.release.rules.get(asked.environment)
        snapshot = await with_reporting(tenant.reporting, snapshot, rule)
        if unheard is not None:
            # What has been said since may take consent back: the facts are as old as the first word not yet heard.
            pull = msgspec.structs.replace(snapshot.pull, seen_at=min(snapshot.pull.seen_at, unheard))
            snapshot = msgspec.structs.replace(snapshot, pull=pull)
        policies = candidate.view.policies
        return Judged(candidate, policies, snapshot, decide(policies, snapshot))

    async def _candidate(
        self, tenant: Tenant, github: GitHub, repository: Repository, asked: Asked, rows: Sequence[StoredRelease]
    ) -> Candidate | None:
        """The release whose revision the commit holds; failing that the newest, so that the denial can explain."""
        first: Candidate | None = None
        for row in sorted(rows, key=lambda row: (row.state != "merged", -row.proposed_at)):
            view = (
                await self._views.read(
                    (repository.id, row.number), partial(self._view, tenant, github, repository, row)
                )
            ).value
            release = view.release(row.path)
            if release is None:
                continue
            revision = await self._gatherer.revision_at(github, repository, row.path, asked.commit)
            candidate = Candidate(row, view, release, revision)
            if revision and revision == release.facts.revision:
                return candidate
            first = first or candidate
        return first

    async def _view(self, tenant: Tenant, github: GitHub, repository: Repository, row: StoredRelease) -> PullView:
        said = await self._database.read(lambda tx: pull_said(tx, self._memory, tenant.id, repository.id, row.number))
        proposed = {one.path: one.proposed_at for one in said.releases}
        return await self._gatherer.view(tenant, github, repository, row.number, pulls.heads_of(said.heads), proposed)

    async def _deployment(
        self, github: GitHub, repository: Repository, asked: Asked, candidate: Candidate
    ) -> DeploymentFacts:
        manifest = candidate.release.facts.manifest
        subjects = asked.subjects
        if subjects is None:
            named = manifest.artifacts_for(asked.environment) if manifest else ()
            subjects = tuple(NamedDigest(artifact.name, artifact.sha256) for artifact in named)
        try:
            reachable = await self._gatherer.reachable(github, repository, asked.commit, candidate.view.facts.base_ref)
        except NeighbourError as error:
            return DeploymentFacts(
                asked.commit, False, candidate.revision, subjects, self._clock(), problem=f"GitHub: {error}"
            )
        return DeploymentFacts(asked.commit, reachable.value, candidate.revision, subjects, reachable.at)

    def _unknown(self, tenant: Tenant, asked: Asked, why: str) -> Judged:
        """A denial like any other, though there is no release to decide about."""
        problem = Problem(
            "release.unknown", why, "Deploy the exact artifacts of a release that was merged, from its commit."
        )
        at = self._clock()
        policies = Policies(tenant.policy, None, problem="There is no release, so no policy applies.", seen_at=at)
        snapshot = Snapshot(
            at=at, question="deploy", environment=asked.environment, tenant=tenant.id,
            pull=PullFacts(0, asked.repository, 0, "closed", False, "", "", at),
            release=ReleaseFacts("", None, "", at, (problem,)), contributors=Contributors(seen_at=at),
            deployment=DeploymentFacts(asked.commit, False, "", asked.subjects or (), at),
        )  # fmt: skip
        return Judged(None, policies, snapshot, decide(policies, snapshot))

    async def record(self, tenant: Tenant, asked: Asked, judged: Judged) -> Decided:
        """Write the decision down, and sign it if it is an allow. Raises ConsentChangedError, with nothing written,
        when an allow would count a consent that is void by now."""
        candidate, snapshot, verdict = judged.candidate, judged.snapshot, judged.verdict
        raise_alarm(self._metrics, snapshot.consents)
        raise_differences(self._metrics, snapshot.log.differences)
        encoded = self._encoder.encode(judged.policies, snapshot)
        body = canonical.encode(verdict)
        decision = StoredDecision(
            id=self._new_id(), tenant=tenant.id, release_id=candidate.row.id if candidate else "", question="deploy",
            environment=asked.environment, outcome=verdict.outcome, snapshot=encoded.digest,
            verdict=canonical.sha256_hex(body), commit_sha=asked.commit, at=snapshot.at,
            expires_at=snapshot.at + self._ttl if verdict.outcome == "allow" else 0, asked_by=asked.by,
        )  # fmt: skip
        glass: BrokenBy | None = None
        attestation = b""
        if verdict.outcome == "allow" and candidate is not None:
            glass = broken(snapshot, verdict, candidate.release.rules.get(asked.environment))
            attestation = self._attester.attest(decision, candidate.view, candidate.release, snapshot, verdict)
        await self._database.write(
            partial(
                self._write, decision=decision, candidate=candidate, encoded=encoded, verdict=verdict, body=body,
                attestation=attestation, stale=_stale_change(snapshot), said=snapshot.consents, glass=glass,
            )
        )  # fmt: skip
        summary = _summary(candidate, asked.repository) if candidate else None
        return Decided(decision, verdict, summary, attestation)

    def _write(
        self, tx: Tx, decision: StoredDecision, candidate: Candidate | None, encoded: EncodedSnapshot,
        verdict: Verdict, body: bytes, attestation: bytes, stale: bool, said: tuple[Consent, ...],
        glass: BrokenBy | None,
    ) -> None:  # fmt: skip
        if attestation and candidate is not None:
            _expect_unchanged(tx, decision.tenant, candidate, said, decision.at)
        snapshots.save(tx, self._blobs, encoded)
        bodies = [("verdict", body)]
        if attestation:
            bodies.append(("attestation", attestation))
        digests = self._blobs.put_many(tx, bodies)
        decisions.insert(tx, decision)
        data = {
            "attestation": digests[1] if attestation else "", "commit": decision.commit_sha,
            "environment": decision.environment, "failing": list(verdict.failing()), "question": "deploy",
            "revision": verdict.revision, "rule": verdict.effective_rule, "snapshot": encoded.digest,
            "verdict": decision.verdict, "at": decision.at, "expires_at": decision.expires_at,
            "release": decision.release_id, **({"glass": glass} if glass else {}),
        }  # fmt: skip
        tx.stage(
            decision.tenant,
            Draft(
                trace_id=candidate.row.trace_id if candidate else f"decision-{decision.id}", ts=decision.at,
                stage="authorise", event="decision.recorded", component="gate", action="recorded",
                resource=f"decision/{decision.id}", actor_ref=decision.asked_by, outcome=decision.outcome,
                data=facts(data),
            ),
        )  # fmt: skip
        if stale and candidate is not None:
            work.mark(tx, changes.work_key(candidate.row.id, decision.environment), self._clock())


def _expect_unchanged(tx: Tx, tenant: str, candidate: Candidate, said: tuple[Consent, ...], at: int) -> None:
    """In the transaction that records an allow: no consent has come, gone or been voided since it was judged ``at``."""
    grants = consents.of_releases(tx, tenant, [candidate.row.id])
    digests = list(candidate.release.digests.values())
    grants += consents.withheld_elsewhere(tx, tenant, candidate.row.id, digests)
    grants += delegations(tx, tenant, candidate.row, candidate.release, at)
    now = {(grant.id, grant.void_reason is not None) for grant in grants}
    if now != {(consent.id, bool(consent.void)) for consent in said}:
        raise ConsentChangedError(ConsentChangedError.__doc__)


def _found(
    tx: Tx, tenant: str, asked: Asked, rows: Sequence[StoredRelease] | None
) -> tuple[Repository | None, Sequence[StoredRelease]]:
    """The repository, and its releases with the asked digests; failing that those that the commit may hold, so
    that the denial can say what differs. ``rows`` not None are taken instead."""
    repository = pulls.repository_named(tx, tenant, asked.repository)
    if repository is None or rows is not None:
        return repository, rows or ()
    digests = [subject.sha256 for subject in asked.subjects or ()]
    found = releases.with_artifacts(tx, tenant, repository.id, digests) if digests else ()
    return repository, found or releases.newest_into(tx, tenant, repository.id, asked.environment)


def _facts(
    tx: Tx,
    memory: Memory,
    tenant: Tenant,
    row: StoredRelease,
    release: ReleaseView,
    check: Check,
    environment: str,
    at: int,
) -> tuple[ReleaseFactsNow, int | None]:
    unheard = inbox.unheard_since(tx, f"pull/{row.repository_id}/{row.number}")
    said = pull_said(tx, memory, tenant.id, row.repository_id, row.number)
    told = [one for one in said.releases if one.id == row.id]
    (row,) = restored(tenant.id, [row], told)
    now = release_facts(tx, memory, tenant.id, row, release, check, at)
    now = now.with_differences((*said.differences, *tenant.people.differences))
    if environment.casefold() in tenant.policy.anchored:
        log = msgspec.structs.replace(now.log, unanchored=unanchored(tx, tenant.id, row.id))
        now = msgspec.structs.replace(now, log=log)
    return now, unheard


def _stale_change(snapshot: Snapshot) -> bool:
    """Have ServiceNow asked again, so that the next question finds fresh facts."""
    change = snapshot.change
    return change is not None and snapshot.at - change.seen_at > STALE_CHANGE_S * SECOND


def _summary(candidate: Candidate, repository: str) -> ReleaseSummary:
    row = candidate.row
    return ReleaseSummary(row.id, repository, row.number, row.path, row.name, row.version, row.revision, row.trace_id)
