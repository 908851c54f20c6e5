"""How far each sink has come with each log, and which replica feeds it.

Nothing here is the authority: the log, WORM storage and the anchors are, and both tables can be made anew from them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sinks",
        sa.Column("sink", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
    )
    op.create_table(
        "sink_progress",
        sa.Column("sink", sa.Text, primary_key=True),
        sa.Column("log", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("anchored_size", sa.BigInteger, nullable=False),
        sa.Column("anchor_version", sa.Text, nullable=False),
        sa.Column("anchored_at", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("alarmed_at", sa.BigInteger, nullable=False),
    )
