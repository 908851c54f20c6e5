"""Whether the log bears out a decision's row. What it does not bear out can be used for nothing."""

from __future__ import annotations

import msgspec

from app.audit import store as audit
from app.audit.errors import RecordAlteredError
from app.clock import SECOND
from app.db.tx import Tx
from app.decisions.store import StoredDecision

MAX_LIFE_S = 900
"""An allow is redeemed within 15 minutes, whatever its row says."""


class DecisionData(msgspec.Struct, frozen=True):
    """What the data of a ``decision.recorded`` record binds."""

    commit: str
    environment: str
    question: str
    snapshot: str
    verdict: str


class BrokenBy(msgspec.Struct, frozen=True):
    """The consents by which an allow breaks the glass, the group that has to review that, and within how many
    seconds of its use."""

    grants: tuple[str, ...]
    review_by: str
    review_within: int


class _WithGlass(msgspec.Struct, frozen=True):
    glass: BrokenBy | None = None


def broken_by(tx: Tx, decision: StoredDecision) -> BrokenBy | None:
    """How an allow breaks the glass, as its record says; None where it does not. Raises RecordAlteredError, and
    msgspec.MsgspecError where the record has another form."""
    records = audit.records_of(tx, decision.tenant, f"decision/{decision.id}")
    made = next((record for record in records if record.event == "decision.recorded"), None)
    return None if made is None else msgspec.json.decode(made.data, type=_WithGlass).glass


def redeemed(tx: Tx, decision: StoredDecision) -> bool:
    """Whether the log says that an allow was used, whatever the table says. Raises RecordAlteredError."""
    records = audit.records_of(tx, decision.tenant, f"decision/{decision.id}")
    return any(record.event == "decision.redeemed" for record in records)


def difference(tx: Tx, decision: StoredDecision) -> str:
    """How the row differs from its record; empty when it does not."""
    try:
        records = audit.records_of(tx, decision.tenant, f"decision/{decision.id}")
    except RecordAlteredError as error:
        return f"its record was altered: {error.what}"
    made = next((record for record in records if record.event == "decision.recorded"), None)
    if made is None:
        return "the log has no such decision"
    try:
        said = msgspec.json.decode(made.data, type=DecisionData)
    except msgspec.MsgspecError as error:
        return f"its record cannot be read: {error}"
    row = DecisionData(
        decision.commit_sha, decision.environment, decision.question, decision.snapshot, decision.verdict
    )
    if said != row or (made.outcome, made.ts) != (decision.outcome, decision.at):
        return "its row is not what its record says"
    if decision.expires_at > decision.at + MAX_LIFE_S * SECOND:
        return "its row lives longer than any decision does"
    return ""
