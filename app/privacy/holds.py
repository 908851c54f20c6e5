"""Legal holds: placed by one person, lifted by two. What is held is not erased and not removed."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from app.audit import heads
from app.audit import store as audit
from app.clock import Clock, NewId
from app.db.database import Database
from app.db.tx import Tx
from app.privacy import store
from app.privacy.errors import PrivacyError
from app.privacy.model import ABOUT_ALL, EVERYTHING, Hold, HoldData, Step, Subject
from app.privacy.sealer import Sealer
from app.privacy.words import expect_reason
from manifests.record import Draft, facts
from manifests.vocabulary import Event

Distinct = Callable[[Tx, str, str, str], str]
"""Told the tenant and two actors: why they may be one person, or nothing."""


class Holds:
    """``distinct`` says whether two callers are two persons."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock, make_id: NewId, distinct: Distinct) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._new_id = make_id
        self._distinct = distinct

    async def place(self, tenant: str, named: str, reason: str, by: str) -> Hold:
        """``named`` as `app.privacy.store.find` takes it, or ``*`` for everything. Raises PrivacyError."""
        reason, identity, now = expect_reason(reason), self._new_id(), self._clock()

        def unit(tx: Tx) -> Hold:
            heads.hold(tx, tenant)
            subject = EVERYTHING if named == EVERYTHING else one_subject(tx, tenant, named)
            return self._step(tx, tenant, Step(identity, "placed", tenant, subject, reason, by, now), "hold.placed")

        return await self._database.write(unit)

    async def lift(self, tenant: str, hold_id: str, reason: str, by: str) -> Hold:
        """The first call asks, the second, by somebody else, lifts. Raises PrivacyError."""
        reason, now = expect_reason(reason), self._clock()

        def unit(tx: Tx) -> Hold:
            heads.hold(tx, tenant)
            steps = [step for step in store.holds(tx, tenant) if step.id == hold_id]
            if not steps:
                raise PrivacyError("hold.unknown", "the id of a legal hold", hold_id[:64], _LIST, status=404)
            states = {step.state: step for step in steps}
            if "lifted" in states:
                raise PrivacyError("hold.settled", "a hold that stands", f"{hold_id}, lifted already", _LIST)
            subject = steps[0].subject
            if "lift_requested" not in states:
                step = Step(hold_id, "lift_requested", tenant, subject, reason, by, now)
                return self._step(tx, tenant, step, "hold.lift_requested")
            asked = states["lift_requested"]
            if not store.borne_out(tx, asked, f"hold/{hold_id}", "hold.lift_requested"):
                raise PrivacyError(
                    "hold.not_recorded", "a record of who asked to lift it", f"none of {asked.by}",
                    "Run `countersign audit verify`: somebody wrote into the table legal_holds.",
                )  # fmt: skip
            if same := self._distinct(tx, tenant, asked.by, by):
                raise PrivacyError(
                    "hold.second_person", "a second person: who asked for it cannot lift it alone", same,
                    "Let somebody else lift it with a token of their own.",
                )  # fmt: skip
            return self._step(tx, tenant, Step(hold_id, "lifted", tenant, subject, reason, by, now), "hold.lifted")

        return await self._database.write(unit)

    async def all(self, tenant: str) -> tuple[Hold, ...]:
        return await self._database.read(lambda tx: self._shown(tx, tenant))

    def _step(self, tx: Tx, tenant: str, step: Step, event: Event) -> Hold:
        place = _place(step)
        sealed = self._sealer.text(tx, tenant, _about(step.subject), place, step.reason)
        if not store.add_hold(tx, msgspec.structs.replace(step, reason=sealed)):
            raise PrivacyError("hold.settled", "nobody else to change it at the same moment", "another step", _LIST)
        draft = Draft(
            trace_id=f"hold-{step.id}", ts=step.at, stage="system", event=event, component="privacy",
            action=event.partition(".")[2], resource=f"hold/{step.id}", actor_ref=step.by, outcome=step.state,
            data=facts(HoldData(step.id, step.subject)),
        )  # fmt: skip
        tx.stage(tenant, self._sealer.draft(tx, tenant, _about(step.subject), draft, reason=step.reason))
        return next(hold for hold in self._shown(tx, tenant) if hold.id == step.id)

    def _shown(self, tx: Tx, tenant: str) -> tuple[Hold, ...]:
        found: dict[str, Hold] = {}
        for step in store.holds(tx, tenant):
            if step.state == "placed":
                reason = self._sealer.opened(tx, tenant, _place(step), step.reason)
                found[step.id] = Hold(step.id, "placed", step.subject, reason, step.by, step.at)
        for step in store.holds(tx, tenant):
            hold = found.get(step.id)
            if hold is not None and step.state == "lift_requested":
                state = "lifted" if hold.state == "lifted" else "lift_requested"
                found[step.id] = msgspec.structs.replace(hold, state=state, lift_requested_by=step.by)
            elif hold is not None and step.state == "lifted":
                found[step.id] = msgspec.structs.replace(hold, state="lifted", lifted_by=step.by)
        return tuple(found.values())


_LIST = "See `countersign holds list`."


def standing(tx: Tx, tenant: str) -> dict[str, str]:
    """By id, the subjects of the holds that stand: placed as soon as the table or the log says so, lifted once the log
    does. Raises RecordAlteredError."""
    found = {step.id: step.subject for step in store.holds(tx, tenant) if step.state == "placed"}
    told = [one for one in audit.records_under(tx, tenant, "hold") if one.component == "privacy"]
    for one in told:
        data = msgspec.json.decode(one.data, type=HoldData)
        if one.event == "hold.lifted":
            found.pop(data.hold, None)
        else:
            found[data.hold] = data.subject
    return found


def over(tx: Tx, tenant: str, subject: Subject) -> tuple[str, ...]:
    """The ids of the holds that stand over a subject, by whatever name."""
    names = (*subject.names, EVERYTHING)
    return tuple(hold for hold, held in standing(tx, tenant).items() if held in names)


def held(tx: Tx, tenant: str) -> frozenset[str]:
    """Every subject with a hold, ``*`` among them if everything is held."""
    return frozenset(standing(tx, tenant).values())


def one_subject(tx: Tx, tenant: str, named: str) -> str:
    """Raises PrivacyError unless exactly one subject is meant."""
    found = store.find(tx, tenant, named)
    if len(found) != 1:
        raise PrivacyError(
            "privacy.subject_unclear", "an account, login or person known here", f"{len(found)} of {named[:64]!r}",
            "Give github:<id>, servicenow:<sys_id> or the person's id.", status=404 if not found else 409,
        )  # fmt: skip
    return found[0].id


def _about(subject: str) -> str:
    return ABOUT_ALL if subject == EVERYTHING else subject


def _place(step: Step) -> str:
    return f"hold/{step.id}/{step.state}"
