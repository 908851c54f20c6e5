"""The first schema.

Instants are microseconds since 1970 UTC. Text columns named `*_json` hold canonical JSON.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.append_only import create_function, protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _serial() -> sa.Column[int]:
    return sa.Column("id", _SERIAL, primary_key=True, autoincrement=True)


def _text(name: str, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, **{"nullable": False, **options})  # type: ignore[arg-type]


def _number(name: str, **options: object) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, **{"nullable": False, **options})  # type: ignore[arg-type]


def _bytes(name: str, **options: object) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, **{"nullable": False, **options})  # type: ignore[arg-type]


def upgrade() -> None:
    create_function()
    _log()
    _inbox_and_work()
    _people()
    _releases()
    _consents()
    _decisions()
    for table in (
        "records", "checkpoints", "blobs", "heads", "observations", "grants", "grant_artifacts", "grant_voids",
        "decisions", "redemptions", "deployments", "account_links", "person_keys", "prompts",
    ):  # fmt: skip
        protect(table)


def _log() -> None:
    op.create_table(
        "log_heads", _text("log", primary_key=True), _number("size"), _bytes("frontier"), _number("last_at")
    )
    op.create_table(
        "trace_heads", _text("log", primary_key=True), _text("trace_id", primary_key=True), _number("tseq"),
        _bytes("leaf"),
    )  # fmt: skip
    op.create_table(
        "records", _text("log", primary_key=True), _number("seq", primary_key=True), _text("trace_id"),
        _number("tseq"), _text("resource"), _text("event"), _number("at"), _bytes("leaf"), _bytes("body"),
        sa.UniqueConstraint("log", "trace_id", "tseq"),
    )  # fmt: skip
    op.create_index("records_resource", "records", ["log", "resource", "seq"])
    op.create_table("checkpoints", _text("log", primary_key=True), _number("size", primary_key=True), _text("note"))
    op.create_table("staged_records", _serial(), _text("log"), _bytes("draft"))
    op.create_table("blobs", _text("digest", primary_key=True), _text("kind"), _bytes("body"), _number("created_at"))


def _inbox_and_work() -> None:
    op.create_table(
        "deliveries", _serial(), _text("guid"), _text("event"), _text("digest"), _bytes("body"),
        _number("received_at"), _number("installation_id", nullable=True),
        _number("repository_id", nullable=True), _text("work_key"), _text("status"), _text("note"),
        sa.UniqueConstraint("event", "digest"),
    )  # fmt: skip
    op.create_index("deliveries_work", "deliveries", ["work_key", "status", "id"])
    op.create_table(
        "work", _text("key", primary_key=True), _number("due_at"), _number("marks"), _number("attempt"),
        _number("lease_until"), _number("failures"), _text("error"),
    )  # fmt: skip
    op.create_index("work_due", "work", ["due_at"])
    op.create_table(
        "effects", _text("key", primary_key=True), _text("kind"), _text("wanted"), _bytes("payload"),
        _text("done"), _text("remote_id"), _text("cause"), _number("updated_at"),
    )  # fmt: skip
    op.create_table("schedule_slots", _text("job", primary_key=True), _number("slot", primary_key=True), _text("owner"))


def _people() -> None:
    op.create_table("persons", _text("id", primary_key=True), _text("tenant"), _number("created_at"))
    op.create_table(
        "accounts", _text("tenant", primary_key=True), _text("account", primary_key=True), _text("login"),
        _text("kind"), _text("person"), _number("seen_at"),
    )  # fmt: skip
    op.create_table(
        "account_links", _text("id", primary_key=True), _text("state", primary_key=True), _text("tenant"), _text("account"), _text("person"),
        _text("by"), _number("at"),
    )  # fmt: skip
    op.create_table(
        "memberships", _text("tenant", primary_key=True), _text("source", primary_key=True),
        _text("account", primary_key=True), _number("since"), _text("granted_by"), _number("until", nullable=True),
    )  # fmt: skip
    op.create_table(
        "group_pins", _text("tenant", primary_key=True), _text("team", primary_key=True), _number("team_id"),
        _number("at"),
    )  # fmt: skip
    op.create_table(
        "person_keys", _text("tenant", primary_key=True), _text("fingerprint", primary_key=True),
        _number("step", primary_key=True), _text("state"), _text("person"), _text("account"), _text("public_key"),
        _text("by"), _number("at"), _number("usable_at"), _text("reason"), _number("since"),
    )  # fmt: skip
    op.create_table(
        "tokens", _text("digest", primary_key=True), _text("id", unique=True), _text("tenant"), _text("name"),
        _text("scope_json"), _number("created_at"), _number("expires_at"), _number("revoked_at", nullable=True),
    )  # fmt: skip


def _releases() -> None:
    op.create_table(
        "repositories", _number("id", primary_key=True, autoincrement=False), _text("tenant"), _text("name"),
        _number("installation_id"), _number("seen_at"),
    )  # fmt: skip
    op.create_table(
        "pulls", _number("repository_id", primary_key=True, autoincrement=False),
        _number("number", primary_key=True, autoincrement=False), _text("tenant"), _text("state"),
        _text("base_ref"), _text("head_sha"), _text("author"), _text("title"), _text("outcome"), _text("notes_json"), _number("updated_at"),
    )  # fmt: skip
    op.create_index("pulls_head", "pulls", ["repository_id", "head_sha"])
    op.create_table(
        "heads", _number("repository_id", primary_key=True), _number("number", primary_key=True),
        _text("sha", primary_key=True), _text("event", primary_key=True), _text("actor"), _number("received_at"),
        _text("delivery"),
    )  # fmt: skip
    op.create_table(
        "pushes", _number("repository_id", primary_key=True), _text("sha", primary_key=True),
        _text("actor", primary_key=True), _text("before", primary_key=True), _number("received_at"),
    )  # fmt: skip
    op.create_table(
        "observations", _text("id", primary_key=True), _number("repository_id"), _number("number"),
        _text("kind"), _text("object"), _text("actor"), _number("received_at"), _text("delivery"), _text("body_json"),
    )  # fmt: skip
    op.create_index("observations_pull", "observations", ["repository_id", "number"])
    op.create_table(
        "prompts", _number("repository_id", primary_key=True), _number("number", primary_key=True),
        _text("head_sha", primary_key=True), _text("digest", primary_key=True), _text("environments_json"),
        _number("posted_at"),
    )  # fmt: skip
    op.create_table(
        "releases", _text("id", primary_key=True), _text("tenant"), _number("repository_id"), _number("number"),
        _text("path"), _text("trace_id", unique=True), _text("requester"), _number("proposed_at"), _text("state"),
        _text("head_sha"), _text("revision"), _text("name"), _text("version"), _text("kind"),
        _text("environments_json"), _text("verdicts_json"), _number("updated_at"),
        sa.UniqueConstraint("tenant", "repository_id", "number", "path"),
    )  # fmt: skip
    op.create_index("releases_updated", "releases", ["tenant", "updated_at"])
    op.create_index("releases_name", "releases", ["tenant", "repository_id", "name", "proposed_at"])
    op.create_table(
        "release_artifacts", _text("release_id", primary_key=True), _text("revision", primary_key=True),
        _text("name", primary_key=True), _text("sha256"),
    )  # fmt: skip
    op.create_table(
        "release_contributors", _text("release_id", primary_key=True), _text("account", primary_key=True),
        _text("person", primary_key=True), _text("role", primary_key=True),
    )  # fmt: skip
    op.create_index("release_artifacts_digest", "release_artifacts", ["sha256"])
    op.create_table(
        "artifact_checks", _text("uri", primary_key=True), _text("sha256", primary_key=True), _text("facts_json"),
        _number("at"),
    )  # fmt: skip
    op.create_table(
        "changes", _text("release_id", primary_key=True), _text("environment", primary_key=True), _text("tenant"),
        _text("correlation_id", unique=True), _text("sys_id"), _text("number"), _text("state"), _text("content"),
        _text("seen_content"), _number("content_at"), _text("facts_json"), _text("wanted_json"), _number("seen_at"),
        _text("outcome"),
    )  # fmt: skip


def _consents() -> None:
    op.create_table(
        "grants", _text("id", primary_key=True), _text("tenant"), _text("release_id"), _number("repository_id"),
        _number("number"), _text("path"), _text("decision"), _text("person"), _text("object"), _text("statement"),
        _text("consent_json"), _text("nonce", unique=True), _text("signer"), _number("issued_at"),
    )  # fmt: skip
    op.create_index("grants_release", "grants", ["release_id"])
    op.create_index("grants_signer", "grants", ["tenant", "signer"])
    op.create_index("grants_object", "grants", ["repository_id", "number", "object"])
    op.create_table("grant_artifacts", _text("sha256", primary_key=True), _text("grant_id", primary_key=True))
    op.create_table("grant_voids", _text("grant_id", primary_key=True), _text("reason"), _text("cause"), _number("at"))


def _decisions() -> None:
    op.create_table(
        "decisions", _text("id", primary_key=True), _text("tenant"), _text("release_id"), _text("question"),
        _text("environment"), _text("outcome"), _text("snapshot"), _text("verdict"), _text("commit_sha"),
        _number("at"), _number("expires_at"), _text("asked_by"),
    )  # fmt: skip
    op.create_index("decisions_release", "decisions", ["release_id", "at"])
    op.create_index("decisions_commit", "decisions", ["commit_sha", "environment"])
    op.create_table("redemptions", _text("decision_id", primary_key=True), _number("at"), _text("by"))
    op.create_table(
        "deployments", _text("id", primary_key=True), _text("tenant"), _text("release_id"), _text("environment"),
        _text("decision_id"), _text("commit_sha"), _text("outcome"), _number("at"), _text("by"),
    )  # fmt: skip
    op.create_index("deployments_release", "deployments", ["release_id", "at"])
