"""The one place that wires the service together."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
from functools import partial

import structlog
from aiohttp import web

from app.audit.append import Appender
from app.audit.sequence import LogSequencer
from app.audit.views import LogViews
from app.backup.own_keys import log_keys
from app.backup.rollback import tell_rolled_back
from app.backup.seal import signing
from app.backup.service import Backups
from app.blobs.store import BlobStore
from app.changes.sync import ChangeSync
from app.clock import Clock, NewId, new_id, now
from app.consents.alarms import raise_differences
from app.console.access import LOOPBACK_NAMES
from app.console.views import ConsoleViews
from app.db.attempts import Attempts
from app.db.database import Database
from app.decisions.snapshots import SnapshotEncoder
from app.exports.maker import Maker
from app.exports.service import Exports
from app.exports.views import ExportViews
from app.facts.artifacts import Artifacts
from app.facts.content import RepositoryContent
from app.facts.gather import Gatherer
from app.gate.attest import Attester
from app.gate.deployments import Deployments
from app.gate.groups import MergeGroups
from app.gate.outcomes import Outcomes
from app.gate.protection import ProtectionRules
from app.gate.service import Gate
from app.gate.views import GateViews
from app.gauges import Gauges
from app.glass.breaking import Breaking
from app.glass.following import GlassFollowing
from app.glass.lapsing import Lapses
from app.glass.views import GlassViews
from app.http.application import build
from app.http.route import Route
from app.inbox.service import Inbox
from app.inbox.views import WebhookViews
from app.ingest.views import IngestViews
from app.keys.keeper import Keeper
from app.keys.ring import KeyRing, OwnKeys
from app.keys.service import open_database
from app.keys.signers import LogSigners
from app.keys.views import KeyViews
from app.metrics import Metrics
from app.notices.service import Notices
from app.opening import open_alerts, open_artifacts, open_github, open_tenant
from app.people.key_service import KeyRegistry
from app.people.key_views import PersonKeyViews
from app.people.views import PeopleViews
from app.policy.opening import open_simulations
from app.privacy import retention
from app.privacy.service import Privacy, open_sealer
from app.pulls.commit import Committer
from app.pulls.evaluate import PullEvaluator
from app.pulls.outward import Outward
from app.readiness import readiness
from app.rebuild.adopting import adopt
from app.rebuild.memory import Memory
from app.rebuild.presence import Presence
from app.rebuild.watch import Watch
from app.releases.views import ReleaseViews
from app.reminders.following import remind
from app.repositories.events import RepositoryEvents
from app.search.indexer import Indexer
from app.search.views import RecordViews
from app.settings.model import Settings
from app.signatures.checking import StatementChecker
from app.signatures.reading import Reader
from app.signatures.revoking import Revoking
from app.signatures.service import Statements
from app.signatures.views import StatementViews
from app.signatures.wishing import Wishing
from app.sinks.open import open_sinks
from app.sinks.service import Sinks
from app.standing.adopting import Adoptions
from app.standing.releasing import Releasing
from app.standing.versions import Versions
from app.standing.views import PolicyViews
from app.standing.watching import PolicyWatch
from app.sweeps.repair import Repair
from app.sweeps.schedule import Schedule
from app.tenants.registry import Tenants
from app.tokens.service import Tokens
from app.tokens.views import TokenViews
from app.verification import schedule as verifying
from app.verification.ladder import Ladder
from app.verification.views import VerificationViews
from app.work.runner import Handler, WorkRunner
from integrations.github.webhook import check_secrets
from manifests.keys import PublicKey
from manifests.note import VerifierKey
from manifests.record import Draft, facts

_log = structlog.get_logger()


class Service:
    """One running Countersign. ``address`` is set once it listens."""

    def __init__(
        self, settings: Settings, database: Database, keys: KeyRing, *, clock: Clock = now, make_id: NewId = new_id,
        concurrency: int = 64,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.database = database
        self.keys = keys
        self.metrics = Metrics()
        self._web: web.AppRunner | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._alerts = open_alerts(settings, clock)
        if self._alerts is not None:
            self.metrics.on_alarm = self._alerts.alarm
        self.address = ""
        self._clock = clock
        self._new_id = make_id
        self._secrets = [secret.get_secret_value().encode() for secret in settings.github.webhook_secrets]
        check_secrets(self._secrets)
        self.sealer = open_sealer(settings, clock, make_id)
        self._memory = Memory()
        self._presence = Presence(settings.database.url.get_secret_value())
        self._differs = partial(raise_differences, self.metrics)
        self.tenants = Tenants(
            open_tenant(one, settings, database, clock, make_id, self.sealer, self._memory, self.metrics)
            for one in settings.tenants
        )
        self.privacy = Privacy(settings, database, self.sealer, self.tenants, clock, make_id)
        self.github = open_github(settings, clock, self.metrics.neighbour_called)
        self.blobs = BlobStore(clock, settings.audit.large_blobs)
        self._artifacts = open_artifacts(settings)
        self._wire(concurrency)

    def _wire(self, concurrency: int) -> None:
        settings, database, clock, make_id = self.settings, self.database, self._clock, self._new_id
        content = RepositoryContent()
        limit = settings.artifacts.max_bytes
        versions = Versions(database, self._memory, self._differs)
        artifacts = Artifacts(database, content, self._artifacts, clock, limit)
        gatherer = Gatherer(content, artifacts, versions, clock)
        encoder = SnapshotEncoder()
        attester = Attester(self.keys.gate_key, settings.verifier_id)
        checker = StatementChecker(self.blobs)
        self.gate = Gate(
            database, self.github, gatherer, self.blobs, encoder, attester, checker, clock, make_id,
            settings.gate.decision_ttl_s, self.metrics, self._memory,
        )  # fmt: skip
        self.deployments = Deployments(database, clock, make_id, Breaking(self.blobs))
        following = (GlassFollowing(self._memory, checker), Releasing(self._memory, self.blobs), remind)
        pulls = PullEvaluator(
            database, self.tenants, self.github, gatherer,
            Committer(self.blobs, encoder, make_id, self._memory, following),
            Outward(database, self.github, clock, self.metrics), checker, self.keys.gate_key, clock, make_id,
            self.metrics, settings.server.public_url, self.gate.forget, self._memory,
        )  # fmt: skip
        self.adoptions = Adoptions(
            database, self._memory, self.github, gatherer, versions, self.blobs, clock, self._policy_counts
        )
        notices = Notices(database, self.tenants, self.github, clock, self.metrics)
        outcomes = Outcomes(self.deployments, clock, self.metrics)
        events = RepositoryEvents(database, self.tenants, self.github, gatherer, self.gate, outcomes, clock)
        handlers: dict[str, Handler] = {
            "pull": pulls,
            "repository": events,
            "installation": events,
            "policy": PolicyWatch(database, self.tenants, self.github, gatherer, clock, self.metrics),
            "change": ChangeSync(database, self.tenants, clock, make_id, self.sealer),
            "protection": ProtectionRules(database, self.tenants, self.github, self.gate, self.deployments, clock),
            "notice": notices,
            "group": MergeGroups(database, self.tenants, self.github, gatherer, clock),
        }
        # A ServiceNow that hangs must not hold every worker.
        self.runner = WorkRunner(database, handlers, clock, concurrency=concurrency, bounded="change")
        self.inbox = Inbox(database, self.runner.wake)
        self.repair = Repair(database, self.tenants, self.github, gatherer, clock)
        self._logs = (*(tenant.id for tenant in self.tenants), "system")
        self.sinks = Sinks(
            open_sinks(settings.audit, database, clock, retention.locked(settings)), database, self._verifiers, clock,
            self.metrics, self.blobs, make_id(),
        )  # fmt: skip
        self.exports = Maker(
            database, settings.exports.directory, settings.exports.keep_days, self._verifiers, clock, make_id
        )
        self.keeper = Keeper(database, self.keys, settings.keys, clock)
        jobs = {
            "repair": ("17 * * * *", self._repair), **self.sinks.jobs(), **self.privacy.jobs(), **self.keeper.jobs(),
        }  # fmt: skip
        self.backups = Backups(
            settings.backup, settings.database.url.get_secret_value(), database, lambda: log_keys(settings),
            signing(lambda: self.keys.log), clock, self.metrics,
        )  # fmt: skip
        jobs |= self.backups.jobs()
        jobs |= Lapses(database, self.tenants, clock, self.runner.wake).jobs()
        self.ladder = Ladder(
            database, settings.database.url.get_secret_value(), self._log_keys, clock, self.metrics,
            random.SystemRandom(), records=settings.audit.verify_sample, full_days=settings.audit.verify_full_days,
        )  # fmt: skip
        self._verifications = VerificationViews(self.ladder, database)
        jobs |= verifying.jobs(self.ladder, settings.audit.verify_hour)
        watch = Watch(database, settings.database.url.get_secret_value(), self._logs, clock, self.metrics)
        jobs |= watch.jobs(settings.audit.verify_hour)
        database.on_refused = Attempts(database, clock, self.metrics)
        database.on_unwritable = lambda why: self.metrics.alarm("log", f"Nothing can be recorded: {why}")
        self.appender = Appender(database, LogSequencer(LogSigners(self.keys)), self.metrics)
        self._schedule = Schedule(database, jobs, owner=make_id())
        self._indexer = Indexer(database)
        self._gauges = Gauges(database, self.metrics, self._logs, clock)
        self.tokens = Tokens(database, clock, memory=self._memory, on_difference=self._differs, sealer=self.sealer)
        self.person_keys = KeyRegistry(database, clock, servers=OwnKeys(self.keys), on_revoked=Revoking(self.blobs))
        reader = Reader(database, self.github, gatherer, self._memory)
        self.statements = Statements(
            database, reader, Wishing(database, self.github, reader), self.blobs, checker, clock, make_id,
            self.runner.wake,
        )  # fmt: skip
        self._simulations = open_simulations(
            database, self.github, gatherer, reader, checker, self._memory, self.tenants, clock
        )
        tenants = [tenant.id for tenant in self.tenants]
        self._open_tenant = tenants[0] if settings.console.open and len(tenants) == 1 else None
        self.console = ConsoleViews(
            database, self.blobs, self.tokens, clock, web_url=settings.github.web_url,
            public_url=settings.server.public_url,
            open_tenant=self._open_tenant,
        )  # fmt: skip

    def _policy_counts(self) -> None:
        """What was denied for its policy may be judged otherwise now."""
        self.gate.forget_all()
        self.runner.wake()

    def _log_keys(self) -> list[PublicKey]:
        return [key.public for key in self.keys.of("log").all()]

    def _verifiers(self, log: str) -> list[VerifierKey]:
        return self.keys.verifiers(log)

    async def _repair(self) -> None:
        await self.repair()
        self.runner.wake()

    def routes(self) -> list[Route]:
        return [
            *WebhookViews(
                self.inbox, self._secrets, self._clock, self.metrics, _number(self.settings.github.app_id)
            ).routes(),
            *GateViews(
                self.gate, self.deployments, self.database, self.blobs, self.tenants, self._clock, self.metrics
            ).routes(),
            *ReleaseViews(self.database).routes(),
            *GlassViews(self.database, self._clock).routes(),
            *RecordViews(self.database, self._clock).routes(),
            *StatementViews(self.statements, self.tenants, self._open_tenant).routes(),
            *PeopleViews(self.database, self.tenants).routes(),
            *PolicyViews(self.adoptions, self.tenants).routes(),
            *self._simulations.routes(),
            *PersonKeyViews(self.person_keys, self.database, self.tenants).routes(),
            *self.privacy.routes(),
            *TokenViews(self.tokens).routes(),
            *KeyViews(self.database, self.keys, self.keeper, self._logs).routes(),
            *IngestViews(self.appender, self.tenants, self._clock).routes(),
            *LogViews(self.database, self._verifiers).routes(),
            *self._verifications.routes(),
            *ExportViews(Exports(self.database, self.exports, self._clock, self._new_id), self._clock).routes(),
            *self.console.routes(),
        ]

    async def start(self, *, sweep: bool = True) -> None:
        """Listen, work, and catch up with what was missed while down."""
        app = build(
            self.routes(), metrics=self.metrics, authenticators=[self.tokens],
            checks=readiness(self.settings, self.database, self.tenants),
            public_url=self.settings.server.public_url, hosts=LOOPBACK_NAMES if self.settings.console.open else None,
            page=self.console.problem, sole_tenant=len(list(self.tenants)) <= 1,
        )  # fmt: skip
        self._web = web.AppRunner(app, access_log=None, shutdown_timeout=10)
        await self._web.setup()
        await self._presence.start()
        await self.sinks.start()
        await self.backups.record()
        await self.backups.watch()
        await tell_rolled_back(self.database)
        site = web.TCPSite(self._web, self.settings.server.host, self.settings.server.port, backlog=4096)
        await site.start()
        self.address = _address(self._web)
        await self._record("service.started")
        await self.runner.start()
        self._schedule.start()
        self.keeper.start()
        self._gauges.start()
        self._indexer.start()
        if self._alerts is not None:
            self._alerts.start()
        await self.exports.start()
        self._catching_up = asyncio.create_task(self._catch_up()) if sweep else None
        # What is alive now lives as long as the service: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        # Almost everything dies by reference count; looking for circles as often as by default costs pauses.
        gc.set_threshold(50_000, 20, 100)
        _log.info("service.ready", address=self.address)

    async def _catch_up(self) -> None:
        try:
            await self._repair()
        except Exception as error:
            _log.exception("sweep.failed", error=repr(error))

    async def stop(self) -> None:
        """Answer what was accepted, finish what is under way, lose nothing; also where the start failed half-way."""
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)
        self.backups.stop()
        await self._schedule.stop()
        await self._verifications.stop()
        await self.keeper.stop()
        await self._gauges.stop()
        await self._indexer.stop()
        await self.exports.stop()
        if self._web is not None:
            await self._web.cleanup()
        await self.appender.close()
        await self.runner.stop()
        with contextlib.suppress(Exception):
            await self._record("service.stopped")
        await self.sinks.stop()
        if self._alerts is not None:
            await self._alerts.stop()
        for tenant in self.tenants:
            if tenant.servicenow is not None:
                await tenant.servicenow.close()
            if tenant.identity is not None:
                await tenant.identity.close()
        await self._artifacts.close()
        await self.github.close()
        await self._presence.stop()
        await self.database.close()

    async def _record(self, event: str) -> None:
        draft = Draft(
            trace_id="service", ts=self._clock(), stage="system", event=event, component="service",  # type: ignore[arg-type]
            action=event.partition(".")[2], resource="service", actor_ref="service:countersign", outcome="ok",
            data=facts({"settings": self.settings.digest()}),
        )  # fmt: skip
        await self.database.write(lambda tx: tx.stage("system", draft))


def _number(app_id: str) -> int | None:
    """The App's number; None where it is set by its client id."""
    return int(app_id) if app_id.isdecimal() else None


def _address(runner: web.AppRunner) -> str:
    for site in runner.addresses:
        return f"http://{site[0]}:{site[1]}"
    raise RuntimeError("expected the web server to listen, found no address")


async def open_service(settings: Settings, *, clock: Clock = now, concurrency: int = 64) -> Service:
    """Migrated database, keys, everything wired; not yet listening."""
    database, keys = await open_database(settings, clock)
    try:
        await retention.settle(database, retention.of_settings(settings), clock)
        await adopt(database, [tenant.id for tenant in settings.tenants], clock)
        return Service(settings, database, keys, clock=clock, concurrency=concurrency)
    except BaseException:
        await database.close()
        raise
