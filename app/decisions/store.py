"""Decisions: what was asked, what was answered, from which snapshot. Append-only."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.db.tx import Tx

_COLUMNS = (
    "id, tenant, release_id, question, environment, outcome, snapshot, verdict, commit_sha, at, expires_at, asked_by"
)
_INSERT = text(
    f"INSERT INTO decisions ({_COLUMNS}) VALUES (:id, :tenant, :release_id, :question, :environment, :outcome,"
    " :snapshot, :verdict, :commit_sha, :at, :expires_at, :asked_by)"
)
_ONE = text(f"SELECT {_COLUMNS} FROM decisions WHERE tenant = :tenant AND id = :id")
_OF_RELEASE = text(
    f"SELECT {_COLUMNS} FROM decisions WHERE tenant = :tenant AND release_id = :release_id ORDER BY at DESC LIMIT :most"
)
_ALLOWS = text(
    f"SELECT {_COLUMNS} FROM decisions WHERE tenant = :tenant AND question = 'deploy' AND outcome = 'allow'"
    " AND environment = :environment AND commit_sha = :commit ORDER BY at DESC LIMIT 20"
)
_REDEEM = text(
    "INSERT INTO redemptions (decision_id, at, by) VALUES (:id, :at, :by) ON CONFLICT (decision_id) DO NOTHING"
)
_REDEEMED = text("SELECT at, by FROM redemptions WHERE decision_id = :id")
_DEPLOYED = text(
    "INSERT INTO deployments (id, tenant, release_id, environment, decision_id, commit_sha, outcome, at, by)"
    " VALUES (:id, :tenant, :release_id, :environment, :decision_id, :commit_sha, :outcome, :at, :by)"
    " ON CONFLICT (id) DO NOTHING"
)
_DEPLOYMENTS = text(
    "SELECT id, tenant, release_id, environment, decision_id, commit_sha, outcome, at, by FROM deployments"
    " WHERE tenant = :tenant AND release_id = :release_id ORDER BY at, id"
)
_BEGAN = text(
    "SELECT 1 FROM redemptions r JOIN decisions d ON d.id = r.decision_id WHERE d.tenant = :tenant"
    " AND d.release_id = :release_id AND d.environment = :environment LIMIT 1"
)
_ENDED = text(
    "SELECT id, tenant, release_id, environment, decision_id, commit_sha, outcome, at, by FROM deployments"
    " WHERE tenant = :tenant AND release_id = :release_id AND environment = :environment ORDER BY at DESC LIMIT 1"
)
_DEPLOYED_ON = text("SELECT id FROM deployments WHERE decision_id = :id")


class StoredDecision(msgspec.Struct, frozen=True):
    """``snapshot`` and ``verdict`` are digests; instants are microseconds since 1970 UTC."""

    id: str
    tenant: str
    release_id: str
    question: str
    environment: str
    outcome: str
    snapshot: str
    verdict: str
    commit_sha: str
    at: int
    expires_at: int
    asked_by: str


class StoredDeployment(msgspec.Struct, frozen=True):
    """The outcome (``success``, ``failure``) of one deployment, as reported."""

    id: str
    tenant: str
    release_id: str
    environment: str
    decision_id: str
    commit_sha: str
    outcome: str
    at: int
    by: str


def insert(tx: Tx, decision: StoredDecision) -> None:
    tx.run(_INSERT, **msgspec.structs.asdict(decision))


def one(tx: Tx, tenant: str, decision_id: str) -> StoredDecision | None:
    row = tx.first(_ONE, tenant=tenant, id=decision_id)
    return None if row is None else StoredDecision(*tuple(row))


def of_release(tx: Tx, tenant: str, release_id: str, most: int = 50) -> tuple[StoredDecision, ...]:
    rows = tx.all(_OF_RELEASE, tenant=tenant, release_id=release_id, most=most)
    return tuple(StoredDecision(*tuple(row)) for row in rows)


def redeem(tx: Tx, decision_id: str, at: int, by: str) -> bool:
    """False when it was redeemed before."""
    return bool(tx.run(_REDEEM, id=decision_id, at=at, by=by).rowcount)


def redeemed(tx: Tx, decision_id: str) -> bool:
    return tx.first(_REDEEMED, id=decision_id) is not None


def add_deployment(tx: Tx, deployment: StoredDeployment) -> bool:
    """False when it is known already."""
    return bool(tx.run(_DEPLOYED, **msgspec.structs.asdict(deployment)).rowcount)


def deployments(tx: Tx, tenant: str, release_id: str) -> tuple[StoredDeployment, ...]:
    return tuple(StoredDeployment(*tuple(row)) for row in tx.all(_DEPLOYMENTS, tenant=tenant, release_id=release_id))


def was_redeemed(tx: Tx, tenant: str, release_id: str, environment: str) -> bool:
    """Whether a deployment of this release into this environment has begun."""
    return tx.first(_BEGAN, tenant=tenant, release_id=release_id, environment=environment) is not None


def last_deployment(tx: Tx, tenant: str, release_id: str, environment: str) -> StoredDeployment | None:
    row = tx.first(_ENDED, tenant=tenant, release_id=release_id, environment=environment)
    return None if row is None else StoredDeployment(*tuple(row))


def allows_for_commit(tx: Tx, tenant: str, environment: str, commit: str) -> tuple[StoredDecision, ...]:
    """Allows of a deployment of this commit, newest first."""
    rows = tx.all(_ALLOWS, tenant=tenant, environment=environment, commit=commit)
    return tuple(StoredDecision(*tuple(row)) for row in rows)


def covers(tx: Tx, decision: StoredDecision, prefix: str) -> bool:
    """Whether an allow may stand for the deployment at GitHub whose reports start with ``prefix``: it covers one
    deployment there, however often that is reported."""
    known = [row.id for row in tx.all(_DEPLOYED_ON, id=decision.id)]
    return not any(name.startswith("github-") and not name.startswith(prefix) for name in known)
