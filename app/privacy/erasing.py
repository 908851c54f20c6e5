"""Erasure: one person asks, another confirms, the key is destroyed, and the log says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from app.audit import heads
from app.clock import Clock, NewId
from app.db.database import Database
from app.db.tx import Tx
from app.privacy import keys, store
from app.privacy.errors import PrivacyError
from app.privacy.holds import Distinct, one_subject
from app.privacy.model import ErasedData, Erasure, ErasureData, Obstacle, Step, Subject
from app.privacy.obstacles import obstacles
from app.privacy.sealer import Sealer
from app.privacy.words import expect_reason
from manifests.record import Draft, facts
from manifests.vocabulary import Event

_LIST = "See `countersign people erasures`."
_log = structlog.get_logger()


class Erasures:
    """``days`` says how long a tenant keeps its records; ``before`` seals what is not sealed yet, ``after`` removes
    what the database keeps of overwritten pages; ``forget`` is told that a tenant's registry changed."""

    def __init__(
        self, database: Database, sealer: Sealer, clock: Clock, make_id: NewId, distinct: Distinct,
        days: Callable[[str], int], *, before: Callable[[], Awaitable[object]] | None = None,
        after: Callable[[], Awaitable[None]] | None = None, forget: Callable[[str], None] = lambda tenant: None,
    ) -> None:  # fmt: skip
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._new_id = make_id
        self._distinct = distinct
        self._days = days
        self._before = before
        self._after = after
        self._forget = forget

    async def request(self, tenant: str, named: str, reason: str, by: str) -> Erasure:
        """``named`` as `app.privacy.store.find` takes it. Raises PrivacyError, with every obstacle there is now; the
        refusal is a record too."""
        reason, identity, now = expect_reason(reason), self._new_id(), self._clock()

        def unit(tx: Tx) -> Erasure | PrivacyError:
            heads.hold(tx, tenant)
            subject = store.subject(tx, tenant, one_subject(tx, tenant, named))
            if any(e.subject == subject.id and e.state == "requested" for e in self._shown(tx, tenant)):
                raise PrivacyError(
                    "erasure.requested", "one request for a person at a time", "one that waits for its confirmation",
                    "Let somebody else confirm that one.",
                )  # fmt: skip
            against = obstacles(tx, tenant, subject, now, self._days(tenant))
            step = Step(identity, "declined" if against else "requested", tenant, subject.id, reason, by, now)
            self._step(tx, step, against)
            return _refused(against) if against else self._one(tx, tenant, identity)

        return _raised(await self._database.write(unit))

    async def confirm(self, tenant: str, erasure_id: str, by: str) -> Erasure:
        """Erase. Raises PrivacyError: unknown, settled, by whoever asked for it, or something stands against it."""
        if self._before is not None:
            await self._before()
        now = self._clock()

        def unit(tx: Tx) -> Erasure | PrivacyError:
            heads.hold(tx, tenant)
            asked = self._waiting(tx, tenant, erasure_id)
            if not store.borne_out(tx, asked, f"erasure/{erasure_id}", "subject.erasure_requested"):
                raise PrivacyError(
                    "erasure.not_recorded", "a record of who asked for it", f"none of {asked.by}",
                    "Run `countersign audit verify`: somebody wrote into the table erasures.",
                )  # fmt: skip
            if same := self._distinct(tx, tenant, asked.by, by):
                raise PrivacyError(
                    "erasure.second_person", "a second person: who asked for it cannot confirm it", same,
                    "Let somebody else confirm it with a token of their own.",
                )  # fmt: skip
            subject = store.whole(tx, tenant, asked.subject)
            against = (*_other(asked, subject), *obstacles(tx, tenant, subject, now, self._days(tenant)))
            if against:
                self._step(tx, msgspec.structs.replace(asked, state="declined", by=by, at=now), against)
                return _refused(against)
            self._erase(tx, tenant, subject, erasure_id, by, now)
            return self._one(tx, tenant, erasure_id)

        done = _raised(await self._database.write(unit))
        self._forget(tenant)
        if self._after is not None:
            await self._after()
        return done

    async def decline(self, tenant: str, erasure_id: str, by: str) -> Erasure:
        """Settle a request without erasing anything. Raises PrivacyError."""
        now = self._clock()

        def unit(tx: Tx) -> Erasure:
            asked = self._waiting(tx, tenant, erasure_id)
            self._step(tx, msgspec.structs.replace(asked, state="declined", by=by, at=now), ())
            return self._one(tx, tenant, erasure_id)

        return await self._database.write(unit)

    async def all(self, tenant: str) -> tuple[Erasure, ...]:
        return await self._database.read(lambda tx: self._shown(tx, tenant))

    def _waiting(self, tx: Tx, tenant: str, erasure_id: str) -> Step:
        steps = [step for step in store.erasures(tx, tenant) if step.id == erasure_id]
        if not steps:
            raise PrivacyError("erasure.unknown", "the id of an erasure", erasure_id[:64], _LIST, status=404)
        settled = [step.state for step in steps if step.state != "requested"]
        if settled:
            raise PrivacyError("erasure.settled", "a request that waits", f"one that is {settled[0]}", _LIST)
        reason = self._sealer.opened(tx, tenant, _place(steps[0]), steps[0].reason)
        return msgspec.structs.replace(steps[0], reason=reason or "")

    def _step(self, tx: Tx, step: Step, against: Sequence[Obstacle]) -> None:
        sealed = self._sealer.text(tx, step.tenant, step.subject, _place(step), step.reason)
        _expect_added(store.add_erasure(tx, msgspec.structs.replace(step, reason=sealed)))
        event: Event = "subject.erasure_requested" if step.state == "requested" else "subject.erasure_declined"
        data = ErasureData(step.id, step.subject, tuple(one.code for one in against))
        draft = _draft(event, step.id, step.subject, step.by, step.at, data)
        tx.stage(step.tenant, self._sealer.draft(tx, step.tenant, step.subject, draft, reason=step.reason))

    def _erase(self, tx: Tx, tenant: str, subject: Subject, erasure_id: str, by: str, now: int) -> None:
        key_ids = tuple(key_id for name in subject.names for key_id in keys.ids_of(tx, tenant, name))
        keys.destroy(tx, tenant, key_ids, now)
        store.forget(tx, tenant, subject.accounts)
        _expect_added(store.add_erasure(tx, Step(erasure_id, "erased", tenant, subject.id, "", by, now)))
        data = ErasedData(erasure_id, key_ids, subject.id)
        tx.stage(tenant, _draft("subject.erased", erasure_id, subject.id, by, now, data))
        _log.info("subject.erased", tenant=tenant, subject=subject.id, keys=len(key_ids))

    def _one(self, tx: Tx, tenant: str, erasure_id: str) -> Erasure:
        return next(erasure for erasure in self._shown(tx, tenant) if erasure.id == erasure_id)

    def _shown(self, tx: Tx, tenant: str) -> tuple[Erasure, ...]:
        found: dict[str, Erasure] = {}
        for step in store.erasures(tx, tenant):
            before = found.get(step.id)
            if before is None:
                reason = self._sealer.opened(tx, tenant, _place(step), step.reason) if step.reason else None
                before = found[step.id] = Erasure(step.id, "requested", step.subject, reason, step.by, step.at)
            if step.state != "requested":
                found[step.id] = msgspec.structs.replace(
                    before, state=step.state, settled_by=step.by, settled_at=step.at
                )  # fmt: skip
        return tuple(found.values())


def _draft(event: Event, erasure_id: str, subject: str, by: str, at: int, data: object) -> Draft:
    action = event.partition(".")[2]
    return Draft(
        trace_id=f"person-{subject}", ts=at, stage="system", event=event, component="privacy", action=action,
        resource=f"erasure/{erasure_id}", actor_ref=by, outcome=action.removeprefix("erasure_"), data=facts(data),
    )  # fmt: skip


def _other(asked: Step, subject: Subject) -> tuple[Obstacle, ...]:
    """An account that has become a person's since is not erased apart from them."""
    if subject.id == asked.subject:
        return ()
    why = f"{asked.subject} belongs to the person {subject.id} by now"
    return (Obstacle("person", why, "Ask to erase that person."),)


def _place(step: Step) -> str:
    return f"erasure/{step.id}/{step.state}"


def _refused(against: Sequence[Obstacle]) -> PrivacyError:
    return PrivacyError(
        "erasure.refused", "somebody whom nothing keeps", "; ".join(one.why for one in against),
        " ".join(dict.fromkeys(one.remedy for one in against)),
    )  # fmt: skip


def _raised(found: Erasure | PrivacyError) -> Erasure:
    """A refusal is on record, so its unit must not be undone: it is raised here."""
    if isinstance(found, PrivacyError):
        raise found
    return found


def _expect_added(added: bool) -> None:
    if not added:
        raise PrivacyError("erasure.settled", "nobody else to settle it at the same moment", "another step", _LIST)
