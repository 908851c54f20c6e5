"""Keeps one change request in step with its release: opens it, reads its approvals, moves and closes it."""

from __future__ import annotations

from functools import partial

import msgspec
import structlog

from app.changes import store
from app.changes.reading import facts_of, remote_content
from app.changes.store import StoredChange
from app.changes.wanted import content_of, fields_of, shape_of
from app.clock import SECOND, Clock, NewId
from app.db.database import Database
from app.db.tx import Tx
from app.decisions import store as decisions
from app.decisions.store import StoredDeployment
from app.privacy import names
from app.privacy.sealer import Sealer
from app.releases import store as releases
from app.releases.store import StoredRelease
from app.tenants.registry import Tenant, Tenants
from app.work import store as work
from app.work.store import Lease
from gates.model import ChangeFacts
from integrations.errors import InDoubtError, NeighbourError, NotFoundError, RefusedError
from integrations.servicenow.port import Change, ServiceNow
from manifests import canonical
from manifests.record import Draft, facts
from manifests.vocabulary import Event, Stage

_log = structlog.get_logger()
_UNDECIDED = ("new", "assess", "authorize")
_OVER = ("closed", "canceled")
_REQUEST = {"standard": "scheduled", "normal": "assess", "emergency": "authorize"}
_CODES = {"success": "successful", "failure": "unsuccessful"}


class ChangeSync:
    """Handles work keys ``change/<release id>/<environment>``."""

    def __init__(
        self, database: Database, tenants: Tenants, clock: Clock, new_id: NewId, sealer: Sealer | None = None
    ) -> None:
        self._sealer = sealer
        self._database = database
        self._tenants = tenants
        self._clock = clock
        self._new_id = new_id
        self._us: dict[str, str] = {}

    async def __call__(self, lease: Lease) -> int | None:
        _, release_id, environment = lease.key.split("/")
        change = await self._database.read(lambda tx: store.one(tx, release_id, environment))
        tenant = self._tenants.get(change.tenant) if change else None
        if change is None or tenant is None:
            return None
        release = await self._database.read(lambda tx: releases.one(tx, tenant.id, release_id))
        if release is None or change.state == "canceled" or change.outcome:
            return None
        if tenant.servicenow is None:
            problem = "No ServiceNow is set for this tenant, so no change request can be opened."
            await self._save(
                lease, release, change, msgspec.structs.replace(change, facts=ChangeFacts(problem=problem))
            )
            return None
        step = _Step(self, lease, tenant, tenant.servicenow, release, change)
        with structlog.contextvars.bound_contextvars(tenant=tenant.id, release=release.id, trace=release.trace_id):
            try:
                over = await step.run()
            except NeighbourError as error:
                _log.warning("change.unreachable", error=str(error), environment=environment)
                await step.explain(error)
                raise
        return None if over else self._clock() + int(tenant.poll_s * SECOND)

    async def us(self, tenant: Tenant, servicenow: ServiceNow) -> str:
        """The user name that our own changes carry as their creator."""
        if tenant.id not in self._us:
            self._us[tenant.id] = (await servicenow.whoami()).user_name
        return self._us[tenant.id]

    async def _save(
        self, lease: Lease, release: StoredRelease, before: StoredChange, change: StoredChange, *drafts: Draft,
        planted_by: str = "",
    ) -> StoredChange:  # fmt: skip
        await self._database.write(
            partial(
                self._write, lease=lease, release=release, before=before, change=change, drafts=drafts,
                planted_by=planted_by,
            )
        )  # fmt: skip
        return change

    def _write(
        self, tx: Tx, lease: Lease, release: StoredRelease, before: StoredChange, change: StoredChange,
        drafts: tuple[Draft, ...], planted_by: str,
    ) -> None:  # fmt: skip
        work.hold(tx, lease)
        now = store.one(tx, change.release_id, change.environment)
        wanted = now.wanted if now else change.wanted
        store.save(tx, msgspec.structs.replace(change, wanted=wanted))
        about = f"change/{change.release_id}/{change.environment}"
        for draft in drafts:
            if self._sealer is not None:
                draft = self._sealer.draft(tx, change.tenant, about, draft, created_by=planted_by)
            tx.stage(change.tenant, draft)
        if _said(change) != _said(before):
            work.mark(tx, f"pull/{release.repository_id}/{release.number}", self._clock())


class _Step:
    """One look at one change request."""

    def __init__(
        self, sync: ChangeSync, lease: Lease, tenant: Tenant, servicenow: ServiceNow, release: StoredRelease,
        change: StoredChange,
    ) -> None:  # fmt: skip
        self._sync = sync
        self._lease = lease
        self._tenant = tenant
        self._servicenow = servicenow
        self._release = release
        self._change = change

    async def run(self) -> bool:
        """True when there is nothing more to do for it."""
        if self._release.state == "closed":
            return await self._cancel()
        if self._change.wanted is None:
            return False
        remote = await self._opened()
        if remote is None:
            return False
        remote = await self._in_step(remote)
        await self._read(remote)
        return await self._move(remote)

    async def explain(self, error: NeighbourError) -> None:
        """Say why there is no change request yet. One that is open stays as it was last seen, and grows stale."""
        if self._change.number:
            return
        refused = isinstance(error, RefusedError | NotFoundError)
        problem = f"ServiceNow refused it: {error}" if refused else "ServiceNow could not be reached"
        if self._change.facts.problem != problem:
            await self._save(msgspec.structs.replace(self._change, facts=ChangeFacts(problem=problem)))

    async def _opened(self) -> Change | None:
        """The change as it is now, opened if need be. None when it turned out not to be ours."""
        us = await self._sync.us(self._tenant, self._servicenow)
        change = self._change
        if change.sys_id:
            remote = await self._servicenow.change(change.sys_id)
            if remote.correlation_id != change.correlation_id or remote.created_by != us:
                await self._alarm(remote, f"{remote.number} no longer carries our correlation id")
                return None
            return remote
        found = await self._servicenow.find_changes(change.correlation_id)
        ours = [remote for remote in found if remote.created_by == us]
        for remote in found:
            if remote.created_by != us:
                await self._alarm(remote, f"{remote.number} by somebody else carries our correlation id")
                return None
        remote = min(ours, key=lambda one: one.number) if ours else await self._open()
        assert change.wanted is not None
        opened = msgspec.structs.replace(
            change, sys_id=remote.sys_id, number=remote.number, state=remote.state, content=content_of(change.wanted),
            seen_content=remote_content(remote), content_at=remote.updated_at,
        )  # fmt: skip
        data = {"correlation": change.correlation_id, "environment": change.environment, "number": remote.number}
        # Before it is written down: a process that dies here finds the change again and goes on with this.
        await self._attach(remote)
        await self._save(opened, self._draft("verify", "change.opened", data, remote.number))
        return remote

    async def _open(self) -> Change:
        assert self._change.wanted is not None
        wanted = msgspec.structs.replace(self._change.wanted, correlation_id=self._change.correlation_id)
        try:
            return await self._servicenow.open_change(wanted)
        except InDoubtError:
            found = await self._servicenow.find_changes(wanted.correlation_id)
            us = await self._sync.us(self._tenant, self._servicenow)
            ours = [remote for remote in found if remote.created_by == us]
            if not ours:
                raise
            return min(ours, key=lambda one: one.number)

    async def _alarm(self, remote: Change, what: str) -> None:
        """Never adopt what somebody else planted: take a new correlation id and say so."""
        _log.error("change.alarm", what=what, number=remote.number)
        problem = f"{what}; it is not ours and is not used. A new change request is being opened."
        fresh = msgspec.structs.replace(
            self._change, correlation_id=self._sync._new_id(), sys_id="", number="", state="wanted",
            facts=ChangeFacts(problem=problem),
        )  # fmt: skip
        draft = self._draft("verify", "change.alarmed", {"number": remote.number, "what": what}, "alarm")
        await self._save(fresh, draft, planted_by=remote.created_by)

    async def _in_step(self, remote: Change) -> Change:
        """Say in it what the release says now; approvals of an older content do not count."""
        assert self._change.wanted is not None
        wanted = content_of(self._change.wanted)
        if wanted != self._change.content:
            same_shape = shape_of(wanted) == shape_of(self._change.content)
            if not same_shape or remote.state not in _UNDECIDED or await self._decided(remote):
                return await self._renew(remote)
            remote = await self._servicenow.update_change(remote.sys_id, fields_of(self._change.wanted))
            updated = msgspec.structs.replace(
                self._change, content=wanted, seen_content=remote_content(remote), content_at=remote.updated_at
            )
            data = {"content": canonical.digest(self._change.wanted), "number": remote.number}
            await self._save(updated, self._draft("verify", "change.updated", data, remote.number))
            if await self._decided(remote):
                # Somebody decided while we wrote, so nobody can tell what they had read.
                return await self._renew(remote)
        elif remote_content(remote) != self._change.seen_content:
            seen = msgspec.structs.replace(
                self._change, seen_content=remote_content(remote), content_at=remote.updated_at
            )
            data = {"by": "somebody in ServiceNow", "number": remote.number}
            await self._save(seen, self._draft("verify", "change.updated", data, remote.number))
        return remote

    async def _decided(self, remote: Change) -> bool:
        """Whether anybody has approved or rejected already: ServiceNow would not ask them again."""
        rows = await self._servicenow.approvals(remote.sys_id)
        return any(row.state in ("approved", "rejected") for row in rows)

    async def _renew(self, remote: Change) -> Change:
        """Its approvals were asked for another content: end it and ask anew."""
        await self._servicenow.cancel_change(remote.sys_id, "The release changed after approvals had been asked for.")
        fresh = msgspec.structs.replace(
            self._change, correlation_id=self._sync._new_id(), sys_id="", number="", state="wanted", content="",
            facts=ChangeFacts(problem="The change request is being opened anew, because the release changed."),
        )  # fmt: skip
        data = {"number": remote.number, "reason": "the release changed"}
        await self._save(fresh, self._draft("verify", "change.canceled", data, remote.number))
        opened = await self._opened()
        if opened is None:
            raise RefusedError("expected our own new change request, found somebody else's")
        return opened

    async def _read(self, remote: Change) -> None:
        """Approvals as they are, asked for if that has not happened yet."""
        if remote.state == "new":
            target = _REQUEST.get(remote.type, "assess")
            remote = await self._servicenow.advance(remote.sys_id, target)  # type: ignore[arg-type]
        asked_at = self._sync._clock()
        rows = await self._servicenow.approvals(remote.sys_id)
        known = await self._tenant.people.linked([f"servicenow:{row.approver}" for row in rows])
        links = await self._tenant.people.linked_persons()
        said = facts_of(remote, rows, known, links, self._tenant.servicenow_url, self._change.content_at, asked_at)
        change = msgspec.structs.replace(self._change, state=remote.state, facts=said, seen_at=asked_at)
        drafts = []
        if _said(change) != _said(self._change):
            data = {
                "approvals": [{"by": row.approver, "id": row.id, "state": row.state} for row in said.approvals],
                "number": remote.number, "state": remote.state,
            }  # fmt: skip
            drafts.append(self._draft("approve", "change.updated", data, remote.state))
        await self._save(change, *drafts)

    async def _move(self, remote: Change) -> bool:
        """On to implementation when the deployment began, closed with its outcome when it ended."""
        change, release = self._change, self._release
        began, ended = await self._sync._database.read(
            lambda tx: (
                decisions.was_redeemed(tx, release.tenant, release.id, change.environment),
                decisions.last_deployment(tx, release.tenant, release.id, change.environment),
            )
        )
        if began and change.state == "scheduled":
            remote = await self._servicenow.advance(remote.sys_id, "implement")
            await self._save(
                msgspec.structs.replace(change, state=remote.state),
                self._draft("deploy", "change.updated", {"number": remote.number, "state": remote.state}, remote.state),
            )
        if ended is None or self._change.state not in ("implement", "review", "closed"):
            # Whoever closed it in ServiceNow: the deployment's report wakes us.
            return self._change.state in _OVER
        return await self._close(remote, ended)

    async def _close(self, remote: Change, ended: StoredDeployment) -> bool:
        change, release = self._change, self._release
        what = f"{release.name} {release.version} to {change.environment}"
        notes = f"Deployed {what}: {ended.outcome} (commit {ended.commit_sha})."
        code = _CODES.get(ended.outcome, "unsuccessful")
        try:
            closed = await self._servicenow.close_change(remote.sys_id, code, notes)  # type: ignore[arg-type]
        except RefusedError:
            if remote.state != "closed":
                raise
            # Somebody in ServiceNow was faster and says otherwise; that stays, and both stand in the log.
            closed, code = remote, "closed by somebody else"
        final = msgspec.structs.replace(
            self._change, state=closed.state, outcome=ended.outcome,
            facts=msgspec.structs.replace(self._change.facts, state=closed.state),
        )  # fmt: skip
        data = {"code": code, "deployment": ended.id, "number": closed.number}
        await self._save(final, self._draft("close", "change.closed", data, ended.outcome))
        return True

    async def _cancel(self) -> bool:
        change = self._change
        if change.sys_id:
            remote = await self._servicenow.change(change.sys_id)
            if remote.state not in _OVER:
                remote = await self._servicenow.cancel_change(
                    change.sys_id, f"Pull request #{self._release.number} was closed without being merged."
                )
        facts_now = msgspec.structs.replace(change.facts, state="canceled", problem="The change request was canceled.")
        await self._save(
            msgspec.structs.replace(change, state="canceled", facts=facts_now),
            self._draft("close", "change.canceled", {"number": change.number, "reason": "closed"}, "canceled"),
        )
        return True

    async def _attach(self, remote: Change) -> None:
        """The evidence beside the change, for approvers who cannot see the repository. Each once."""
        try:
            await self._explain(remote)
        except (NotFoundError, RefusedError) as error:
            _log.warning("change.not_explained", number=remote.number, error=str(error))

    async def _explain(self, remote: Change) -> None:
        name = f"countersign-{self._release.revision[:16]}.json"
        if name not in await self._servicenow.attachments(remote.sys_id):
            said = await self._sync._database.read(self._summaries)
            body = canonical.encode(
                {
                    "head": self._release.head_sha, "path": self._release.path, "release": self._release.id,
                    "revision": self._release.revision,
                    "verdicts": said,
                }
            )  # fmt: skip
            await self._servicenow.attach(remote.sys_id, name, body, "application/json")
        note = f"Countersign keeps this change in step with revision {self._release.revision[:16]}."
        if note not in await self._servicenow.work_notes(remote.sys_id):
            await self._servicenow.add_work_note(remote.sys_id, note)

    def _summaries(self, tx: Tx) -> dict[str, str]:
        tenant, verdicts = self._release.tenant, self._release.verdicts
        return {name: names.in_text(tx, tenant, last.summary) for name, last in verdicts.items()}

    async def _save(self, change: StoredChange, *drafts: Draft, planted_by: str = "") -> None:
        """``planted_by`` is the user name of whoever made a change that claims to be ours."""
        await self._sync._save(
            self._lease, self._release, self._change, change, *drafts, planted_by=planted_by
        )  # fmt: skip
        self._change = change

    def _draft(self, stage: Stage, event: Event, data: object, outcome: str) -> Draft:
        return Draft(
            trace_id=self._release.trace_id, ts=self._sync._clock(), stage=stage, event=event, component="changes",
            action=event.partition(".")[2], resource=f"change/{self._release.id}/{self._change.environment}",
            actor_ref="service:countersign", outcome=outcome, data=facts(data),
        )  # fmt: skip


def _said(change: StoredChange) -> ChangeFacts:
    """What a decision could see of it, apart from when it was read."""
    return msgspec.structs.replace(change.facts, seen_at=0)
