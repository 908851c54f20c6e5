"""Every kind of byte, and every way to move rows about, in each way of verifying: found, and named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from manifests import checkpoint
from manifests.checkpoint import Checkpoint
from manifests.merkle import Frontier
from tests.audit.made import KEY
from tests.verification.made import SIZE, VERIFIED, Cell, codes, flip, fully, incrementally, sampled, tamper
from tests.verification.test_tampering import ORIGIN, sql

Change = Callable[[sqlite3.Connection], object]
LOG = "log = 'acme'"


@pytest.fixture
def log(long_log: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(long_log, tmp_path / "log.db"))


class Case(NamedTuple):
    """The codes of what each way finds; a sample of everything may also tell what follows from it."""

    name: str
    change: Change
    full: set[str]
    incremental: set[str]
    sample: set[str]


def at(table: str, column: str, where: str, byte: int = 40) -> Change:
    return flip(Cell(table, column, f"{LOG} AND {where}"), byte, 1)


def forged(connection: sqlite3.Connection) -> None:
    """A newest checkpoint of the true tree, by another key than the log's."""
    notes = connection.execute("SELECT note FROM checkpoints WHERE size = ?", (SIZE,)).fetchone()
    other = type(KEY).generate("ed25519")
    read = checkpoint.parse(notes[0].encode())[0]
    made = checkpoint.sign(Checkpoint(ORIGIN, SIZE, read.root), [(ORIGIN, other)]).decode()
    connection.execute("UPDATE checkpoints SET note = ? WHERE size = ?", (made, SIZE))


def behind_the_state(connection: sqlite3.Connection) -> None:
    """The tree's edge of another log in the row that says how far all is well."""
    frontier = Frontier()
    for number in range(VERIFIED):
        frontier.append(number.to_bytes(32, "big"))
    connection.execute("UPDATE verifications SET frontier = ?", (frontier.to_bytes(),))


BODY, LEAF, COLUMN = {"audit.body_altered"}, {"audit.leaf_altered"}, {"audit.column_altered"}
EITHER, ROOT = {"audit.body_or_leaf_altered"}, {"audit.root"}
NOTE, NONE = {"audit.checkpoint_altered"}, set[str]()
TREE, GONE = {"audit.tree_hash_altered"}, {"audit.removed"}
CASES = (
    Case("body, new", at("records", "body", "seq = 600"), BODY, BODY, EITHER),
    Case("body, old", at("records", "body", "seq = 100"), BODY, NONE, EITHER),
    Case("leaf, new", at("records", "leaf", "seq = 600"), LEAF, LEAF, EITHER),
    Case("leaf, old", at("records", "leaf", "seq = 100"), LEAF, NONE, EITHER | ROOT),
    *(
        Case(f"column {column}", at("records", column, "seq = 600", 1), COLUMN, COLUMN, COLUMN)
        for column in ("trace_id", "tseq", "resource", "event", "at")
    ),
    Case("tree hash", at("tree_hashes", "hash", "position = 0"), TREE, NONE, ROOT),
    Case("tree hash, new", at("tree_hashes", "hash", "position = 1"), TREE, TREE, ROOT),
    Case(
        "tree hash removed", sql("DELETE FROM tree_hashes WHERE position = 1"),
        {"audit.tree_hash_missing"}, {"audit.tree_hash_missing"}, {"audit.tree_hash_missing"},
    ),
    Case(
        "tree hash invented", sql("INSERT INTO tree_hashes VALUES ('acme', 1, 2, zeroblob(32))"),
        {"audit.tree_hash_strange"}, {"audit.tree_hash_strange"}, {"audit.tree_hash_strange"},
    ),
    Case(
        "tree hash of no level", sql("INSERT INTO tree_hashes VALUES ('acme', 'x', -1, zeroblob(32))"),
        {"audit.tree_hash_strange"}, {"audit.tree_hash_strange"}, {"audit.tree_hash_strange"},
    ),
    Case(
        "tree hash of a giant", sql("INSERT INTO tree_hashes VALUES ('acme', 9000000, 9000000, zeroblob(32))"),
        {"audit.tree_hash_strange"}, {"audit.tree_hash_strange"}, {"audit.tree_hash_strange"},
    ),
    Case("newest note", at("checkpoints", "note", f"size = {SIZE}", 60), NOTE, NOTE, NOTE),
    Case("newest signature", at("checkpoints", "note", f"size = {SIZE}", 150), NOTE, NOTE, NOTE),
    Case("an older note", at("checkpoints", "note", "size = 600", 60), NOTE, NOTE, NONE),
    Case("note by another key", forged, NOTE, NOTE, NOTE),
    Case("the head's edge", at("log_heads", "frontier", "1"), {"audit.head_altered"}, {"audit.head_altered"}, NONE),
    Case(
        "the head's size", at("log_heads", "size", "1", 0), {"audit.truncated"}, {"audit.truncated"},
        {"audit.head_altered"},
    ),
    Case(
        "a trace's head", at("trace_heads", "leaf", "trace_id = 'release-2'"),
        {"audit.trace_head_altered"}, {"audit.trace_head_altered"}, NONE,
    ),
    Case("removed, new", sql("DELETE FROM records WHERE seq = 600"), GONE, GONE, GONE | {"audit.chain"}),
    Case("removed, old", sql("DELETE FROM records WHERE seq = 100"), GONE, NONE, GONE | {"audit.chain"} | ROOT),
    Case(
        "truncated", sql("DELETE FROM records WHERE seq >= 650"), {"audit.truncated"}, {"audit.truncated"},
        {"audit.removed", "audit.root"},
    ),
    Case(
        "cut before what was verified",
        sql("DELETE FROM records WHERE seq >= 300", "DELETE FROM checkpoints WHERE size > 300"),
        {"audit.truncated"}, {"audit.truncated", "audit.baseline_altered"}, {"audit.head_altered"},
    ),
    Case("the state of verification", behind_the_state, NONE, {"audit.baseline_altered"}, NONE),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_way_of_verifying_sees_what_it_can(log: Path, case: Case) -> None:
    tamper(log, case.change)
    assert codes(fully(log)) == case.full
    assert codes(incrementally(log)) == case.incremental
    found = codes(sampled(log))
    assert found >= case.sample
    assert bool(found) == bool(case.sample)


def test_no_way_of_verifying_finds_anything_in_an_untouched_log(log: Path) -> None:
    for report in (fully(log), incrementally(log), sampled(log), sampled(log, 10)):
        assert report.findings == ()
    assert incrementally(log).logs[0].first == VERIFIED
    assert sampled(log, 10).sampled == 10


_CELLS = st.one_of(
    st.builds(
        lambda column, seq: Cell("records", column, f"{LOG} AND seq = {seq}"),
        st.sampled_from(("body", "leaf", "trace_id", "tseq", "resource", "event", "at", "seq", "log")),
        st.integers(0, SIZE - 1),
    ),
    st.builds(
        lambda column, size: Cell("checkpoints", column, f"size = {size}"),
        st.sampled_from(("note", "size")), st.sampled_from((25, 100, 400, 420, 680, 700)),
    ),
    st.builds(
        lambda column, nth: Cell("tree_hashes", column, f"position = {nth}"),
        st.sampled_from(("hash", "level", "position")), st.integers(0, 1),
    ),
    st.builds(lambda column: Cell("log_heads", column, LOG), st.sampled_from(("size", "frontier", "last_at"))),
    st.builds(
        lambda column, nth: Cell("trace_heads", column, f"trace_id = 'release-{nth}'"),
        st.sampled_from(("trace_id", "tseq", "leaf")), st.integers(0, 6),
    ),
)  # fmt: skip
_slow = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@_slow
@given(cell=_CELLS, byte=st.integers(0, 1000), bit=st.integers(0, 6))
def test_no_bit_of_the_log_can_be_turned_over_unseen(
    long_log: Path, tmp_path: Path, cell: Cell, byte: int, bit: int
) -> None:
    log = Path(shutil.copy(long_log, tmp_path / "log.db"))
    try:
        tamper(log, flip(cell, byte, bit))
    except sqlite3.IntegrityError:
        assume(False)  # The database itself refuses two records in one place.
    report = fully(log)
    assert report.exit_code == 1, cell
    assert all(item.message and item.remedy for item in report.findings)


_SEQ = st.integers(0, SIZE - 1)
_MOVES = st.one_of(
    st.builds(lambda seq: (f"DELETE FROM records WHERE seq = {seq}",), _SEQ),
    st.builds(lambda seq: (f"DELETE FROM records WHERE seq >= {seq}",), _SEQ),
    st.builds(lambda first, more: (f"DELETE FROM records WHERE seq BETWEEN {first} AND {first + more}",), _SEQ, _SEQ),
    st.builds(
        lambda one, two: (
            f"UPDATE records SET seq = -1 WHERE seq = {one}", f"UPDATE records SET seq = {one} WHERE seq = {two}",
            f"UPDATE records SET seq = {two} WHERE seq = -1",
        ),
        _SEQ, _SEQ,
    ).filter(lambda moves: moves[0].split()[-1] != moves[1].split()[-1]),
    st.builds(
        lambda seq, to: (
            f"INSERT INTO records SELECT log, {to}, trace_id || 'x', tseq, resource, event, at, leaf, body "
            f"FROM records WHERE seq = {seq}",
        ),
        _SEQ, st.one_of(st.just(SIZE), st.integers(SIZE + 1, 1 << 62)),
    ),
    st.builds(lambda size: (f"DELETE FROM checkpoints WHERE size > {size}",), st.integers(0, SIZE - 1)),
    st.builds(lambda seq, to: (f"UPDATE records SET seq = {to} WHERE seq = {seq}",), _SEQ, st.integers(SIZE, 1 << 40)),
)  # fmt: skip


@_slow
@given(moves=_MOVES)
def test_no_row_can_be_removed_moved_or_doubled_unseen(long_log: Path, tmp_path: Path, moves: tuple[str, ...]) -> None:
    log = Path(shutil.copy(long_log, tmp_path / "log.db"))
    tamper(log, sql(*moves))
    assert fully(log).exit_code == 1
