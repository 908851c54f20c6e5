"""decisions, and their redemptions: what was answered, and which answers have been used."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import text

from app.rebuild.model import Derived, Key, Projection, decoded
from manifests.record import Record

_Unset = msgspec.UnsetType
EVENTS = ("verdict.recorded", "decision.recorded")


class DecisionRow(msgspec.Struct, frozen=True):
    id: str
    question: str
    environment: str
    outcome: str
    snapshot: str
    verdict: str
    commit_sha: str
    asked_by: str
    at: int | _Unset = msgspec.UNSET
    expires_at: int | _Unset = msgspec.UNSET
    release_id: str | _Unset = msgspec.UNSET


class DecisionData(msgspec.Struct, frozen=True):
    """What the records of decisions say; those of versions before this one without the last three."""

    environment: str
    question: str
    snapshot: str
    verdict: str
    commit: str = ""
    head: str = ""
    at: int | _Unset = msgspec.UNSET
    expires_at: int | _Unset = msgspec.UNSET
    release: str | _Unset = msgspec.UNSET


class RedemptionRow(msgspec.Struct, frozen=True):
    decision_id: str
    at: int
    by: str


def derive(records: Iterable[Record]) -> dict[Key, Derived[DecisionRow]]:
    found: dict[Key, Derived[DecisionRow]] = {}
    for record in records:
        name = _decision(record)
        if record.event in EVENTS and name and (name,) not in found:
            data = decoded(DecisionData, record)
            row = DecisionRow(
                name, data.question, data.environment, record.outcome, data.snapshot, data.verdict,
                data.commit or data.head, record.actor_ref, data.at, data.expires_at, data.release,
            )  # fmt: skip
            found[(name,)] = Derived(row, record.seq)
    return found


def redemptions(records: Iterable[Record]) -> dict[Key, Derived[RedemptionRow]]:
    found: dict[Key, Derived[RedemptionRow]] = {}
    for record in records:
        if record.event == "decision.redeemed":
            row = RedemptionRow(_decision(record), record.ts, record.actor_ref)
            found.setdefault((row.decision_id,), Derived(row, record.seq))
    return found


def _decision(record: Record) -> str:
    kind, _, name = record.resource.partition("/")
    return name if kind == "decision" else ""


_COLUMNS = ", ".join(DecisionRow.__struct_fields__)
PROJECTION = Projection(
    table="decisions", row=DecisionRow, key=("id",), prefixes=("decision",), derive=derive,
    select=text(f"SELECT {_COLUMNS} FROM decisions WHERE tenant = :log"),
    add=text(
        f"INSERT INTO decisions (tenant, {_COLUMNS}) VALUES (:log, :id, :question, :environment, :outcome, :snapshot,"
        " :verdict, :commit_sha, :asked_by, :at, :expires_at, :release_id)"
    ),
)  # fmt: skip
REDEMPTIONS = Projection(
    table="redemptions", row=RedemptionRow, key=("decision_id",), prefixes=("decision",), derive=redemptions,
    compared=("by",),
    select=text(
        "SELECT r.decision_id, r.at, r.by FROM redemptions r LEFT JOIN decisions d ON d.id = r.decision_id"
        " WHERE coalesce(d.tenant, :log) = :log"
    ),
    add=text("INSERT INTO redemptions (decision_id, at, by) VALUES (:decision_id, :at, :by)"),
)  # fmt: skip
