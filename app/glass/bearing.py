"""The broken glasses of a repository as the log bears them out: which wait to be reviewed, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import bindparam, text

from app.audit.errors import RecordAlteredError
from app.consents import bearing as consents
from app.consents import store as grants_store
from app.consents.bearing import Check
from app.db.tx import Tx
from app.rebuild import glasses, grants
from app.rebuild.compare import compare
from app.rebuild.glasses import GlassRow, ReviewRow
from app.rebuild.memory import Memory
from app.rebuild.model import Derived, Key
from gates.model import Consent, Retrospective

_NAMES = text("SELECT id, path, number FROM releases WHERE tenant = :log AND id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)


class Glasses(msgspec.Struct, frozen=True):
    """``owed`` wait for their review. ``differences`` say which rows are not what the log says: these deny."""

    owed: tuple[GlassRow, ...] = ()
    differences: tuple[str, ...] = ()


def glasses_of(tx: Tx, memory: Memory, log: str, repository_id: int, check: Check) -> Glasses:
    """``check`` holds reviews to the signatures of those who gave them."""
    try:
        return _glasses(tx, memory, log, repository_id, check)
    except RecordAlteredError as error:
        return Glasses(differences=(f"record {error.seq} of log {error.log} was altered: {error.what}",))


def breakers(tx: Tx, memory: Memory, log: str, glass: GlassRow) -> frozenset[str]:
    """The persons who broke it, as the log tells them. Raises RecordAlteredError."""
    told = memory.under(tx, log, grants.PROJECTION, f"grant/{glass.release_id}")
    return frozenset(said.row.person for one in glass.grants if (said := told.get((one,))) is not None)


def retrospectives(tx: Tx, log: str, release_id: str, found: Sequence[GlassRow]) -> tuple[Retrospective, ...]:
    """What the gates ask about ``found``, for the decision about a release."""
    if not found:
        return ()
    rows = tx.all(_NAMES, log=log, ids=sorted({one.release_id for one in found}))
    named = {row.id: f"{row.path} of #{row.number}" for row in rows}
    return tuple(
        Retrospective(
            one.grants, named.get(one.release_id, one.release_id), one.environment, one.due_at,
            own=one.release_id == release_id,
        )
        for one in found
    )  # fmt: skip


def _glasses(tx: Tx, memory: Memory, log: str, repository_id: int, check: Check) -> Glasses:
    prefix = f"glass/{repository_id}"
    broken = memory.under(tx, log, glasses.PROJECTION, prefix)
    stored = glasses.rows(tx, log, repository_id)
    if not broken and not stored:
        return Glasses()
    reviewed = memory.under(tx, log, glasses.REVIEWS, prefix)
    ids = {row.id for row in stored} | {row.row.id for row in broken.values()}
    differences = [
        *compare(glasses.PROJECTION, broken, stored),
        *compare(glasses.REVIEWS, reviewed, glasses.reviews(tx, log, ids)),
    ]
    settled, doubts = _settled(tx, memory, log, broken, reviewed, check)
    owed = tuple(said.row for said in broken.values() if said.row.id not in settled)
    return Glasses(owed, (*map(str, differences), *doubts))


def _settled(
    tx: Tx, memory: Memory, log: str, broken: Mapping[Key, Derived[GlassRow]],
    reviewed: Mapping[Key, Derived[ReviewRow]], check: Check,
) -> tuple[frozenset[str], tuple[str, ...]]:  # fmt: skip
    """The glasses whose review counts still, and why other reviews cannot be relied on."""
    settled: set[str] = set()
    differences: list[str] = []
    wanted = {said.row.grant_id for said in reviewed.values()}
    found = {grant.id: grant for grant in grants_store.by_ids(tx, log, wanted)}
    for said in reviewed.values():
        glass = broken.get((said.row.glass_id,))
        grant = found.get(said.row.grant_id)
        consent = consents.gone(said.row.grant_id) if grant is None else consents.borne_out(tx, log, grant, check)
        if consent.difference:
            differences.append(consent.difference)
        elif glass is not None and _counts(tx, memory, log, glass.row, consent):
            settled.add(glass.row.id)
    return frozenset(settled), tuple(differences)


def _counts(tx: Tx, memory: Memory, log: str, glass: GlassRow, review: Consent) -> bool:
    """Whoever broke it cannot have looked back on it."""
    if review.void or review.glass != glass.id or glass.review_by not in review.groups:
        return False
    return review.person not in breakers(tx, memory, log, glass)
