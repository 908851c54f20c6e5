"""What lies in WORM storage is held against its receipts: missing, altered, overlapping, uncovered ranges are named."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from app.audit.sequence import LogSequencer
from app.db.database import Database
from app.sinks import records
from app.sinks.model import Entry, Receipt, Segment, sha256
from app.verification.report import Report
from app.verification.segments import verify_folder, verify_store
from integrations.objectlock.local import LocalWorm
from tests.audit.made import AT, KEY, draft, stage
from tests.db.opened import opened
from tests.verification.made import codes
from tests.verification.test_tampering import body, tamper

PARTS = ((0, 40), (40, 80), (80, 100))
"""Of the first hundred records of the log; receipts and a few more follow."""


async def deliver(database: Database, store: LocalWorm, first: int, end: int, sink: str = "folder") -> Receipt:
    """As a sink does it: an object, and a receipt in the log."""
    segment = Segment("acme", first, tuple(Entry("t", b"record %d" % seq) for seq in range(first, end)))
    data = segment.data()
    key = f"acme/segment/{first:016d}-{end - 1:016d}.{sha256(data)}"
    version = await store.put(key, data, AT)
    receipt = Receipt(len(data), key, sha256(data), AT, version)
    await stage(database, "acme", [records.delivered(sink, segment, receipt, AT)])
    return receipt


class Bench(NamedTuple):
    url: str
    path: Path
    folder: Path
    receipts: list[Receipt]

    async def verified(self) -> Report:
        return await asyncio.to_thread(verify_folder, self.url, self.folder)

    def file(self, nth: int) -> Path:
        receipt = self.receipts[nth]
        return self.folder / f"{receipt.key}@{receipt.version}"


async def made(tmp_path: Path, parts: tuple[tuple[int, int], ...] = PARTS) -> Bench:
    bench = Bench(f"sqlite:///{tmp_path}/log.db", tmp_path / "log.db", tmp_path / "worm", [])
    store = LocalWorm(bench.folder)
    async with opened(bench.url, LogSequencer([KEY])) as database:
        await stage(database, "acme", [draft(number) for number in range(100)])
        for first, end in parts:
            bench.receipts.append(await deliver(database, store, first, end))
    return bench


async def test_segments_that_are_what_was_stored_are_no_finding(tmp_path: Path) -> None:
    bench = await made(tmp_path)
    report = await bench.verified()
    assert [(item.code, item.kind) for item in report.findings] == [("segment.waiting", "note")]
    assert "records 100 to 102 are in no segment yet" in report.findings[0].message
    assert (report.exit_code, report.segments, report.records) == (0, 3, 100)
    in_bucket = await verify_store(bench.url, LocalWorm(bench.folder), "folder", ["acme"])
    assert codes(in_bucket) == {"segment.waiting"}


async def test_a_copy_of_a_bucket_has_no_versions_in_its_names(tmp_path: Path) -> None:
    bench = await made(tmp_path)
    for nth, receipt in enumerate(bench.receipts):
        bench.file(nth).rename(bench.folder / receipt.key)
    assert codes(await bench.verified()) == {"segment.waiting"}


def _write(path: Path, change: Callable[[bytes], bytes]) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(change(data))


class Case(NamedTuple):
    name: str
    change: Callable[[Path], object]
    code: str
    says: str


@pytest.mark.parametrize(
    "case",
    [
        Case("removed", os.unlink, "segment.missing", "(records 40 to 79, version"),
        Case(
            "a bit", lambda path: _write(path, lambda data: data[:9] + b"X" + data[10:]), "segment.altered", "expected"
        ),
        Case("cut short", lambda path: _write(path, lambda data: data[:-1]), "segment.altered", "records 40 to 79"),
        Case("longer", lambda path: _write(path, lambda data: data + b"x"), "segment.altered", "records 40 to 79"),
        Case("emptied", lambda path: _write(path, lambda data: b""), "segment.altered", "records 40 to 79"),
    ],
    ids=lambda case: case.name,
)
async def test_an_object_that_is_not_what_was_stored_is_named(tmp_path: Path, case: Case) -> None:
    bench = await made(tmp_path)
    case.change(bench.file(1))
    for report in (await bench.verified(), await verify_store(bench.url, LocalWorm(bench.folder), "folder", ["acme"])):
        (found,) = [item for item in report.findings if item.kind == "finding"]
        assert (found.code, found.seq, found.log) == (case.code, 40, "acme")
        assert case.says in found.message
        assert report.exit_code == 1


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (((0, 40), (50, 100)), [("segment.uncovered", 40, "records 40 to 49")]),
        (((10, 100),), [("segment.uncovered", 0, "records 0 to 9")]),
        (((0, 60), (50, 100)), [("segment.overlap", 50, "records 50 to 59")]),
        (((0, 100), (20, 30)), [("segment.overlap", 20, "records 20 to 29")]),
        (((0, 40), (0, 40), (40, 100)), []),
    ],
    ids=["gap", "beginning", "overlap", "inside", "told twice"],
)
async def test_ranges_that_do_not_fit_together_are_named(
    tmp_path: Path, parts: tuple[tuple[int, int], ...], expected: list[tuple[str, int, str]]
) -> None:
    report = await (await made(tmp_path, parts)).verified()
    found = [item for item in report.findings if item.kind == "finding"]
    assert [(item.code, item.seq) for item in found] == [(code, seq) for code, seq, _ in expected]
    assert all(says in item.message for item, (_, _, says) in zip(found, expected, strict=True))


async def test_a_receipt_that_was_altered_counts_for_nothing(tmp_path: Path) -> None:
    bench = await made(tmp_path)
    tamper(bench.path, body(101, b'"first":40', b'"first":41'))
    assert {("segment.receipt_altered", 101), ("segment.uncovered", 40)} <= {
        (item.code, item.seq) for item in (await bench.verified()).findings
    }


async def test_an_object_without_receipt_is_noted_and_a_folder_without_any_is_no_answer(tmp_path: Path) -> None:
    bench = await made(tmp_path)
    (bench.folder / "acme" / "segment" / "stranger").write_bytes(b"x")
    report = await bench.verified()
    assert "segment.unknown" in codes(report)
    assert report.exit_code == 0
    async with opened(bench.url, LogSequencer([KEY])) as database:
        await stage(database, "other", [draft(0)])
    other = await asyncio.to_thread(verify_folder, bench.url, bench.folder, ["other"])
    assert (codes(other), other.exit_code) == ({"segment.no_receipt"}, 3)


async def test_a_key_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    bench = await made(tmp_path, ())
    (tmp_path / "secret").write_bytes(b"x")
    segment = Segment("acme", 0, (Entry("t", b"x"),))
    async with opened(bench.url, LogSequencer([KEY])) as database:
        receipt = Receipt(1, "../secret", sha256(b"x"), AT, "v")
        await stage(database, "acme", [records.delivered("folder", segment, receipt, AT)])
    bench.folder.mkdir()
    assert "segment.missing" in codes(await bench.verified())
