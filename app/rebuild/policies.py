"""policy_versions: which versions of a repository's policy were proposed and adopted by two, or released."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.rebuild.model import Projection, told
from app.rebuild.saying import SERVICE, say
from manifests.vocabulary import Event


class PolicyRow(msgspec.Struct, frozen=True):
    """One step of one version, named by the SHA-256 of its bytes. ``by`` is a steward's actor, or the service where a
    pull request was merged; ``release_id`` is empty where two stewards adopted it."""

    repository_id: int
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
_KEY = ("repository_id", "sha256", "state")
_COLUMNS = "repository_id, sha256, state, by, release_id, at"
PROJECTION = Projection(
    table="policy_versions", row=PolicyRow, key=_KEY, prefixes=("policy",),
    derive=told("policy_versions", PolicyRow, _KEY, *EVENTS.values()),
    select=text(f"SELECT {_COLUMNS} FROM policy_versions WHERE tenant = :log ORDER BY repository_id, at, sha256"),
    add=text(
        f"INSERT INTO policy_versions (tenant, {_COLUMNS})"
        " VALUES (:log, :repository_id, :sha256, :state, :by, :release_id, :at)"
    ),
)  # fmt: skip
_OF_REPOSITORY = text(
    f"SELECT {_COLUMNS} FROM policy_versions WHERE tenant = :log AND repository_id = :repository_id"
    " ORDER BY at, sha256, state"
)
_ONE = text(
    f"SELECT {_COLUMNS} FROM policy_versions"
    " WHERE tenant = :log AND repository_id = :repository_id AND sha256 = :sha256 ORDER BY at, state"
)


def prefix(repository_id: int) -> str:
    return f"policy/{repository_id}"


def resource(repository_id: int, sha256: str) -> str:
    return f"{prefix(repository_id)}/{sha256}"


def rows(tx: Tx, log: str, repository_id: int, sha256: str = "") -> tuple[PolicyRow, ...]:
    """The steps of one version, or of all of a repository, oldest first."""
    if sha256:
        found = tx.all(_ONE, log=log, repository_id=repository_id, sha256=sha256)
    else:
        found = tx.all(_OF_REPOSITORY, log=log, repository_id=repository_id)
    return tuple(PolicyRow(*tuple(row)) for row in found)


def say_version(tx: Tx, log: str, row: PolicyRow, trace_id: str = "") -> None:
    """``trace_id`` is that of the release that brought it; without one the version has a trace of its own."""
    own = f"policy-{row.repository_id}-{row.sha256[:16]}"
    say(
        tx, log, EVENTS[row.state], resource(row.repository_id, row.sha256), [row], trace_id=trace_id or own,
        ts=row.at, component="standing", actor_ref=row.by or SERVICE, outcome=row.state,
    )  # fmt: skip
