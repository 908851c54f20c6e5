"""The order of commits is the order of the log, on one process and on several replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.audit import store
from app.audit.sequence import LogSequencer
from app.db.tx import Tx
from manifests import checkpoint, merkle, record
from manifests.errors import ManifestError
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from manifests.record import Record
from tests.audit.made import AT, KEY, draft, fill, stage, verified
from tests.db.opened import opened

History = Sequence[Sequence[tuple[str, str]]]
BODIES = text("SELECT seq, body, leaf FROM records WHERE log = :log ORDER BY seq")
NOTES = text("SELECT size, note FROM checkpoints WHERE log = :log ORDER BY size")


def records(tx: Tx, log: str) -> list[Record]:
    return [record.parse(bytes(row.body)) for row in tx.all(BODIES, log=log)]


async def test_records_are_numbered_and_chained_in_the_order_they_were_staged(database_url: str) -> None:
    async with opened(database_url, LogSequencer([KEY])) as database:
        await stage(database, "acme", [draft(0, "a"), draft(1, "b"), draft(2, "a")])
        await stage(database, "acme", [draft(3, "a"), draft(4, "b")])
        found = await database.read(lambda tx: records(tx, "acme"))
    assert [(item.seq, item.ts - AT, item.trace_id, item.tseq) for item in found] == [
        (0, 0, "a", 0), (1, 1, "b", 0), (2, 2, "a", 1), (3, 3, "a", 2), (4, 4, "b", 1),
    ]  # fmt: skip
    leaves = [merkle.leaf_hash(body) for body in await bodies(database_url)]
    before = [None, None, 0, 2, 1]
    assert [item.prev for item in found] == [
        record.FIRST_PREV if index is None else leaves[index].hex() for index in before
    ]


async def bodies(url: str) -> list[bytes]:
    async with opened(url) as database:
        return [bytes(row.body) for row in await database.read(lambda tx: tx.all(BODIES, log="acme"))]


async def test_every_batch_has_a_signed_checkpoint_with_the_root_of_its_records(database_url: str) -> None:
    await fill(database_url, batches=(3, 1, 4))
    async with opened(database_url) as database:
        notes = await database.read(lambda tx: [(row.size, row.note) for row in tx.all(NOTES, log="acme")])
    leaves = [merkle.leaf_hash(body) for body in await bodies(database_url)]
    origin = "countersign.dev/log/acme"
    assert [size for size, _ in notes] == [3, 4, 8]
    for size, note in notes:
        found = checkpoint.verify(note.encode(), origin, [VerifierKey(origin, KEY.public)])
        assert (found.size, found.root) == (size, merkle.root(leaves[:size]))


async def test_each_log_counts_for_itself(database_url: str) -> None:
    async with opened(database_url, LogSequencer([KEY])) as database:

        def unit(tx: Tx) -> None:
            for number in range(6):
                tx.stage("acme" if number % 2 else "zeta", draft(number))

        await database.write(unit)
        for log in ("acme", "zeta"):
            found = await database.read(partial(records, log=log))
            assert [item.seq for item in found] == [item.tseq for item in found] == [0, 1, 2]


async def test_the_head_keeps_the_latest_instant_even_if_the_clock_goes_back(database_url: str) -> None:
    async with opened(database_url, LogSequencer([KEY])) as database:
        await stage(database, "acme", [draft(9), draft(3)])
        await stage(database, "acme", [draft(5)])
        assert await database.read(lambda tx: store.head(tx, "acme")) == store.LogHead(3, AT + 9)


@pytest.mark.parametrize(
    "bad",
    [
        draft(0, note="x" * record.MAX_BYTES),
        draft(0, trace=""),
        draft(0, trace="t" * 513),
        draft(-AT - 1),
    ],
    ids=["too long", "no trace", "long trace", "negative instant"],
)
async def test_a_record_that_cannot_be_sealed_fails_only_its_own_unit(database_url: str, bad: record.Draft) -> None:
    async with opened(database_url, LogSequencer([KEY])) as database:
        answers = await asyncio.gather(
            *(stage(database, "acme", [draft(n)] if n != 4 else [draft(40), bad]) for n in range(9)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers if answer is not None] == [ManifestError]
        found = await database.read(lambda tx: records(tx, "acme"))
    assert sorted(item.ts - AT for item in found) == [0, 1, 2, 3, 5, 6, 7, 8]


def test_only_ed25519_keys_sign() -> None:
    with pytest.raises(ValueError, match="Ed25519"):
        LogSequencer([PrivateKey.generate("ecdsa-p256")])
    with pytest.raises(ValueError, match="at least one key"):
        LogSequencer([])


async def test_while_a_key_is_replaced_both_sign(database_url: str) -> None:
    other = PrivateKey.generate("ed25519")
    origin = "elsewhere.example/acme"
    async with opened(database_url, LogSequencer([KEY, other], "elsewhere.example")) as database:
        await stage(database, "acme", [draft(0)])
        stored = await database.read(lambda tx: store.checkpoint(tx, "acme"))
    assert stored is not None
    for key in (KEY, other):
        assert checkpoint.verify(stored.note.encode(), origin, [VerifierKey(origin, key.public)]).size == 1


async def test_replicas_never_fork_a_log(postgres_url: str) -> None:
    replicas = 3
    each = 40

    async def replica(number: int) -> None:
        async with opened(postgres_url, LogSequencer([KEY])) as database:

            async def writer(writer_number: int) -> None:
                for step in range(each // 8):
                    count = number * 1000 + writer_number * 100 + step
                    await stage(database, "acme", [draft(count, f"t{writer_number}"), draft(count, f"r{number}")])

            await asyncio.gather(*(writer(writer_number) for writer_number in range(8)))

    await replica(9)  # migrates
    async with opened(postgres_url, LogSequencer([KEY])):
        await asyncio.gather(*(replica(number) for number in range(replicas)))
    report = await verified(postgres_url)
    assert report.findings == ()
    assert report.records == (replicas + 1) * each * 2


async def test_replicas_that_begin_a_log_together_do_not_fork_it(postgres_url: str) -> None:
    async with opened(postgres_url, LogSequencer([KEY])) as one, opened(postgres_url, LogSequencer([KEY])) as two:
        units = [stage(database, f"log-{n}", [draft(n)]) for n in range(12) for database in (one, two)]
        await asyncio.gather(*units)
    report = await verified(postgres_url)
    assert report.findings == ()
    assert [log.records for log in report.logs] == [2] * 12


async def test_records_that_a_dead_replica_staged_are_numbered_by_another(postgres_url: str) -> None:
    import msgspec

    insert = text("INSERT INTO staged_records (log, draft) VALUES ('acme', :draft)")
    async with opened(postgres_url, LogSequencer([KEY])) as database:
        await database.write(lambda tx: tx.run(insert, draft=msgspec.json.encode(draft(0))))
        await stage(database, "other", [draft(1)])
        while not await database.read(lambda tx: records(tx, "acme")):
            await asyncio.sleep(0.01)
    assert (await verified(postgres_url)).findings == ()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), max_size=9), max_size=6))
def test_any_history_verifies(
    tmp_path_factory: pytest.TempPathFactory, history: Sequence[Sequence[tuple[str, str]]]
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('log')}/one.db"

    async def play() -> None:
        async with opened(url, LogSequencer([KEY])) as database:
            for number, batch in enumerate(history):

                def unit(tx: Tx, number: int = number, batch: Sequence[tuple[str, str]] = batch) -> None:
                    for log, trace in batch:
                        tx.stage(log, draft(number, trace))

                await database.write(unit)
        report = await verified(url)
        assert report.findings == ()
        assert report.records == sum(map(len, history))

    asyncio.run(play())
