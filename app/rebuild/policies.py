"""policy_versions: which versions of a branch's policy were proposed and adopted by two, or released."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.rebuild.model import Projection, told
from app.rebuild.saying import SERVICE, say
from manifests.vocabulary import Event


class PolicyRow(msgspec.Struct, frozen=True):
    """One step of one version, named by the SHA-256 of its bytes, on one branch. ``by`` is a steward's actor, or the
    service where a pull request was merged; ``release_id`` is empty where two stewards adopted it. ``at`` is when it
    was said, or merged (microseconds since 1970 UTC)."""

    repository_id: int
    base_ref: str
    sha256: str
    state: str
    by: str
    release_id: str
    at: int


EVENTS: dict[str, Event] = {
    "proposed": "policy.adoption_proposed",
    "adopted": "policy.adopted",
    "released": "policy.released",
}
_KEY = ("repository_id", "base_ref", "sha256", "state", "release_id", "at")
_COLUMNS = "repository_id, base_ref, sha256, state, by, release_id, at"
_ORDER = "ORDER BY repository_id, base_ref, at, state DESC, sha256"
PROJECTION = Projection(
    table="policy_versions", row=PolicyRow, key=_KEY, prefixes=("policy",),
    derive=told("policy_versions", PolicyRow, _KEY, *EVENTS.values()),
    select=text(f"SELECT {_COLUMNS} FROM policy_versions WHERE tenant = :log {_ORDER}"),
    add=text(
        f"INSERT INTO policy_versions (tenant, {_COLUMNS})"
        " VALUES (:log, :repository_id, :base_ref, :sha256, :state, :by, :release_id, :at)"
    ),
)  # fmt: skip
_OF_BRANCH = text(
    f"SELECT {_COLUMNS} FROM policy_versions"
    f" WHERE tenant = :log AND repository_id = :repository_id AND base_ref = :base_ref {_ORDER}"
)
_BRANCHES = text("SELECT DISTINCT base_ref FROM policy_versions WHERE tenant = :log AND repository_id = :repository_id")


def resource(repository_id: int, base_ref: str) -> str:
    """One for each branch, so that the log tells in which order its versions came."""
    return f"policy/{repository_id}/{base_ref}"


def rows(tx: Tx, log: str, repository_id: int, base_ref: str) -> tuple[PolicyRow, ...]:
    """The table's steps of all versions on a branch; the log alone knows their order."""
    found = tx.all(_OF_BRANCH, log=log, repository_id=repository_id, base_ref=base_ref)
    return tuple(PolicyRow(*tuple(row)) for row in found)


def branches(tx: Tx, log: str, repository_id: int) -> tuple[str, ...]:
    """The branches that the table has steps of, sorted."""
    return tuple(sorted(row.base_ref for row in tx.all(_BRANCHES, log=log, repository_id=repository_id)))


def say_version(tx: Tx, log: str, row: PolicyRow, trace_id: str, at: int) -> None:
    """``trace_id`` is that of the release that brought it; without one the version has a trace of its own."""
    own = f"policy-{row.repository_id}-{row.sha256[:16]}"
    say(
        tx, log, EVENTS[row.state], resource(row.repository_id, row.base_ref), [row], trace_id=trace_id or own, ts=at,
        component="standing", actor_ref=row.by or SERVICE, outcome=row.state,
    )  # fmt: skip
