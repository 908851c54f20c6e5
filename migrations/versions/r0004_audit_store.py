"""The audit store: what proofs, searches, witnesses, sealing, holds, exports and verification keep.

Of these tables only the protected ones are ever counted; the others are projections of the log, or work in progress.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from manifests.merkle import Frontier
from migrations.append_only import protect_new

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LEAVES_AT_ONCE = 65_536
_SEARCHED = ("actor", "action", "event", "outcome", "resource")


def _text(name: str, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, **{"nullable": False, **options})  # type: ignore[arg-type]


def _number(name: str, **options: object) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, **{"nullable": False, **options})  # type: ignore[arg-type]


def _bytes(name: str, **options: object) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, **{"nullable": False, **options})  # type: ignore[arg-type]


def _word(name: str, **options: object) -> sa.Column[str]:
    """Compared byte by byte: what begins with a prefix stands together, and no upgrade of a locale breaks an index."""
    kind = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, kind, **{"nullable": False, **options})  # type: ignore[arg-type]


def upgrade() -> None:
    _bytewise()
    _tree()
    _search()
    _keys()
    _verification()
    _personal_data()
    _blobs()
    op.add_column("tokens", _text("made_by", server_default=""))
    op.add_column("staged_records", _bytes("stamp", server_default=sa.text("''")))
    protect_new(revision)


def _bytewise() -> None:
    """What is found by the beginning of its name stands together, whatever the database's language thinks of '/'."""
    if op.get_bind().dialect.name == "postgresql":
        for column in ("resource", "trace_id"):
            op.execute(f'ALTER TABLE records ALTER COLUMN {column} TYPE text COLLATE "C"')


def _tree() -> None:
    op.create_table(
        "tree_hashes", _text("log", primary_key=True), _number("level", primary_key=True),
        _number("position", primary_key=True), _bytes("hash"),
    )  # fmt: skip
    op.create_table(
        "cosignatures", _text("log", primary_key=True), _number("size", primary_key=True),
        _text("witness", primary_key=True), _text("line"), _number("at"),
    )  # fmt: skip
    connection = op.get_bind()
    for (log,) in connection.execute(sa.text("SELECT log FROM log_heads ORDER BY log")).all():
        _grow_tree(connection, log)


def _grow_tree(connection: sa.Connection, log: str) -> None:
    frontier = Frontier()
    leaves = sa.text("SELECT leaf FROM records WHERE log = :log AND seq >= :first AND seq < :end ORDER BY seq")
    add = sa.text("INSERT INTO tree_hashes (log, level, position, hash) VALUES (:log, :level, :position, :hash)")
    while True:
        window = {"log": log, "first": frontier.size, "end": frontier.size + _LEAVES_AT_ONCE}
        found = [bytes(leaf) for (leaf,) in connection.execute(leaves, window)]
        grown = frontier.extend(found)
        if grown:
            connection.execute(add, [{"log": log, **one._asdict()} for one in grown])
        if len(found) < _LEAVES_AT_ONCE:
            return


def _search() -> None:
    words = [_word(name) for name in _SEARCHED]
    op.create_table(
        "record_index", _word("log", primary_key=True), _number("seq", primary_key=True), _number("at"), *words,
        _number("mark"), sqlite_with_rowid=False,
    )  # fmt: skip
    for column in _SEARCHED:
        op.create_index(f"record_index_{column}", "record_index", ["log", column, "seq", "mark"])
    op.create_table(
        "record_index_blocks", _word("log", primary_key=True), _number("block", primary_key=True),
        _number("at_min"), _number("at_max"), sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table("record_index_heads", _text("log", primary_key=True), _number("size"))
    op.create_table(
        "exports", _text("id", primary_key=True), _text("tenant"), _text("asked_by"), _text("ask_json"),
        _text("state"), _number("attempts"), _text("owner"), _number("lease_until"), _number("done"),
        _number("total"), _text("summary_json"), _number("bytes"), _text("error"), _number("created_at"),
        _number("finished_at"),
    )  # fmt: skip
    op.create_index("exports_tenant", "exports", ["tenant", "created_at"])


def _keys() -> None:
    op.create_table(
        "log_keys", _text("log", primary_key=True), _text("use", primary_key=True),
        _text("fingerprint", primary_key=True), _text("public_key"), _number("place"), _number("at"), _number("ended"),
    )  # fmt: skip
    op.create_index("log_keys_now", "log_keys", ["log", "use", "ended"])


def _verification() -> None:
    op.create_table(
        "verifications", _text("log", primary_key=True), _number("size"), _bytes("frontier"), _number("at"),
        _number("full_at"), _text("problem"),
    )  # fmt: skip


def _personal_data() -> None:
    op.create_table(
        "subject_keys", _text("id", primary_key=True), _text("tenant"), _text("person"), _bytes("wrapped"),
        _number("created_at"), _number("destroyed_at"), sa.UniqueConstraint("tenant", "person", "id"),
    )  # fmt: skip
    current = sa.text("destroyed_at = 0")
    op.create_index(
        "subject_keys_current", "subject_keys", ["tenant", "person"], unique=True, sqlite_where=current,
        postgresql_where=current,
    )  # fmt: skip
    op.create_table(
        "erasures", _text("id", primary_key=True), _text("state", primary_key=True), _text("tenant"),
        _text("person"), _text("reason"), _text("by"), _number("at"),
    )  # fmt: skip
    op.create_table(
        "legal_holds", _text("id", primary_key=True), _text("state", primary_key=True), _text("tenant"),
        _text("subject"), _text("reason"), _text("by"), _number("at"),
    )  # fmt: skip
    op.add_column("deliveries", _text("sealed_under", server_default=""))
    settled = sa.text("sealed_under = '' AND status <> 'new'")
    op.create_index(
        "deliveries_unsealed", "deliveries", ["id"], sqlite_where=settled, postgresql_where=settled
    )  # fmt: skip


def _blobs() -> None:
    op.create_table(
        "blob_uploads", _text("digest", primary_key=True), _text("kind"), _bytes("body"), _number("created_at")
    )
    op.create_table(
        "blob_places", _text("digest", primary_key=True), _text("sink", primary_key=True), _text("kind"),
        _number("start"), _number("size"), _text("key"), _text("version"), _number("until"), _number("at"),
    )  # fmt: skip
    op.create_index("blobs_created", "blobs", ["created_at"])
