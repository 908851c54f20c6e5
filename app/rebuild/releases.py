"""releases: what was proposed, when, into which branch, and whether it is open, merged or closed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.rebuild.model import Projection, told
from app.rebuild.saying import say
from manifests.vocabulary import Event


class ReleaseRow(msgspec.Struct, frozen=True):
    """``base_ref`` is the branch it was proposed into at ``proposed_at``."""

    id: str
    repository_id: int
    number: int
    path: str
    requester: str
    proposed_at: int
    state: str
    revision: str
    name: str
    kind: str
    base_ref: str = ""


class MergedRow(msgspec.Struct, frozen=True):
    """A release that was merged, and so supersedes older ones of its name."""

    id: str
    number: int
    proposed_at: int


COMPARED = tuple(name for name in ReleaseRow.__struct_fields__ if name != "base_ref")
EVENTS: tuple[Event, ...] = ("release.proposed", "release.revised", "release.closed", "release.merged")
PROJECTION = Projection(
    table="releases", row=ReleaseRow, key=("id",), prefixes=("release",), compared=COMPARED,
    derive=told("releases", ReleaseRow, ("id",), *EVENTS),
    adopt=lambda row: resource(row.id),
    select=text(
        "SELECT r.id, r.repository_id, r.number, r.path, r.requester, r.proposed_at, r.state, r.revision, r.name,"
        " r.kind, coalesce(p.base_ref, '') FROM releases r LEFT JOIN pulls p ON p.repository_id = r.repository_id"
        " AND p.number = r.number WHERE r.tenant = :log"
    ),
    add=text(
        "INSERT INTO releases (id, tenant, repository_id, number, path, trace_id, requester, proposed_at, state,"
        " head_sha, revision, name, version, kind, environments_json, verdicts_json, updated_at) VALUES (:id, :log,"
        " :repository_id, :number, :path, :id, :requester, :proposed_at, :state, '', :revision, :name, '', :kind,"
        " '[]', '{{}}', :proposed_at)".replace("{{}}", "{}")
    ),
    change=text(
        "UPDATE releases SET repository_id = :repository_id, number = :number, path = :path, requester = :requester,"
        " proposed_at = :proposed_at, state = :state, revision = :revision, name = :name, kind = :kind WHERE id = :id"
    ),
    remove=text("DELETE FROM releases WHERE id = :id"),
)  # fmt: skip
MERGED = "release.merged"
"""What merged releases by name are called, for they are no table."""

merged = told(MERGED, MergedRow, ("id",), "release.merged")


def resource(release_id: str) -> str:
    return f"release/{release_id}"


def merged_resource(repository_id: int, kind: str, name: str) -> str:
    return f"merged/{repository_id}/{kind}/{name}"


def say_merged(tx: Tx, log: str, row: ReleaseRow, trace_id: str, ts: int) -> None:
    """Found by its name, so that older releases of it know at once."""
    where = merged_resource(row.repository_id, row.kind, row.name)
    rows: Sequence[MergedRow] = [MergedRow(row.id, row.number, row.proposed_at)]
    say(tx, log, "release.merged", where, rows, trace_id=trace_id, ts=ts, component="pulls", stage="close")
