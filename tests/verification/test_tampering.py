"""Whoever writes to the database file past the triggers is found, and what they did is named."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from app.verification.report import Report
from app.verification.source import open_read_only
from app.verification.verify import Anchor
from manifests import checkpoint, merkle, record
from manifests.checkpoint import Checkpoint
from manifests.merkle import Frontier
from tests.audit.made import KEY, fill, verified

ORIGIN = "countersign.dev/log/acme"
PROTECTED = ("records", "checkpoints", "tree_hashes")

Change = Callable[[sqlite3.Connection], object]


def tamper(path: Path, change: Change) -> None:
    """As somebody with the file and a SQLite shell would."""
    with closing(sqlite3.connect(path)) as connection:
        for table in PROTECTED:
            for verb in ("update", "delete"):
                connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
        change(connection)
        connection.commit()


def sql(*statements: str) -> Change:
    def change(connection: sqlite3.Connection) -> None:
        for statement in statements:
            assert connection.execute(statement).rowcount, statement

    return change


def body(seq: int, old: bytes, new: bytes, *, leaf: bool = False) -> Change:
    """Rewrites part of a record, with the hash beside it if ``leaf``."""

    def change(connection: sqlite3.Connection) -> None:
        (found,) = connection.execute("SELECT body FROM records WHERE seq = ?", (seq,)).fetchone()
        assert old in found
        written = found.replace(old, new)
        connection.execute("UPDATE records SET body = ? WHERE seq = ?", (written, seq))
        if leaf:
            hashed = hashlib.sha256(b"\0" + written).digest()
            connection.execute("UPDATE records SET leaf = ? WHERE seq = ?", (hashed, seq))

    return change


def swap(one: int, two: int) -> Change:
    return sql(
        f"UPDATE records SET seq = -1 WHERE seq = {one}",
        f"UPDATE records SET seq = {one} WHERE seq = {two}",
        f"UPDATE records SET seq = {two} WHERE seq = -1",
    )


class Case(NamedTuple):
    name: str
    change: Change
    code: str
    seq: int | None
    says: str


ALTERED = b'"outcome":"wait"', b'"outcome":"pass"'
CASES = (
    Case("body", body(7, *ALTERED), "audit.body_altered", 7, "record 7 of log acme: body altered"),
    Case("body unreadable", sql("UPDATE records SET body = x'00' WHERE seq = 7"), "audit.body_altered", 7, "record 7"),
    Case("body as text", sql("UPDATE records SET body = body || 'x' WHERE seq = 7"), "audit.body_altered", 7, ""),
    Case("body empty", sql("UPDATE records SET body = '' WHERE seq = 7"), "audit.body_altered", 7, "record 7"),
    Case("leaf as text", sql("UPDATE records SET leaf = 'x' WHERE seq = 7"), "audit.leaf_altered", 7, "leaf column"),
    Case("no number", sql("UPDATE records SET seq = 'x' WHERE seq = 7"), "audit.moved", None, "record 'x' of log acme"),
    Case("half a number", sql("UPDATE records SET seq = 7.5 WHERE seq = 7"), "audit.moved", None, "record 7.5 of log"),
    Case("below zero", sql("UPDATE records SET seq = -7 WHERE seq = 7"), "audit.moved", None, "record -7 of log acme"),
    Case("tseq as text", sql("UPDATE records SET tseq = 'x' WHERE seq = 7"), "audit.column_altered", 7, "says 'x'"),
    Case(
        "event not UTF-8", sql("UPDATE records SET event = CAST(x'ff' AS TEXT) WHERE seq = 7"),
        "audit.column_altered", 7, "column event says",
    ),
    Case(
        "note as blob", sql("UPDATE checkpoints SET note = x'ff00' WHERE size = 13"),
        "audit.checkpoint_altered", None, "checkpoint 13",
    ),
    Case("edge as text", sql("UPDATE log_heads SET frontier = 'x'"), "audit.head_altered", None, "tree's edge"),
    Case("leaf", sql("UPDATE records SET leaf = zeroblob(32) WHERE seq = 7"), "audit.leaf_altered", 7, "leaf column"),
    Case("body and leaf", body(7, *ALTERED, leaf=True), "audit.chain", 11, "record 11 of log acme: chain broken"),
    Case("newest body and leaf", body(19, *ALTERED, leaf=True), "audit.root", 13, "records 13 to 19 of log acme"),
    Case("seq moved", sql("UPDATE records SET seq = 20 WHERE seq = 19"), "audit.moved", 20, "sealed as 19"),
    Case("trace", sql("UPDATE records SET trace_id = 'x' WHERE seq = 7"), "audit.column_altered", 7, "says 'x'"),
    Case("tseq", sql("UPDATE records SET tseq = 9 WHERE seq = 7"), "audit.column_altered", 7, "column tseq says 9"),
    Case("resource", sql("UPDATE records SET resource = 'x' WHERE seq = 7"), "audit.column_altered", 7, "says 'x'"),
    Case("event", sql("UPDATE records SET event = 'x' WHERE seq = 7"), "audit.column_altered", 7, "event says 'x'"),
    Case("instant", sql("UPDATE records SET at = 1 WHERE seq = 7"), "audit.column_altered", 7, "column at says 1"),
    Case("removed", sql("DELETE FROM records WHERE seq = 7"), "audit.removed", 7, "record 7 of log acme: removed"),
    Case("two removed", sql("DELETE FROM records WHERE seq IN (7, 8)"), "audit.removed", 7, "records 7 to 8"),
    Case("first removed", sql("DELETE FROM records WHERE seq = 0"), "audit.removed", 0, "record 0 of log acme"),
    Case("reordered", swap(6, 7), "audit.reordered", 6, "record 6 of log acme: reordered"),
    Case("reordered afar", swap(2, 15), "audit.reordered", 15, "sealed as 2"),
    Case(
        "duplicated",
        sql(
            "INSERT INTO records SELECT log, 20, trace_id || 'x', tseq, resource, event, at, leaf, body "
            "FROM records WHERE seq = 7"
        ),
        "audit.duplicated", 20, "a copy of the record that was sealed as 7",
    ),
    Case(
        "truncated", sql("DELETE FROM records WHERE seq >= 18"), "audit.truncated", 18,
        "checkpoint 20 was signed, records end at 18",
    ),
    Case(
        "truncated with its checkpoint",
        sql("DELETE FROM records WHERE seq >= 13", "DELETE FROM checkpoints WHERE size = 20"),
        "audit.truncated", 13, "its head says 20 records, records end at 13",
    ),
    Case("emptied", sql("DELETE FROM records"), "audit.truncated", 0, "records end at 0"),
    Case(
        "note", sql("UPDATE checkpoints SET note = replace(note, '13', '14') WHERE size = 13"),
        "audit.checkpoint_altered", None, "checkpoint 13 of log acme: altered",
    ),
    Case(
        "note unreadable", sql("UPDATE checkpoints SET note = 'x' WHERE size = 13"),
        "audit.checkpoint_altered", None, "checkpoint 13 of log acme",
    ),
    Case(
        "note of another size",
        sql("UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 5) WHERE size = 13"),
        "audit.checkpoint_altered", None, "signed for size 5",
    ),
    Case(
        "newest checkpoint removed", sql("DELETE FROM checkpoints WHERE size = 20"),
        "audit.checkpoint_missing", 13, "the newest is for 13",
    ),
    Case("head", sql("UPDATE log_heads SET size = 19"), "audit.head_altered", None, "it says 19 records, found 20"),
    Case("head ahead", sql("UPDATE log_heads SET size = 21"), "audit.truncated", 20, "its head says 21 records"),
    Case("head removed", sql("DELETE FROM log_heads"), "audit.head_altered", None, "it says 0 records, found 20"),
    Case("edge", sql("UPDATE log_heads SET frontier = zeroblob(72)"), "audit.head_altered", None, "tree's edge"),
    Case("last instant", sql("UPDATE log_heads SET last_at = 1"), "audit.head_altered", None, "last instant"),
    Case(
        "trace head", sql("UPDATE trace_heads SET tseq = 9 WHERE trace_id = 'release-1'"),
        "audit.trace_head_altered", None, "trace release-1 of log acme",
    ),
    Case(
        "trace head removed", sql("DELETE FROM trace_heads WHERE trace_id = 'release-1'"),
        "audit.trace_head_altered", None, "found none",
    ),
    Case(
        "trace head invented", sql("INSERT INTO trace_heads VALUES ('acme', 'new', 0, zeroblob(32))"),
        "audit.trace_head_altered", None, "expected its head to be none",
    ),
)  # fmt: skip


async def tampered(tmp_path: Path, change: Change, anchors: tuple[Anchor, ...] = ()) -> Report:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    tamper(tmp_path / "log.db", change)
    return await verified(url, anchors=anchors)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_every_kind_of_change_is_found_and_named(tmp_path: Path, case: Case) -> None:
    report = await tampered(tmp_path, case.change)
    assert report.exit_code == 1
    found = {(item.code, item.seq): item.message for item in report.findings}
    assert (case.code, case.seq) in found, found
    assert case.says in found[case.code, case.seq]
    assert all(item.remedy and item.log == "acme" for item in report.findings)


ALONE = {"body", "leaf", "trace", "tseq", "resource", "event", "instant", "removed", "note", "head", "edge"}


@pytest.mark.parametrize("case", [case for case in CASES if case.name in ALONE], ids=lambda case: case.name)
async def test_one_change_is_one_finding(tmp_path: Path, case: Case) -> None:
    report = await tampered(tmp_path, case.change)
    assert [item.code for item in report.findings] == [case.code]


async def test_an_untouched_log_has_no_finding(tmp_path: Path) -> None:
    report = await tampered(tmp_path, lambda connection: None)
    assert report.findings == ()
    assert (report.ok, report.exit_code, report.records) == (True, 0, 20)
    assert [(log.log, log.checkpoints, log.signatures) for log in report.logs] == [("acme", 4, 4)]


async def test_two_changes_are_two_findings(tmp_path: Path) -> None:
    def change(connection: sqlite3.Connection) -> None:
        body(2, *ALTERED)(connection)
        body(17, *ALTERED)(connection)

    report = await tampered(tmp_path, change)
    assert [(item.code, item.seq) for item in report.findings] == [
        ("audit.body_altered", 2),
        ("audit.body_altered", 17),
    ]


async def test_a_body_and_another_leaf_altered_in_one_batch_are_both_named(tmp_path: Path) -> None:
    def change(connection: sqlite3.Connection) -> None:
        body(7, *ALTERED)(connection)
        sql("UPDATE records SET leaf = zeroblob(32) WHERE seq = 8")(connection)

    report = await tampered(tmp_path, change)
    assert [(item.code, item.seq) for item in report.findings] == [
        ("audit.body_or_leaf_altered", 7),
        ("audit.body_or_leaf_altered", 8),
    ]


def rewritten(connection: sqlite3.Connection) -> None:
    """The whole log anew by somebody who holds the log's key: every hash, link, head and checkpoint fits."""
    frontier = Frontier()
    ends: dict[str, tuple[int, str]] = {}
    sizes = {size for (size,) in connection.execute("SELECT size FROM checkpoints")}
    for seq, stored in connection.execute("SELECT seq, body FROM records ORDER BY seq").fetchall():
        item = record.parse(stored.replace(*ALTERED) if seq == 7 else stored)
        prev = ends.get(item.trace_id, (0, record.FIRST_PREV))[1]
        draft = record.Draft(**{name: getattr(item, name) for name in record.Draft.__struct_fields__})
        written = record.seal(draft, log="acme", seq=seq, tseq=item.tseq, prev=prev)
        leaf = merkle.leaf_hash(written)
        ends[item.trace_id] = (item.tseq, leaf.hex())
        frontier.append(leaf)
        connection.execute("UPDATE records SET body = ?, leaf = ? WHERE seq = ?", (written, leaf, seq))
        if frontier.size in sizes:
            made = checkpoint.sign(Checkpoint(ORIGIN, frontier.size, frontier.root()), [(ORIGIN, KEY)])
            connection.execute("UPDATE checkpoints SET note = ? WHERE size = ?", (made.decode(), frontier.size))
    connection.execute("UPDATE log_heads SET frontier = ?", (frontier.to_bytes(),))
    for trace, (_, leaf_hex) in ends.items():
        connection.execute("UPDATE trace_heads SET leaf = ? WHERE trace_id = ?", (bytes.fromhex(leaf_hex), trace))


def taken_back(connection: sqlite3.Connection) -> None:
    """An older state as a backup would have it: records, heads and checkpoints all fit."""
    connection.execute("DELETE FROM records WHERE seq >= 13")
    connection.execute("DELETE FROM checkpoints WHERE size > 13")
    frontier = Frontier()
    at = 0
    for trace, tseq, instant, leaf in connection.execute("SELECT trace_id, tseq, at, leaf FROM records ORDER BY seq"):
        frontier.append(leaf)
        at = max(at, instant)
        connection.execute("UPDATE trace_heads SET tseq = ?, leaf = ? WHERE trace_id = ?", (tseq, leaf, trace))
    connection.execute("UPDATE log_heads SET size = 13, frontier = ?, last_at = ?", (frontier.to_bytes(), at))


async def anchor(tmp_path: Path, size: int) -> Anchor:
    """A checkpoint that was kept elsewhere before anything happened."""
    await fill(f"sqlite:///{tmp_path}/log.db")
    with closing(open_read_only(tmp_path / "log.db")) as connection:
        (note,) = connection.execute("SELECT note FROM checkpoints WHERE size = ?", (size,)).fetchone()
    return Anchor("kept.txt", note.encode())


@pytest.mark.parametrize(
    ("change", "size", "code", "says"),
    [
        (rewritten, 20, "audit.forked", "forked: kept.txt vouches for another tree of 20 records"),
        (rewritten, 13, "audit.forked", "forked: kept.txt vouches for another tree of 13 records"),
        (taken_back, 20, "audit.rolled_back", "rolled back: kept.txt vouches for 20 records, the database ends at 13"),
    ],
)
async def test_what_holds_together_shows_only_against_an_anchor(
    tmp_path: Path, change: Change, size: int, code: str, says: str
) -> None:
    kept = await anchor(tmp_path, size)
    tamper(tmp_path / "log.db", change)
    url = f"sqlite:///{tmp_path}/log.db"
    assert (await verified(url)).findings == ()
    report = await verified(url, anchors=[kept])
    assert [item.code for item in report.findings] == [code]
    assert says in report.findings[0].message


@pytest.mark.parametrize("size", [5, 6, 13, 20])
async def test_a_true_anchor_of_any_age_is_borne_out(tmp_path: Path, size: int) -> None:
    kept = await anchor(tmp_path, size)
    assert (await verified(f"sqlite:///{tmp_path}/log.db", anchors=[kept])).findings == ()


async def test_an_anchor_that_nobody_known_signed_counts_for_nothing(tmp_path: Path) -> None:
    kept = await anchor(tmp_path, 13)
    forged = Anchor("forged.txt", kept.note.replace(b"\n13\n", b"\n14\n"))
    report = await verified(f"sqlite:///{tmp_path}/log.db", anchors=[forged])
    assert [(item.code, item.kind) for item in report.findings] == [("audit.anchor_unreadable", "unknown")]
    assert report.exit_code == 3
