"""Works on one pull request: what is new, what is so, what follows, what shall be seen. One commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import structlog

from app.changes import approving
from app.changes import store as changes_store
from app.changes.approving import Changes
from app.clock import Clock, NewId
from app.consents import bearing
from app.consents import store as consents
from app.consents.alarms import raise_alarm, raise_differences
from app.consents.store import StoredGrant
from app.db.database import Database, glance
from app.db.tx import Tx
from app.facts.gather import Gatherer
from app.facts.identity import with_reporting
from app.facts.view import PullView, ReleaseView
from app.inbox import store as inbox
from app.inbox.store import StoredDelivery
from app.metrics import Metrics
from app.pulls import store
from app.pulls.commit import Committer
from app.pulls.consenting import Consenting
from app.pulls.elsewhere import Elsewhere
from app.pulls.facts import ReleaseFactsNow, release_facts, snapshot_of
from app.pulls.keeping import pairs
from app.pulls.model import Evaluation
from app.pulls.observe import Said, actor, overtaken, sight
from app.pulls.outward import Outward
from app.pulls.reading_back import read_back
from app.pulls.signing import Signer
from app.pulls.situation import Consented, Note, Situation
from app.pulls.store import Head, Observation, Repository
from app.pulls.watches import Watches
from app.pulls.watching import watches
from app.rebuild.branches import pushed as pushed_before
from app.rebuild.memory import Memory
from app.rebuild.pull import PullSaid, pull_said
from app.rebuild.settled import settled
from app.releases import store as releases
from app.releases.store import StoredRelease, restored
from app.tenants.registry import Tenant, Tenants
from app.work.store import Lease
from gates.decide import decide
from gates.model import Consent, Snapshot, Verdict
from integrations.github.events import Event, EventError, PullRequestEvent, parse_event
from integrations.github.port import GitHub, GitHubApp
from manifests.keys import PrivateKey

MAX_NOTES = 6
Judged = Callable[[int, int], None]
"""Told the repository id and number of every pull request that was judged anew."""

_log = structlog.get_logger()


class Known(msgspec.Struct, frozen=True):
    """What the database holds of a pull request when work on it begins."""

    deliveries: tuple[StoredDelivery, ...]
    repository: Repository | None
    heads: tuple[Head, ...]
    observations: tuple[Observation, ...]
    prompts: tuple[store.Prompt, ...]
    releases: tuple[StoredRelease, ...]
    grants: tuple[StoredGrant, ...]
    notes: tuple[Note, ...]
    base_ref: str
    head_sha: str
    said: PullSaid
    watches: Watches | None


class PullEvaluator:
    """Handles work keys ``pull/<repository id>/<number>``."""

    def __init__(
        self, database: Database, tenants: Tenants, github: GitHubApp, gatherer: Gatherer, committer: Committer,
        outward: Outward, check: bearing.Check, key: Callable[[], PrivateKey], clock: Clock, new_id: NewId,
        metrics: Metrics, public_url: str, on_judged: Judged, memory: Memory,
    ) -> None:  # fmt: skip
        self._memory = memory
        self._database = database
        self._tenants = tenants
        self._github = github
        self._gatherer = gatherer
        self._commit = committer
        self._outward = outward
        self._check = check
        self._key = key
        self._clock = clock
        self._new_id = new_id
        self._metrics = metrics
        self._public_url = public_url.rstrip("/")
        self._on_judged = on_judged
        self._elsewhere = Elsewhere(database, memory)

    async def __call__(self, lease: Lease) -> int | None:
        _, repository_id, number = lease.key.split("/")
        known = await settled(
            self._database, lambda tx: _known(tx, self._memory, lease.key, int(repository_id), int(number)),
            lambda found: bool(found.said.differences),
        )  # fmt: skip
        tenant, repository = self._belongs(known)
        if tenant is None or repository is None:
            await self._database.write(lambda tx: self._ignore(tx, known))
            return self._clock() if len(known.deliveries) == inbox.MOST else None
        known = msgspec.structs.replace(
            known, releases=tuple(release for release in known.releases if release.tenant == tenant.id)
        )
        ids = {
            "tenant": tenant.id,
            "repository": repository.name,
            "pull": int(number),
            "deliveries": [delivery.guid for delivery in known.deliveries[:5]],
            "releases": [release.id for release in known.releases],
        }
        with structlog.contextvars.bound_contextvars(**ids), self._metrics.evaluation_seconds.time():
            due = await self._evaluate(lease, tenant, repository, int(number), known)
        # What did not fit into one reading is next.
        return self._clock() if len(known.deliveries) == inbox.MOST else due

    async def _evaluate(
        self, lease: Lease, tenant: Tenant, repository: Repository, number: int, known: Known
    ) -> int | None:
        github = self._github.installation(repository.installation_id)
        if await self._outward.recall(github, repository, number):
            said = await glance(
                self._database, lambda tx: pull_said(tx, self._memory, tenant.id, repository.id, number)
            )
            known = msgspec.structs.replace(known, prompts=store.prompts_of(said.prompts))
        fresh, heads, base_ref = self._see(known)
        if known.deliveries or lease.failures:
            self._gatherer.forget_pull(repository.id, number)
        if len(heads) > len(known.heads) or any(seen.kind == "pull.retargeted" for seen, _ in fresh):
            # What was listed meanwhile may have been of another head or base, though both are the same again.
            self._gatherer.forget_lists(repository.id, number)
        arrived = [head.sha for head in heads if head.event == store.ARRIVED]
        pushed = await settled(
            self._database, lambda tx: pushed_before(tx, self._memory, tenant.id, repository.id, arrived),
            lambda found: bool(found.differences),
        )  # fmt: skip
        said = msgspec.structs.replace(known.said, differences=(*known.said.differences, *pushed.differences))
        known = msgspec.structs.replace(known, said=said)
        before = store.heads_before(pushed.rows)
        heads = tuple({(head.sha, head.event): head for head in (*heads, *before)}.values())
        for head in heads:
            self._gatherer.forget_checks(repository.id, head.sha)
        base = (base_ref, said.base_ref or known.base_ref)
        view = await self._view(tenant, github, repository, number, known, heads, *base)
        compared = pairs(view, (grant.consent for grant in known.grants if grant.void_reason is None), heads)
        view = msgspec.structs.replace(view, pushes=await self._gatherer.pushes(github, repository, compared))
        stored = self._stored(tenant, view, known)
        consented = await self._consent(tenant, github, repository, number, known, fresh, heads, view, stored)
        evaluation = await self._judge(tenant, repository, view, stored, known, fresh, heads, consented)
        fresh_effects = await self._database.write(lambda tx: self._commit(tx, lease, evaluation))
        self._on_judged(repository.id, number)
        if view.facts.state == "open":
            pull = view.pull
            await self._outward.deliver(github, repository, number, pull.head_sha, pull.base_ref, fresh_effects)
        self._metrics.evaluations.labels(outcome=evaluation.outcome).inc()
        missed = await self._missed(github, repository, known, view)
        return self._clock() if missed else evaluation.due

    async def _missed(self, github: GitHub, repository: Repository, known: Known, view: PullView) -> bool:
        """Whether checks changed that nobody listened to: those of a head, or of a name, are heard of from when it is
        written down that a verdict depends on them, which is only now."""
        heard = known.watches.checks if known.watches and known.head_sha == view.pull.head_sha else ()
        if view.checks is None or set(watches(view).checks) <= set(heard):
            return False
        self._gatherer.forget_checks(repository.id, view.pull.head_sha)
        now = await self._gatherer.checks(github, repository, view.pull.head_sha)
        return now.checks != view.checks.checks

    async def _view(
        self, tenant: Tenant, github: GitHub, repository: Repository, number: int, known: Known,
        heads: tuple[Head, ...], base_ref: str, proposed_into: str,
    ) -> PullView:  # fmt: skip
        proposed, started = {release.path: release.proposed_at for release in known.releases}, self._clock()
        found = await self._gatherer.view(tenant, github, repository, number, heads, proposed, base_ref, proposed_into)
        if found.seen_at >= started or not watches(found).labels or (known.watches and known.watches.labels):
            return found
        # Of labels that no rule had asked for until now, nobody listened to what happened to them.
        self._gatherer.forget_pull(repository.id, number)
        return await self._gatherer.view(tenant, github, repository, number, heads, proposed, base_ref, proposed_into)

    def _belongs(self, known: Known) -> tuple[Tenant | None, Repository | None]:
        """The newest delivery says to which installation the repository belongs now."""
        repository = known.repository
        for delivery in known.deliveries:
            event = _event(delivery)
            if event is not None and event.repository_id and event.repository and event.installation_id:
                tenant = self._tenants.of_installation(event.installation_id)
                repository = Repository(
                    event.repository_id, tenant.id if tenant else "", event.repository, event.installation_id
                )
        if repository is None:
            return None, None
        return self._tenants.of_installation(repository.installation_id), repository

    def _ignore(self, tx: Tx, known: Known) -> None:
        inbox.ignore(tx, known.deliveries, "the installation is listed in no tenant policy", self._clock())

    def _see(self, known: Known) -> tuple[list[tuple[Observation, Said]], tuple[Head, ...], str]:
        """What the new deliveries show; returns it with all heads and the newest base ref."""
        seen = {observation.id for observation in known.observations}
        heads = {(head.sha, head.event): head for head in known.heads}
        fresh: list[tuple[Observation, Said]] = []
        base_ref = known.base_ref
        for delivery in known.deliveries:
            event = _event(delivery)
            if event is None:
                continue
            sighting = sight(event, delivery)
            for head in sighting.heads:
                heads.setdefault((head.sha, head.event), head)
            fresh += [pair for pair in sighting.observations if pair[0].id not in seen]
            if isinstance(event, PullRequestEvent):
                base_ref = event.base_ref
        return fresh, tuple(heads.values()), base_ref

    def _stored(self, tenant: Tenant, view: PullView, known: Known) -> dict[str, StoredRelease]:
        """The stored releases by path, new ones included. Those no longer in the pull request are closed."""
        by_path = {release.path: release for release in known.releases}
        state = view.facts.state
        found = {}
        for release in view.releases:
            before = by_path.get(release.path)
            manifest = release.facts.manifest
            identity = self._new_id() if before is None else before.id
            found[release.path] = StoredRelease(
                id=identity, tenant=tenant.id, repository_id=view.facts.repository_id, number=view.pull.number,
                path=release.path, trace_id=before.trace_id if before else identity,
                requester=before.requester if before else actor(view.pull.author),
                proposed_at=release.facts.proposed_at, state=state,
                head_sha=view.pull.head_sha, revision=release.facts.revision,
                name=manifest.name if manifest else (before.name if before else release.path),
                version=manifest.version if manifest else (before.version if before else ""),
                kind=manifest.kind if manifest else (before.kind if before else ""),
                environments=release.environments, verdicts=before.verdicts if before else {},
                updated_at=before.updated_at if before else self._clock(),
            )  # fmt: skip
        return found

    async def _consent(
        self, tenant: Tenant, github: GitHub, repository: Repository, number: int, known: Known,
        fresh: Sequence[tuple[Observation, Said]], heads: tuple[Head, ...], view: PullView,
        stored: dict[str, StoredRelease],
    ) -> Consented:  # fmt: skip
        before = [(o, msgspec.json.decode(o.body_json, type=Said)) for o in known.observations]
        heard = (*overtaken(before, [_event(delivery) for delivery in known.deliveries]), *fresh)
        accounts = [said.account for _, said in heard if said.account is not None]
        persons = await tenant.people.persons(accounts)
        shown = await read_back(github, repository, number, heard, self._clock())
        situation = Situation(
            view=view, releases=stored, heads=heads, prompts=known.prompts, grants=known.grants,
            observations=(*before, *fresh), read_back=shown,
            persons={account: entry.person for account, entry in persons.items()}, now=self._clock(),
            delegations=tuple(grant.consent for grant in known.grants if grant.consent.decision == "delegate"),
        )  # fmt: skip
        situation = await self._elsewhere(tenant, github, situation, heard)
        signer = Signer(tenant.id, self._key(), self._new_id)
        consented = Consenting(signer, situation).judge(heard)
        if not approving.concerns(situation):
            return consented
        changes = await glance(self._database, partial(_changes, rows=stored, public_url=self._public_url))
        return approving.approving(signer, situation, consented, changes)

    async def _judge(
        self, tenant: Tenant, repository: Repository, view: PullView, stored: dict[str, StoredRelease], known: Known,
        fresh: Sequence[tuple[Observation, Said]], heads: tuple[Head, ...], consented: Consented,
    ) -> Evaluation:  # fmt: skip
        verdicts: list[tuple[str, Snapshot, Verdict]] = []
        for release in view.releases:
            row = stored[release.path]
            now = await settled(
                self._database,
                partial(
                    _facts,
                    memory=self._memory,
                    tenant=tenant.id,
                    row=row,
                    release=release,
                    check=self._check,
                    at=self._clock(),
                ),
                ReleaseFactsNow.differs,
            )
            now = now.with_differences((*known.said.differences, *tenant.people.differences))
            raise_alarm(self._metrics, now.consents)
            raise_differences(self._metrics, now.log.differences)
            told = _after(now.consents, consented, row)
            for environment in release.environments or ("",):
                snapshot = snapshot_of(tenant, view, release, environment, self._clock(), now, told)
                snapshot = await with_reporting(tenant.reporting, snapshot, release.rules.get(environment))
                verdicts.append((release.path, snapshot, decide(view.policies, snapshot)))
        notes = (*consented.notes, *known.notes)[:MAX_NOTES]
        return Evaluation(
            tenant=tenant, repository=repository, view=view, releases=stored, before=known.releases,
            deliveries=known.deliveries, heads=heads, fresh=tuple(fresh), consented=consented, verdicts=tuple(verdicts),
            notes=notes, now=self._clock(), public_url=self._public_url, said=known.said,
        )  # fmt: skip


def _facts(
    tx: Tx, memory: Memory, tenant: str, row: StoredRelease, release: ReleaseView, check: bearing.Check, at: int
) -> ReleaseFactsNow:
    return release_facts(tx, memory, tenant, row, release, check, at)


def _changes(tx: Tx, rows: dict[str, StoredRelease], public_url: str) -> Changes:
    """The change requests as they were last read."""
    known = {
        (path, change.environment): change
        for path, row in rows.items()
        for change in changes_store.of_release(tx, row.id)
    }
    return Changes(known, public_url)


def _after(told: tuple[Consent, ...], consented: Consented, row: StoredRelease) -> tuple[Consent, ...]:
    """The consents as they will be once this evaluation is committed."""
    voided = {void.grant.id: void.reason for void in consented.voids}
    now = tuple(
        msgspec.structs.replace(consent, void=voided[consent.id]) if consent.id in voided else consent
        for consent in told
    )
    return now + tuple(grant.consent for grant in consented.grants if grant.release_id == row.id)


def _known(tx: Tx, memory: Memory, key: str, repository_id: int, number: int) -> Known:
    repository = store.repository(tx, repository_id)
    stored = releases.of_pull(tx, repository_id, number)
    tenant = repository.tenant if repository else ""
    said = pull_said(tx, memory, tenant, repository_id, number)
    stored = restored(tenant, stored, said.releases)
    notes_json, base_ref, head_sha = store.pull_notes(tx, repository_id, number)
    return Known(
        deliveries=inbox.unsettled(tx, key),
        repository=repository,
        heads=store.heads_of(said.heads),
        observations=store.observations(tx, repository_id, number),
        prompts=store.prompts_of(said.prompts),
        releases=stored,
        grants=tuple(
            grant for grant in consents.of_releases(tx, tenant, [release.id for release in stored]) if grant.readable
        ),
        notes=msgspec.json.decode(notes_json, type=tuple[Note, ...]),
        base_ref=base_ref,
        head_sha=head_sha,
        said=said,
        watches=store.watches_of(tx, repository_id, number),
    )


def _event(delivery: StoredDelivery) -> Event | None:
    try:
        return parse_event(delivery.event, delivery.body)
    except EventError as error:
        _log.warning("delivery.unreadable", delivery=delivery.digest, error=str(error))
        return None
