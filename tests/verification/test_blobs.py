"""Verification reads the blobs that decisions and grants name, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.blobs.store import FILES, BlobStore
from app.db.database import Database
from app.db.tx import Tx
from app.verification import store as verifications
from app.verification.report import Report
from app.verification.verify import OVERLAP, verify
from manifests.canonical import encode, sha256_hex
from manifests.record import Draft, facts
from manifests.vocabulary import Event
from tests.audit.made import AT, KEY
from tests.db.opened import opened

PULL, POLICIES, VERDICT, ATTESTATION, STATEMENT = b"pull", b"policies", b"verdict", b"attestation", b"statement"
SNAPSHOT = encode({"v": 1, "parts": {"pull": sha256_hex(PULL), "policies": sha256_hex(POLICIES)}})
ODD = encode({"v": 99})
ALL = (PULL, POLICIES, VERDICT, ATTESTATION, STATEMENT, SNAPSHOT, ODD)


def draft(event: Event, resource: str, **named: bytes) -> Draft:
    data = {name: sha256_hex(body) for name, body in named.items()}
    return Draft(
        trace_id="release-1", ts=AT, stage="verify", event=event, component="gate", resource=resource, outcome="allow",
        data=facts({"environment": "production", **data}),
    )  # fmt: skip


DRAFTS = (
    draft("verdict.recorded", "decision/merge", snapshot=SNAPSHOT, verdict=VERDICT),
    draft("decision.recorded", "decision/deploy", snapshot=SNAPSHOT, verdict=VERDICT, attestation=ATTESTATION),
    draft("grant.recorded", "grant/release/one", statement=STATEMENT),
    draft("release.proposed", "release/1", statement=b"not looked at"),
)


async def fill(url: str, without: bytes = b"", drafts: tuple[Draft, ...] = DRAFTS, log: str = "acme") -> None:
    """A log whose records name blobs, and the blobs but for one."""

    def unit(tx: Tx) -> None:
        BlobStore(lambda: AT).put_many(tx, [("test", body) for body in ALL if body != without])
        for item in drafts:
            tx.stage(log, item)

    async with opened(url, LogSequencer([KEY])) as database:
        await database.write(unit)


async def verified(url: str, **options: Any) -> Report:
    return await asyncio.to_thread(verify, url, [KEY.public], clock=lambda: AT, **options)


class Case(NamedTuple):
    """A blob, and how the finding names it: record, whose, what, how many more."""

    body: bytes
    seq: int
    resource: str
    what: str
    more: str = ""


CASES = (
    Case(SNAPSHOT, 0, "decision/merge", "snapshot", "1 more name it."),
    Case(PULL, 0, "decision/merge", "snapshot's pull"),
    Case(POLICIES, 0, "decision/merge", "snapshot's policies"),
    Case(VERDICT, 0, "decision/merge", "verdict", "1 more name it."),
    Case(ATTESTATION, 1, "decision/deploy", "attestation"),
    Case(STATEMENT, 2, "grant/release/one", "statement"),
)


def one(report: Report, code: str, case: Case) -> None:
    """One finding, which names the blob and whose it is; the log itself is right."""
    (found,) = report.findings
    assert (found.code, found.log, found.seq, found.kind, report.exit_code) == (code, "acme", case.seq, "finding", 1)
    expected = f"{case.resource} (record {case.seq} of log acme): expected its {case.what} as blob"
    assert found.message.startswith(f"{expected} {sha256_hex(case.body)}, found")
    assert found.message.endswith(case.more)
    assert found.remedy


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
async def test_a_blob_that_is_gone_is_found(database_url: str, case: Case) -> None:
    await fill(database_url, without=case.body)
    one(await verified(database_url), "blob.missing", case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
async def test_a_blob_that_is_another_is_found(database_url: str, case: Case) -> None:
    plant = text("INSERT INTO blobs (digest, kind, body, created_at) VALUES (:digest, 'test', :body, 0)")
    async with opened(database_url) as database:
        await planted(database, lambda tx: tx.run(plant, digest=sha256_hex(case.body), body=case.body + b" "))
    await fill(database_url)
    one(await verified(database_url), "blob.altered", case)


async def planted(database: Database, change: Callable[[Tx], object]) -> None:
    def unit(tx: Tx) -> None:
        change(tx)

    await database.write(unit)


async def test_blobs_that_are_right_are_read_once_each(database_url: str) -> None:
    await fill(database_url)
    report = await verified(database_url)
    assert (report.findings, report.blobs, report.outside, report.exit_code) == ((), len(ALL), 0, 0)
    # Those of one log only: what its records name.
    report = await verified(database_url, logs=["acme"])
    assert (report.findings, report.blobs, report.outside) == ((), len(ALL) - 1, None)


async def test_blobs_can_be_left_out(database_url: str) -> None:
    await fill(database_url, without=SNAPSHOT)
    report = await verified(database_url, blobs=False)
    assert (report.findings, report.blobs, report.exit_code) == ((), None, 0)


async def test_only_the_logs_asked_for_are_looked_at(database_url: str) -> None:
    await fill(database_url, without=STATEMENT)
    await fill(database_url, without=STATEMENT, drafts=DRAFTS[:2], log="other")
    assert (await verified(database_url, logs=["other"])).findings == ()
    assert [found.log for found in (await verified(database_url)).findings] == ["acme"]


async def test_a_snapshot_of_an_unknown_form_is_not_taken_for_whole(database_url: str) -> None:
    await fill(database_url, drafts=(draft("decision.recorded", "decision/odd", snapshot=ODD),))
    report = await verified(database_url)
    assert ([found.code for found in report.findings], report.exit_code) == (["blob.unreadable"], 3)


async def test_many_decisions_that_share_a_damaged_blob_are_one_finding(database_url: str) -> None:
    shared = tuple(draft("decision.recorded", f"decision/{n:04}", verdict=VERDICT) for n in range(1203))
    await fill(database_url, without=VERDICT, drafts=shared)
    (found,) = (await verified(database_url)).findings
    assert found.message.endswith("1202 more name it.")


COPY = text(
    "INSERT INTO blob_places (digest, sink, kind, start, size, key, version, until, at) "
    "VALUES (:digest, 'folder', :kind, 36, 5, '_blobs/0001.ab', 'v7', 0, 0)"
)
STORE = "INSERT INTO {} (digest, kind, body, created_at) VALUES (:digest, :kind, :body, :at)"


async def store(url: str, body: bytes, *, found: bytes | None = None, at: int = AT, table: str = "blobs") -> str:
    """A blob that no record names; ``found`` stands there instead. Answers its digest."""
    digest = sha256_hex(body)
    row = {"digest": digest, "kind": "delivery", "body": body if found is None else found, "at": at}
    async with opened(url) as database:
        await planted(database, lambda tx: tx.run(text(STORE.format(table)), **row))
    return digest


async def copy(url: str, body: bytes, kind: str) -> str:
    digest = sha256_hex(body)
    async with opened(url) as database:
        await planted(database, lambda tx: tx.run(COPY, digest=digest, kind=kind))
    return digest


@pytest.mark.parametrize("table", ["blobs", "blob_uploads"])
async def test_a_blob_that_no_record_names_is_hashed_too(database_url: str, table: str) -> None:
    await fill(database_url)
    await store(database_url, b"a delivery", table=table)
    report = await verified(database_url)
    assert (report.findings, report.blobs) == ((), len(ALL) + 1)
    digest = await store(database_url, b"another", found=b"anothes", table=table)
    report = await verified(database_url)
    (found,) = report.findings
    assert (found.code, found.log, found.seq, report.exit_code) == ("blob.altered", "system", None, 1)
    assert found.message == (
        f"expected the blob {digest} (delivery), found bytes whose digest is {sha256_hex(b'anothes')}."
    )
    assert "countersign audit blob" in found.remedy


async def test_a_blob_that_was_copied_and_is_gone_is_found_and_its_copy_named(database_url: str) -> None:
    await fill(database_url, without=VERDICT)
    await copy(database_url, VERDICT, "verdict")
    await copy(database_url, PULL, "snapshot")
    gone = await copy(database_url, b"a delivery", "delivery")
    named, unnamed = (await verified(database_url)).findings
    where = " A copy lies in folder (_blobs/0001.ab, version v7)."
    assert (named.code, named.log, unnamed.code, unnamed.log) == ("blob.missing", "acme", "blob.missing", "system")
    assert named.message.endswith(f"found none. 1 more name it.{where}")
    assert unnamed.message == f"expected the blob {gone} (delivery), found none.{where}"


async def test_an_altered_blob_is_told_with_its_copy(database_url: str) -> None:
    await store(database_url, b"true", found=b"false")
    await copy(database_url, b"true", "delivery")
    await fill(database_url)
    (found,) = (await verified(database_url)).findings
    assert (found.code, found.message.endswith("A copy lies in folder (_blobs/0001.ab, version v7).")) == (
        "blob.altered", True,
    )  # fmt: skip


async def test_a_large_file_that_lies_only_outside_is_not_missing(database_url: str) -> None:
    await fill(database_url)
    await copy(database_url, b"large", FILES)
    report = await verified(database_url)
    assert (report.outside, report.exit_code) == (1, 0)
    assert [(found.code, found.kind) for found in report.findings] == [("blob.outside", "note")]


async def passed(url: str, log: str) -> None:
    """As the service leaves it after a run over this log that found nothing."""
    (report,) = (await verified(url, logs=[log])).logs

    def unit(tx: Tx) -> None:
        verifications.passed(tx, log, report.records, bytes.fromhex(report.frontier), AT, full=True)

    async with opened(url) as database:
        await planted(database, unit)


async def test_goes_on_with_the_blobs_that_are_new(database_url: str) -> None:
    await fill(database_url)
    await store(database_url, b"old", found=b"altered", at=AT - 2 * OVERLAP)
    new = await store(database_url, b"new", found=b"altered", at=AT)
    # Nothing tells when the last run was: all blobs.
    await passed(database_url, "acme")
    assert len((await verified(database_url, incremental=True)).findings) == 2
    await fill(database_url, drafts=DRAFTS[3:], log="system")
    await passed(database_url, "system")
    (found,) = (await verified(database_url, incremental=True)).findings
    assert new in found.message
    assert len((await verified(database_url, incremental=True, whole=("system",))).findings) == 2
    assert len((await verified(database_url)).findings) == 2


async def test_goes_on_and_still_finds_what_is_gone(database_url: str) -> None:
    await fill(database_url, drafts=DRAFTS[3:], log="system")
    await passed(database_url, "system")
    await copy(database_url, b"long ago", "delivery")
    (found,) = (await verified(database_url, incremental=True)).findings
    assert found.code == "blob.missing"
