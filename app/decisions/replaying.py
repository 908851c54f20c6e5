"""A decision computed again from its stored snapshot, and held against what was recorded.

A later release may say the same in other words: what decides is compared apart from how it is worded.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from app.blobs.store import BlobStore
from app.db.tx import Tx
from app.decisions import snapshots
from app.decisions.store import StoredDecision
from gates.model import Result, Verdict
from manifests import canonical

Wording = Literal["same", "changed"]


class Replay(msgspec.Struct, frozen=True):
    """``stored`` is the recorded verdict, ``today`` what its snapshot gives now. ``same`` tells that both decide the
    same, ``wording`` whether they are equal byte for byte as well."""

    stored: Verdict
    today: Verdict
    same: bool
    wording: Wording


def replay(tx: Tx, blobs: BlobStore, decision: StoredDecision) -> Replay:
    """Raises BlobMissingError, BlobAlteredError, or msgspec.MsgspecError for a form this version cannot read."""
    body = blobs.get(tx, decision.verdict)
    return compared(body, snapshots.replay(tx, blobs, decision.snapshot))


def compared(stored: bytes, today: Verdict) -> Replay:
    """``stored`` are the bytes of the recorded verdict."""
    before = msgspec.json.decode(stored, type=Verdict)
    wording: Wording = "same" if canonical.encode(today) == stored else "changed"
    return Replay(before, today, deciding(before) == deciding(today), wording)


def deciding(verdict: Verdict) -> tuple[Any, ...]:
    """All of a verdict that is not wording: what was answered to what, by whom, and every result's status."""
    return (
        verdict.question, verdict.environment, verdict.outcome, verdict.revision, verdict.effective_rule,
        verdict.persons, tuple(map(_statuses, verdict.results)),
    )  # fmt: skip


def _statuses(result: Result) -> tuple[Any, ...]:
    return result.name, result.status, tuple(map(_statuses, result.children))
