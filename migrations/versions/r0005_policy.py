"""Policies: which versions were released under four eyes, broken glasses and their reviews, delegations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.append_only import protect_new

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _text(name: str, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, **{"nullable": False, **options})  # type: ignore[arg-type]


def _number(name: str, **options: object) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, **{"nullable": False, **options})  # type: ignore[arg-type]


def upgrade() -> None:
    # One row for each step: proposed and adopted by two persons, or released by a pull request under four eyes. The same
    # version can take the same step again, for the branch that it is put back on or for another one.
    op.create_table(
        "policy_versions", _text("tenant", primary_key=True), _number("repository_id", primary_key=True),
        _text("base_ref", primary_key=True), _text("sha256", primary_key=True), _text("state", primary_key=True),
        _text("by"), _text("release_id", primary_key=True), _number("at", primary_key=True),
    )  # fmt: skip
    op.create_table(
        "broken_glasses", _text("id", primary_key=True), _text("tenant"), _number("repository_id"),
        _text("release_id"), _text("environment"), _text("grants_json"), _text("review_by"), _number("due_at"),
        _number("at"),
    )  # fmt: skip
    op.create_index("broken_glasses_repository", "broken_glasses", ["tenant", "repository_id"])
    op.create_table(
        "glass_reviews", _text("glass_id", primary_key=True), _text("tenant"), _text("grant_id"), _number("at")
    )
    # What a prompt listed besides environments; those of earlier versions listed no documents.
    op.add_column("prompts", _text("documents_json", server_default="[]"))
    delegations = sa.text("decision = 'delegate'")
    op.create_index(
        "grants_delegations", "grants", ["tenant", "repository_id"], sqlite_where=delegations,
        postgresql_where=delegations,
    )  # fmt: skip
    # What the verdict on a pull request depends on: empty where it was judged before that was kept.
    op.add_column("pulls", _text("watches_json", server_default=""))
    protect_new(revision)
