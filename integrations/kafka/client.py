"""Kafka through aiokafka: all replicas acknowledge, the producer is idempotent.

The library never gives up on an idempotent message: what is not acknowledged within our time may be delivered
minutes later. It stays with its producer, and sending it again waits for that same delivery instead of making
another; only a new process, or a producer that broke, sends it twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from integrations.errors import InDoubtError, NeighbourError, RefusedError, UnavailableError
from integrations.kafka.port import StreamedAnchor, StreamRecord

ANCHOR_PARTITION = 0
CLOSE_S = 2.0
READ_S = 0.5
BATCH_BYTES = 256 << 10
MAX_REQUEST_BYTES = 1 << 20
"""A record is at most 64 KiB; brokers take 1 MiB unless told otherwise."""

_Place = tuple[str, int]


class KafkaOptions(msgspec.Struct, frozen=True):
    """``brokers`` as host:port. With ``user``, SASL SCRAM-SHA-512. ``timeout_s`` bounds every call."""

    brokers: tuple[str, ...]
    records: str
    anchors: str
    tls: bool = True
    user: str = ""
    password: str = ""
    timeout_s: float = 20.0


class AioKafkaStream:
    """See RecordStream. The library is loaded at the first call."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._producer: Any = None
        self._starting = asyncio.Lock()
        self._under_way: dict[_Place, asyncio.Future[Any]] = {}

    async def send(self, records: Sequence[StreamRecord]) -> None:
        await self._bounded(lambda: self._send(records), f"{self._options.records}: {len(records)} records")

    async def anchor(self, log: str, note: bytes) -> int:
        told = await self._bounded(lambda: self._anchor(log, note), f"{self._options.anchors}: a checkpoint of {log}")
        return int(told.offset)

    async def anchors(self, since: int) -> Sequence[StreamedAnchor]:
        return await self._read(since)

    async def problems(self) -> Sequence[str]:
        """Whether both topics are there."""
        producer = await self._started()
        found = []
        for topic in (self._options.records, self._options.anchors):
            try:
                async with asyncio.timeout(self._options.timeout_s):
                    await producer.partitions_for(topic)
            except Exception as error:
                found.append(f"expected a topic {topic}, found none ({type(error).__name__}). Create it.")
        return found

    async def close(self) -> None:
        await self._drop()

    async def _send(self, records: Sequence[StreamRecord]) -> None:
        producer = await self._started()
        waiting = []
        for record in records:
            place = (record.log, record.seq)
            future = self._under_way.get(place)
            if future is None:
                future = await producer.send(
                    self._options.records,
                    record.body,
                    key=record.trace_id.encode(),
                    headers=[("log", record.log.encode()), ("seq", str(record.seq).encode())],
                )
                self._under_way[place] = future
            waiting.append(future)
        # Not gathered: giving up waiting must not cancel what the producer still holds.
        done, _ = await asyncio.wait(set(waiting)) if waiting else (set(), set())
        for future in done:
            future.result()
        for record in records:
            self._under_way.pop((record.log, record.seq), None)

    async def _anchor(self, log: str, note: bytes) -> Any:
        producer = await self._started()
        return await producer.send_and_wait(self._options.anchors, note, key=log.encode(), partition=ANCHOR_PARTITION)

    async def _bounded(self, do: Callable[[], Awaitable[Any]], what: str) -> Any:
        try:
            async with asyncio.timeout(self._options.timeout_s):
                return await do()
        except NeighbourError:
            raise
        except TimeoutError:
            raise InDoubtError(
                f"{what}: not acknowledged within {self._options.timeout_s:g} s, they may be delivered later."
            ) from None
        except Exception as error:
            # A failed message leaves a gap in the producer's numbers, which brokers hold against it.
            await self._drop()
            raise _failure(error, what) from error

    async def _started(self) -> Any:
        async with self._starting:
            if self._producer is None:
                library = await asyncio.to_thread(importlib.import_module, "aiokafka")
                producer = library.AIOKafkaProducer(
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=BATCH_BYTES,
                    max_request_size=MAX_REQUEST_BYTES,
                    retry_backoff_ms=100,
                    **self._connection(),
                )
                await self._start(producer)
                self._producer = producer
            return self._producer

    async def _start(self, client: Any) -> None:
        """Raises UnavailableError: nothing was sent yet."""
        try:
            async with asyncio.timeout(self._options.timeout_s):
                await client.start()
        except BaseException as error:
            with contextlib.suppress(Exception):
                await client.stop()
            if not isinstance(error, Exception):
                raise
            raise UnavailableError(f"{', '.join(self._options.brokers)}: no broker answers ({error!r}).") from error

    def _connection(self) -> dict[str, Any]:
        options = self._options
        sasl = {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": options.user,
            "sasl_plain_password": options.password,
        }
        return {
            "bootstrap_servers": list(options.brokers),
            "request_timeout_ms": int(options.timeout_s * 1000),
            "security_protocol": ("SASL_" if options.user else "") + ("SSL" if options.tls else "PLAINTEXT"),
            "ssl_context": ssl.create_default_context() if options.tls else None,
            **(sasl if options.user else {}),
        }

    async def _drop(self) -> None:
        """Flush for a moment, then let go, whatever is still held."""
        producer, self._producer = self._producer, None
        under_way, self._under_way = self._under_way, {}
        if producer is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await producer.stop()
        except Exception:
            await _abandon(producer)
        for future in under_way.values():
            if future.done() and not future.cancelled():
                future.exception()

    async def _read(self, since: int) -> Sequence[StreamedAnchor]:
        library = await asyncio.to_thread(importlib.import_module, "aiokafka")
        consumer = library.AIOKafkaConsumer(
            group_id=None, enable_auto_commit=False, auto_offset_reset="earliest", **self._connection()
        )
        await self._start(consumer)
        partition = library.TopicPartition(self._options.anchors, ANCHOR_PARTITION)
        try:
            async with asyncio.timeout(self._options.timeout_s):
                return await _to_the_end(consumer, partition, since)
        except Exception as error:
            raise UnavailableError(f"{self._options.anchors}: cannot be read ({error!r}).") from error
        finally:
            await consumer.stop()


async def _to_the_end(consumer: Any, partition: Any, since: int) -> list[StreamedAnchor]:
    consumer.assign([partition])
    end = (await consumer.end_offsets([partition]))[partition]
    first = (await consumer.beginning_offsets([partition]))[partition]
    consumer.seek(partition, min(max(since, first), end))
    found: list[StreamedAnchor] = []
    while await consumer.position(partition) < end:
        read = await consumer.getmany(partition, timeout_ms=int(READ_S * 1000))
        found += [
            StreamedAnchor((message.key or b"").decode(errors="replace"), message.value or b"", message.offset)
            for message in read.get(partition, [])
        ]
    return found


async def _abandon(producer: Any) -> None:
    """The library has no way to let go of messages that no broker takes, so its sender is ended by hand."""
    sender = getattr(producer, "_sender", None)
    task = getattr(sender, "sender_task", None)
    if task is not None:
        task.cancel()
        await asyncio.wait([task], timeout=CLOSE_S)
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_S):
            await producer.client.close()


def _failure(error: Exception, what: str) -> NeighbourError:
    name = type(error).__name__
    if "Authoriz" in name or "Authentic" in name or "Sasl" in name or name in _REFUSED:
        return RefusedError(f"{what}: refused by Kafka ({name}). Check the service's rights and the topic's limits.")
    return InDoubtError(f"{what}: failed in Kafka, they may have been delivered ({name}).")


_REFUSED = frozenset(
    {"MessageSizeTooLargeError", "RecordListTooLargeError", "InvalidTopicError", "PolicyViolationError"}
)
