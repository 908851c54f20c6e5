"""release_artifacts: which releases ever named an artifact, told by the artifact: exclusions follow it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import bindparam, text

from app.db.tx import Tx
from app.rebuild.model import Projection, told
from app.rebuild.saying import say


class ArtifactRow(msgspec.Struct, frozen=True):
    """``revision`` and ``name`` are those under which the release first named it; ``number`` is its pull request's."""

    release_id: str
    sha256: str
    revision: str
    name: str
    number: int = 0


_KEY = ("release_id", "sha256")
PROJECTION = Projection(
    table="release_artifacts", row=ArtifactRow, key=_KEY, prefixes=("artifact",), compared=_KEY,
    derive=told("release_artifacts", ArtifactRow, _KEY, "artifact.named"),
    adopt=lambda row: resource(row.sha256),
    select=text(
        "SELECT a.release_id, a.sha256, min(a.revision), min(a.name), max(coalesce(r.number, 0))"
        " FROM release_artifacts a LEFT JOIN releases r ON r.id = a.release_id WHERE coalesce(r.tenant, :log) = :log"
        " GROUP BY a.release_id, a.sha256"
    ),
    add=text(
        "INSERT INTO release_artifacts (release_id, revision, name, sha256)"
        " VALUES (:release_id, :revision, :name, :sha256) ON CONFLICT (release_id, revision, name)"
        " DO UPDATE SET sha256 = excluded.sha256"
    ),
    remove=text("DELETE FROM release_artifacts WHERE release_id = :release_id AND sha256 = :sha256"),
)  # fmt: skip
_WITH = text(
    "SELECT DISTINCT a.release_id, a.sha256, '' AS revision, '' AS name FROM release_artifacts a"
    " JOIN releases r ON r.id = a.release_id WHERE r.tenant = :log AND a.sha256 IN :digests"
).bindparams(bindparam("digests", expanding=True))
_OF_RELEASE = text("SELECT DISTINCT sha256 FROM release_artifacts WHERE release_id = :release_id")


def resource(sha256: str) -> str:
    return f"artifact/{sha256}"


def rows(tx: Tx, log: str, digests: Iterable[str]) -> tuple[ArtifactRow, ...]:
    wanted = sorted(set(digests))
    return tuple(ArtifactRow(*tuple(row)) for row in tx.all(_WITH, log=log, digests=wanted)) if wanted else ()


def named(tx: Tx, release_id: str) -> set[str]:
    """The artifacts that a release has named so far."""
    return {row.sha256 for row in tx.all(_OF_RELEASE, release_id=release_id)}


def say_artifacts(tx: Tx, log: str, rows: Sequence[ArtifactRow], ts: int) -> None:
    for row in rows:
        say(
            tx, log, "artifact.named", resource(row.sha256), [row], trace_id=row.release_id, ts=ts, component="pulls",
            stage="propose",
        )  # fmt: skip
