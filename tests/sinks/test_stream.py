"""Against brokers that fail: nothing is lost, and what comes twice can be told by its number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.errors import InDoubtError, RefusedError, UnavailableError
from integrations.kafka.client import AioKafkaStream, KafkaOptions
from integrations.kafka.distinct import Distinct
from integrations.kafka.port import RecordStream, StreamRecord
from tests.sinks import kafka
from tests.sinks.kafka import ANCHORS, RECORDS, Cluster


def stream_to(cluster: Cluster, timeout_s: float = 60) -> AioKafkaStream:
    return AioKafkaStream(
        KafkaOptions(brokers=cluster.addresses, records=RECORDS, anchors=ANCHORS, tls=False, timeout_s=timeout_s)
    )


@pytest.fixture
async def stream(cluster: Cluster) -> AsyncIterator[RecordStream]:
    made = stream_to(cluster)
    yield made
    await made.close()


def some(count: int, first: int = 0) -> list[StreamRecord]:
    return [StreamRecord("acme", seq, f"trace-{seq % 3}", b'{"seq":%d}' % seq) for seq in range(first, first + count)]


class Message(msgspec.Struct, frozen=True):
    partition: int
    key: str
    log: str
    seq: int
    body: bytes


async def read_all(cluster: Cluster, distinct: set[int], least: int = 0) -> list[Message]:
    """What is in the stream, once all of ``distinct`` and ``least`` messages came, in each partition's order."""
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(RECORDS, bootstrap_servers=list(cluster.addresses), auto_offset_reset="earliest")
    await consumer.start()
    found: list[Message] = []
    try:
        async with asyncio.timeout(60):
            while len(found) < least or not distinct <= {message.seq for message in found}:
                for partition, messages in (await consumer.getmany(timeout_ms=500)).items():
                    for one in messages:
                        headers = dict(one.headers)
                        found.append(
                            Message(
                                partition.partition, one.key.decode(), headers["log"].decode(), int(headers["seq"]),
                                one.value,
                            )
                        )  # fmt: skip
    finally:
        await consumer.stop()
    return found


def numbers(messages: Sequence[Message]) -> list[int]:
    return sorted(message.seq for message in messages)


async def test_records_arrive_whole_keyed_by_trace_and_in_the_order_of_each(
    cluster: Cluster, stream: RecordStream
) -> None:
    sent = some(500)
    await stream.send(sent)
    got = await read_all(cluster, set(range(500)))
    assert numbers(got) == list(range(500))
    assert {(m.key, m.log, m.seq, m.body) for m in got} == {(r.trace_id, r.log, r.seq, r.body) for r in sent}
    for trace in ("trace-0", "trace-1", "trace-2"):
        of_trace = [message for message in got if message.key == trace]
        assert len({message.partition for message in of_trace}) == 1
        assert [message.seq for message in of_trace] == sorted(message.seq for message in of_trace)


async def test_replicas_that_lack_are_waited_for(cluster: Cluster, stream: RecordStream) -> None:
    await stream.send(some(1))
    cluster.fail(kafka.NOT_ENOUGH_REPLICAS, kafka.NOT_ENOUGH_REPLICAS, kafka.REQUEST_TIMED_OUT)
    await stream.send(some(5, first=1))
    assert numbers(await read_all(cluster, set(range(6)))) == list(range(6))


async def test_a_refusal_is_said_at_once_and_over_when_it_is_over(cluster: Cluster, stream: RecordStream) -> None:
    await stream.send(some(1))
    cluster.fail(kafka.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(RefusedError):
        await stream.send(some(1, first=1))
    await stream.send(some(2, first=1))
    assert set(range(3)) <= set(numbers(await read_all(cluster, {0, 1, 2})))


async def test_what_is_sent_again_after_a_timeout_is_delivered_once(cluster: Cluster) -> None:
    stream = stream_to(cluster, timeout_s=2)
    await stream.send(some(1))
    cluster.down()
    for _ in range(2):
        with pytest.raises((InDoubtError, UnavailableError)):
            await stream.send(some(3, first=1))
    cluster.up()
    async with asyncio.timeout(60):
        while True:
            try:
                await stream.send(some(3, first=1))
                break
            except (InDoubtError, UnavailableError):
                pass
    got = await read_all(cluster, set(range(4)))
    assert numbers(got) == list(range(4))
    await stream.close()


async def test_late_delivery_to_a_process_that_gave_up_is_told_by_its_number(cluster: Cluster) -> None:
    before, after = stream_to(cluster, timeout_s=2), stream_to(cluster)
    await before.send(some(1))
    cluster.down()
    with pytest.raises((InDoubtError, UnavailableError)):
        await before.send(some(3, first=1))
    cluster.up()
    await after.send(some(3, first=1))
    await after.close()
    got = await read_all(cluster, set(range(4)), least=7)
    await before.close()
    distinct = Distinct()
    assert sorted(one.seq for one in got if distinct.first_time(one.log, one.seq)) == list(range(4))
    assert distinct.missing("acme") == ()


async def test_no_broker_is_unavailable_not_in_doubt() -> None:
    stream = AioKafkaStream(KafkaOptions(("127.0.0.1:9",), RECORDS, ANCHORS, tls=False, timeout_s=5))
    with pytest.raises(UnavailableError):
        await stream.send(some(1))
    with pytest.raises(UnavailableError):
        await stream.anchors(0)
    await stream.close()


async def test_anchors_are_read_back_from_any_offset_on(cluster: Cluster, stream: RecordStream) -> None:
    assert await stream.anchors(0) == []
    offsets = [await stream.anchor(f"log-{n % 2}", b"note %d" % n) for n in range(5)]
    everything = await stream.anchors(0)
    assert [(one.log, one.note) for one in everything] == [(f"log-{n % 2}", b"note %d" % n) for n in range(5)]
    assert [one.offset for one in everything] == offsets
    assert [one.note for one in await stream.anchors(offsets[3])] == [b"note 3", b"note 4"]
    assert await stream.anchors(offsets[4] + 1) == []


async def test_topics_that_are_there_are_no_problem(stream: RecordStream) -> None:
    assert list(await stream.problems()) == []


@given(st.lists(st.integers(0, 30), max_size=60))
def test_each_number_is_new_exactly_once(numbers: list[int]) -> None:
    distinct, met = Distinct(), set()
    for number in numbers:
        assert distinct.first_time("acme", number) == (number not in met)
        met.add(number)
    gaps = {n for first, end in distinct.missing("acme") for n in range(first, end)}
    assert gaps == set(range(max(met, default=0))) - met


def test_logs_are_told_apart() -> None:
    distinct = Distinct()
    assert distinct.first_time("acme", 1)
    assert distinct.first_time("other", 1)
    assert not distinct.first_time("acme", 1)
