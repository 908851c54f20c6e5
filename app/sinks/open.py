"""The sinks that the settings name."""

from __future__ import annotations

from collections.abc import Mapping

from app.clock import Clock
from app.db.database import Database
from app.settings.model import AuditSettings, KafkaSettings, WormSettings
from app.sinks import stream, witness, worm
from app.sinks.model import Sink
from integrations.kafka.client import AioKafkaStream, KafkaOptions
from integrations.objectlock.local import LocalWorm
from integrations.objectlock.s3 import S3Worm
from integrations.witness.client import HttpWitness
from manifests.cosignature import WitnessKey


def open_sinks(
    settings: AuditSettings, database: Database, clock: Clock, kept: Mapping[str, int] | None = None
) -> tuple[Sink, ...]:
    """Nothing is connected yet: a place that is down keeps no service from starting. ``kept`` has the days of each log
    that are not the usual ones."""
    found = list(open_places(settings, clock, kept))
    for one in settings.witnesses:
        key = WitnessKey.parse(one.key)
        found.append(witness.sink(witness.name_of(key), HttpWitness(one.url), key, database, clock))
    return tuple(found)


def open_places(settings: AuditSettings, clock: Clock, kept: Mapping[str, int] | None = None) -> tuple[Sink, ...]:
    """Those that take records, without the witnesses, which need the log itself."""
    found: list[Sink] = []
    if settings.worm is not None:
        found.append(worm.sink("worm", bucket(settings.worm), settings.retention_days, clock, kept=kept))
    if settings.kafka is not None:
        found.append(stream.sink("kafka", AioKafkaStream(_kafka(settings.kafka))))
    if settings.folder is not None:
        found.append(worm.sink("folder", LocalWorm(settings.folder), settings.retention_days, clock, kept=kept))
    return tuple(found)


def bucket(settings: WormSettings) -> S3Worm:
    """Nothing is connected yet."""
    secret = settings.secret_key
    return S3Worm(
        settings.bucket,
        endpoint=settings.endpoint or None,
        region=settings.region or None,
        keys=(settings.access_key, secret.get_secret_value()) if secret is not None else None,
    )


def _kafka(settings: KafkaSettings) -> KafkaOptions:
    return KafkaOptions(
        brokers=settings.brokers,
        records=settings.records_topic,
        anchors=settings.anchors_topic,
        tls=settings.tls,
        user=settings.user,
        password=settings.password.get_secret_value() if settings.password else "",
    )
