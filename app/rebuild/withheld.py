"""grant_artifacts: the rejections and holds that stand in the way of an artifact, in whatever pull request."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import bindparam, text

from app.db.tx import Tx
from app.rebuild.artifacts import resource
from app.rebuild.model import Projection, told
from app.rebuild.saying import say


class WithheldRow(msgspec.Struct, frozen=True):
    sha256: str
    grant_id: str
    release_id: str = ""


_KEY = ("sha256", "grant_id")
PROJECTION = Projection(
    table="grant_artifacts", row=WithheldRow, key=_KEY, prefixes=("artifact",), compared=_KEY,
    derive=told("grant_artifacts", WithheldRow, _KEY, "artifact.withheld"),
    adopt=lambda row: resource(row.sha256),
    # Versions before this one wrote rows for approvals too, which nobody reads.
    select=text(
        "SELECT a.sha256, a.grant_id, coalesce(g.release_id, '') FROM grant_artifacts a"
        " LEFT JOIN grants g ON g.id = a.grant_id"
        " WHERE coalesce(g.tenant, :log) = :log AND coalesce(g.decision, '') <> 'approve'"
    ),
    add=text("INSERT INTO grant_artifacts (sha256, grant_id) VALUES (:sha256, :grant_id)"),
)  # fmt: skip
_OF = text(
    "SELECT a.sha256, a.grant_id, g.release_id FROM grant_artifacts a JOIN grants g ON g.id = a.grant_id"
    " WHERE g.tenant = :log AND g.decision IN ('reject', 'hold') AND a.sha256 IN :digests"
).bindparams(bindparam("digests", expanding=True))


def rows(tx: Tx, log: str, digests: Iterable[str]) -> tuple[WithheldRow, ...]:
    wanted = sorted(set(digests))
    return tuple(WithheldRow(*tuple(row)) for row in tx.all(_OF, log=log, digests=wanted)) if wanted else ()


def say_withheld(
    tx: Tx, log: str, release_id: str, grant_id: str, digests: Iterable[str], *, trace_id: str, person: str, ts: int
) -> None:
    for sha256 in sorted(set(digests)):
        say(
            tx, log, "artifact.withheld", resource(sha256), [WithheldRow(sha256, grant_id, release_id)],
            trace_id=trace_id, ts=ts, component="pulls", stage="approve", actor_ref=person,
        )  # fmt: skip
