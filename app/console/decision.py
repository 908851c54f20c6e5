"""One decision: what was recorded, from which parts, and whether it comes out the same today."""

from __future__ import annotations

import msgspec

from app.blobs.errors import BlobError
from app.blobs.store import BlobStore
from app.console import verdicts
from app.console.access import Viewer
from app.console.names import Names
from app.console.release import visible
from app.console.verdicts import Card
from app.db.tx import Tx
from app.decisions import replaying
from app.decisions import store as decisions
from app.decisions.replaying import Replay
from app.decisions.snapshots import StoredSnapshot
from app.decisions.store import StoredDecision
from app.releases.store import StoredRelease
from gates.model import Verdict


class Part(msgspec.Struct, frozen=True):
    name: str
    digest: str


class DecisionPage(msgspec.Struct, frozen=True):
    """``same`` is None when it could not be replayed, ``problem`` then says why. ``replayed`` is what comes out
    today where that decides anything else, or says it in other words (``reworded``). ``release`` is None for a question
    that no release answers to."""

    decision: StoredDecision
    release: StoredRelease | None
    repository: str
    card: Card
    by: str
    same: bool | None
    reworded: bool
    problem: str
    replayed: Verdict | None
    parts: tuple[Part, ...]
    redeemed: bool


def page(tx: Tx, blobs: BlobStore, viewer: Viewer, identity: str) -> DecisionPage | None:
    """None when there is no such decision for this viewer."""
    decision = decisions.one(tx, viewer.tenant, identity)
    if decision is None:
        return None
    found = visible(tx, viewer, decision.release_id) if decision.release_id else None
    covered = viewer.sees(found[1] if found else "", (decision.environment,))
    if not covered or (decision.release_id and found is None):
        return None
    replay, problem, parts = _replayed(tx, blobs, decision)
    reworded = replay is not None and replay.wording == "changed"
    return DecisionPage(
        decision, found[0] if found else None, found[1] if found else "", verdicts.card(tx, blobs, decision),
        Names(tx, viewer.tenant).of(decision.asked_by), replay.same if replay else None, reworded, problem,
        replay.today if replay and reworded else None, parts, decisions.redeemed(tx, decision.id),
    )  # fmt: skip


def _replayed(tx: Tx, blobs: BlobStore, decision: StoredDecision) -> tuple[Replay | None, str, tuple[Part, ...]]:
    parts: tuple[Part, ...] = ()
    try:
        stored = msgspec.json.decode(blobs.get(tx, decision.snapshot), type=StoredSnapshot)
        parts = tuple(Part(name, digest) for name, digest in sorted(stored.parts.items()))
        return replaying.replay(tx, blobs, decision), "", parts
    except (BlobError, msgspec.MsgspecError, KeyError) as error:
        return None, str(error), parts
