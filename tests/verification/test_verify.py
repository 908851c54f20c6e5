"""Verification reads any database as it stands, and never says yes to what it could not check."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.db.database import DatabaseUnavailableError
from app.db.tx import Tx
from app.verification.examine import examine
from app.verification.source import open_read_only, open_source
from app.verification.verify import Anchor, Key, verify
from manifests import checkpoint, merkle, record
from manifests.checkpoint import Checkpoint
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from tests.audit.made import AT, KEY, draft, fill, stage, verified
from tests.db.opened import opened

ORIGIN = "countersign.dev/log/acme"


async def test_an_untouched_log_verifies_on_either_database(database_url: str) -> None:
    await fill(database_url)
    await fill(database_url, "other", (3,))
    report = await verified(database_url)
    assert report.findings == ()
    assert [(log.log, log.records, log.checkpoints) for log in report.logs] == [("acme", 20, 4), ("other", 3, 1)]


async def test_it_verifies_while_the_service_writes(database_url: str) -> None:
    async with opened(database_url, LogSequencer([KEY])) as database:
        stop = asyncio.Event()

        async def write() -> int:
            count = 0
            while not stop.is_set():
                await stage(database, "acme", [draft(count, f"t{count % 3}")])
                count += 1
            return count

        writing = asyncio.create_task(write())
        for _ in range(5):
            report = await verified(database_url)
            assert [item for item in report.findings if item.code != "audit.no_such_log"] == []
        stop.set()
        total = await writing
        assert (await verified(database_url)).records == total > 0


async def test_an_altered_record_is_found_on_postgresql_too(postgres_url: str) -> None:
    await fill(postgres_url)
    async with opened(postgres_url) as database:

        def tamper(tx: Tx) -> None:
            tx.run(text("ALTER TABLE records DISABLE TRIGGER ALL"))
            tx.run(text("UPDATE records SET body = overlay(body placing 'X' from 20) WHERE seq = 7"))

        await database.write(tamper)
    assert [(item.code, item.seq) for item in (await verified(postgres_url)).findings] == [("audit.body_altered", 7)]


@pytest.mark.parametrize(
    ("keys", "code", "exit_code"),
    [
        ([], "audit.unauthenticated", 3),
        ([VerifierKey("countersign.dev/log/other", KEY.public)], "audit.unauthenticated", 3),
        ([PrivateKey.generate("ed25519").public], "audit.checkpoint_altered", 1),
        ([VerifierKey("elsewhere.example/acme", KEY.public)], "audit.checkpoint_altered", 1),
        ([VerifierKey(ORIGIN, KEY.public)], None, 0),
        ([PrivateKey.generate("ed25519").public, KEY.public], None, 0),
    ],
    ids=["none", "of another log", "another key", "another origin", "by name", "one of two"],
)
async def test_only_a_known_key_makes_a_log_authentic(
    tmp_path: Path, keys: Sequence[Key], code: str | None, exit_code: int
) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    report = await asyncio.to_thread(verify, url, keys, clock=lambda: AT)
    assert {item.code for item in report.findings} == ({code} if code else set())
    assert report.exit_code == exit_code


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_several_processes_find_what_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr("app.verification.log.PARALLEL_FROM", 1)
    monkeypatch.setattr("app.verification.parallel.RECORDS_PER_BLOCK", 256)
    url = f"sqlite:///{tmp_path}/log.db" if database == "sqlite" else request.getfixturevalue("postgres_url")
    await fill(url, batches=(200, 200, 300, 400))
    assert (await verified(url, processes=2)).findings == ()
    async with opened(url) as opened_database:

        def tamper(tx: Tx) -> None:
            if database == "sqlite":
                for name in ("records_no_update", "records_no_delete", "tree_hashes_no_update"):
                    tx.run(text(f"DROP TRIGGER {name}"))
            else:
                tx.run(text("ALTER TABLE records DISABLE TRIGGER ALL"))
                tx.run(text("ALTER TABLE tree_hashes DISABLE TRIGGER ALL"))
            tx.run(text("UPDATE records SET leaf = substr(leaf, 2) WHERE seq = 316"))
            tx.run(text("UPDATE records SET event = 'x' WHERE seq = 531"))
            tx.run(text("UPDATE tree_hashes SET hash = substr(hash, 2) WHERE position = 1"))
            tx.run(text("DELETE FROM records WHERE seq IN (767, 768)"))

        await opened_database.write(tamper)
    one, two = await verified(url), await verified(url, processes=2)
    assert {(item.code, item.seq) for item in one.findings} == {
        ("audit.leaf_altered", 316), ("audit.column_altered", 531), ("audit.removed", 767),
        ("audit.tree_hash_altered", 256),
    }  # fmt: skip
    assert set(one.findings) == set(two.findings)


async def test_a_record_that_is_not_canonical_is_found_when_thorough(tmp_path: Path) -> None:
    """Only whoever holds the log's key can make one, so ordinary verification leaves it to the tree."""
    url = f"sqlite:///{tmp_path}/log.db"
    async with opened(url):
        pass
    body = record.seal(draft(0), log="acme", seq=0, tseq=0, prev=record.FIRST_PREV).replace(b'"v":1', b'"v": 1')
    leaf = merkle.leaf_hash(body)
    frontier = merkle.Frontier()
    frontier.append(leaf)
    note = checkpoint.sign(Checkpoint(ORIGIN, 1, frontier.root()), [(ORIGIN, KEY)]).decode()
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        row = ("acme", 0, "release-1", 0, "release/1", "verdict.recorded", AT, leaf, body)
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("INSERT INTO log_heads VALUES ('acme', 1, ?, ?)", (frontier.to_bytes(), AT))
        connection.execute("INSERT INTO trace_heads VALUES ('acme', 'release-1', 0, ?)", (leaf,))
        connection.execute("INSERT INTO checkpoints VALUES ('acme', 1, ?)", (note,))
        connection.commit()
    assert (await verified(url, thorough=False)).findings == ()
    assert [(item.code, item.seq) for item in (await verified(url)).findings] == [("audit.not_canonical", 0)]


async def test_the_newest_signature_is_checked_among_any_number(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=[1] * 700)
    report = await verified(url, thorough=False)
    assert report.findings == ()
    assert 5 <= report.logs[0].signatures <= 8
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("DROP TRIGGER checkpoints_no_update")
        connection.execute("UPDATE checkpoints SET note = substr(note, 1, length(note) - 9) || 'AAAAAA==' || char(10)")
        connection.commit()
    report = await verified(url, thorough=False)
    assert "checkpoint 700 of log acme: altered" in " ".join(item.message for item in report.findings)


async def test_an_anchor_of_a_log_that_is_gone_shows_that_it_was_rolled_back(tmp_path: Path) -> None:
    await fill(f"sqlite:///{tmp_path}/old.db")
    with closing(open_read_only(tmp_path / "old.db")) as connection:
        (note,) = connection.execute("SELECT note FROM checkpoints WHERE size = 20").fetchone()
    url = f"sqlite:///{tmp_path}/new.db"
    await fill(url, "other")
    report = await verified(url, anchors=[Anchor("kept.txt", note.encode())])
    assert [(item.code, item.log) for item in report.findings] == [("audit.rolled_back", "acme")]


async def test_a_log_that_is_not_there_is_not_found_to_be_right(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    report = await asyncio.to_thread(verify, url, [KEY.public], ["typo"], clock=lambda: AT)
    assert [item.code for item in report.findings] == ["audit.no_such_log"]
    assert report.exit_code == 3


async def test_records_nobody_numbers_are_noted(postgres_url: str) -> None:
    import msgspec

    async with opened(postgres_url) as database:
        insert = text("INSERT INTO staged_records (log, draft) VALUES ('acme', :draft)")
        staged = msgspec.json.encode(draft(0))
        async with database._engine.begin() as connection:  # type: ignore[attr-defined]
            await connection.execute(insert, {"draft": staged})
        ages: list[tuple[int, list[str]]] = [(59, []), (61, ["audit.staged_leftover"])]
        for age, codes in ages:
            now = AT + age * 1_000_000
            report = await asyncio.to_thread(verify, postgres_url, [KEY.public], clock=partial(int, now))
            assert [item.code for item in report.findings] == codes
            assert report.ok


async def test_a_database_that_is_not_there_or_is_none_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError, match="found none"):
        await verified(f"sqlite:///{tmp_path}/none.db")
    (tmp_path / "text.db").write_bytes(b"not a database" * 100)
    with pytest.raises(DatabaseUnavailableError, match="cannot be read"):
        await verified(f"sqlite:///{tmp_path}/text.db")
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(DatabaseUnavailableError):
        await verified(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(DatabaseUnavailableError):
        await verified(f"postgresql://nobody@/none?host={tmp_path}")


async def test_verification_writes_nothing(tmp_path: Path) -> None:
    await fill(f"sqlite:///{tmp_path}/log.db")
    before = (tmp_path / "log.db").read_bytes()
    await verified(f"sqlite:///{tmp_path}/log.db")
    assert (tmp_path / "log.db").read_bytes() == before
    with closing(open_read_only(tmp_path / "log.db")) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM trace_heads")


async def test_a_stretch_hands_back_what_it_cannot_judge(tmp_path: Path) -> None:
    await fill(f"sqlite:///{tmp_path}/log.db")
    async with open_source(f"sqlite:///{tmp_path}/log.db") as source:
        stretch = examine("acme", 6, await source.records("acme", 6, 14), thorough=True)
    assert (stretch.next_seq, stretch.gaps, stretch.odd, stretch.broken) == (14, [], [], [])
    assert [edge[1:3] for edge in stretch.edges] == [(6, 1), (7, 1), (8, 2), (9, 2)]
