"""JSON Lines and CSV for people: what was asked for, oldest first, without secrets and formulas."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import msgspec
import pytest

from app.audit.errors import RecordAlteredError
from app.audit.sequence import LogSequencer
from app.search.model import Query
from tests.audit.made import KEY, draft, fill, stage
from tests.db.opened import opened
from tests.exports import strangers
from tests.exports.made import export_of

SECRET = "ghp_" + "a1B2" * 9


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_a_query_is_written_oldest_first(database_url: str, tmp_path: Path, form: str) -> None:
    await fill(database_url, batches=(300, 300))
    summary = await export_of(database_url, tmp_path / "out", Query(resource="release/1"), form)
    text = (tmp_path / "out").read_bytes().decode()
    found = [int(row["seq"]) for row in csv.DictReader(text.splitlines())] if form == "csv" else [
        json.loads(line)["seq"] for line in text.splitlines()
    ]  # fmt: skip
    assert found == list(range(1, 600, 4))
    assert (summary.records, summary.files, summary.bytes) == (150, 1, len(text.encode()))


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_a_secret_is_not_written_and_a_formula_not_run(tmp_path: Path, form: str) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    async with opened(url, LogSequencer([KEY])) as database:
        bad = [draft(0, note=f"token {SECRET}"), msgspec.structs.replace(draft(1), outcome="=HYPERLINK(1)")]
        await stage(database, "acme", bad)
    await export_of(url, tmp_path / "out", form=form)
    text = (tmp_path / "out").read_text()
    assert SECRET not in text
    assert "HYPERLINK" in text
    assert (form == "jsonl") is ('"=HYPERLINK' in text)


async def test_an_altered_record_ends_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    strangers.tamper(tmp_path / "log.db", "UPDATE records SET body = x'7b7d' WHERE seq = 7")
    with pytest.raises(RecordAlteredError):
        await export_of(url, tmp_path / "out", form="csv")
    assert not (tmp_path / "out").exists()
