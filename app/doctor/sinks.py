"""The places outside the database that hold the log: is each as it must be, and how far has it come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.audit.reading import read_only
from app.blobs.copying import PROGRESS
from app.clock import SECOND
from app.db.connect import sqlite_path
from app.db.database import DatabaseUnavailableError
from app.db.tx import Tx
from app.doctor.model import Finding, Patient, ok, problem, unasked
from app.sinks import store
from app.sinks.model import Sink
from app.sinks.open import open_places
from app.sinks.store import Progress
from app.sinks.witness import name_of
from integrations.errors import NeighbourError
from manifests.cosignature import WitnessKey

NAME = "copies of the log"
_RUNBOOK = "Follow docs/runbooks/sinks.md."


async def sinks(patient: Patient) -> tuple[Finding, ...]:
    places = open_places(patient.settings.audit, patient.clock)
    witnesses = patient.settings.audit.witnesses
    if not places and not witnesses:
        remedy = "Set audit.worm, audit.kafka or audit.witnesses: without one a log that was taken back goes unnoticed."
        return (unasked(NAME, f"none is set up. {remedy}"),)
    progress = await asyncio.to_thread(_progress, patient)
    found = [await _place(sink) for sink in places]
    names = [sink.name for sink in places] + [name_of(WitnessKey.parse(one.key)) for one in witnesses]
    return (*found, *(_come(patient, name, progress) for name in names))


async def _place(sink: Sink) -> Finding:
    try:
        wrong = await sink.problems()
    except NeighbourError as error:
        return problem(f"{sink.name}: place", str(error), _RUNBOOK)
    finally:
        await sink.close()
    if wrong:
        return problem(f"{sink.name}: place", " ".join(wrong), _RUNBOOK)
    return ok(f"{sink.name}: place", "as it must be")


def _come(patient: Patient, name: str, progress: Sequence[Progress] | str) -> Finding:
    label = f"{name}: progress"
    if isinstance(progress, str):
        return unasked(label, progress)
    mine = [one for one in progress if one.sink == name]
    for one in mine:
        if one.problem:
            return problem(label, f"log {one.log}: {one.problem}", "Follow docs/runbooks/rolled-back.md.")
    for one in mine:
        if one.error or one.alarmed_at:
            return problem(label, f"log {one.log}: {one.error or 'more than 15 minutes behind'}", _RUNBOOK)
    if not mine:
        return unasked(label, "nothing has been delivered yet; start the service")
    newest = max(max(one.at, one.anchored_at) for one in mine)
    logs = sum(one.log != PROGRESS for one in mine)
    return ok(
        label,
        f"{logs} {'log' if logs == 1 else 'logs'}, last delivery {max(0, patient.clock() - newest) // SECOND} s ago",
    )


def _progress(patient: Patient) -> Sequence[Progress] | str:
    url = patient.settings.database.url.get_secret_value()
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return "the database does not exist yet"
    try:
        return read_only(url, _read)
    except DatabaseUnavailableError:
        return "the database cannot be read"


def _read(tx: Tx) -> Sequence[Progress]:
    return store.all_progress(tx)
