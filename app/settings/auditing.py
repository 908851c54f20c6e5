"""The audit log outside the database: copies, anchors, exports, alarms and backups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from app.settings.section import Section, base_address, base_address_or_nothing, is_loopback
from manifests.cosignature import WitnessKey
from manifests.errors import ManifestError


class WormSettings(Section):
    """A bucket with object lock. Without access and secret key, those of the SDK's usual chain."""

    bucket: Annotated[str, Field(min_length=3, max_length=63)]
    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: SecretStr | None = None

    _url = field_validator("endpoint")(base_address_or_nothing)

    @model_validator(mode="after")
    def _both_keys(self) -> Self:
        if bool(self.access_key) != (self.secret_key is not None):
            raise ValueError("expected both access_key and secret_key, or neither")
        return self


class KafkaSettings(Section):
    """Brokers as host:port and two topics that exist. With ``user``, SASL SCRAM-SHA-512."""

    brokers: Annotated[tuple[str, ...], Field(min_length=1)]
    records_topic: str = "countersign-records"
    anchors_topic: str = "countersign-anchors"
    tls: bool = True
    user: str = ""
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.user) != (self.password is not None):
            raise ValueError("expected both user and password, or neither")
        if not self.tls and not all(is_loopback(broker.rpartition(":")[0]) for broker in self.brokers):
            raise ValueError("expected tls: plain connections are only for this machine")
        return self


class WitnessSettings(Section):
    """A C2SP witness: the prefix its ``add-checkpoint`` is under, and its verifier key ``name+id+base64``."""

    url: str
    key: str

    _url = field_validator("url")(base_address)

    @field_validator("key")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            WitnessKey.parse(value)
        except ManifestError as error:
            raise ValueError(str(error)) from None
        return value


class AuditSettings(Section):
    """Where the log goes besides the database. ``folder`` is for development: its owner can remove what is there."""

    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 2557
    worm: WormSettings | None = None
    kafka: KafkaSettings | None = None
    folder: Path | None = None
    large_blobs: Annotated[int, Field(ge=1 << 16)] | None = None
    witnesses: tuple[WitnessSettings, ...] = ()
    verify_sample: Annotated[int, Field(ge=100, le=100_000)] = 1000
    verify_hour: Annotated[int, Field(ge=0, le=23)] = 3
    verify_full_days: Annotated[int, Field(ge=1, le=7)] = 7

    @model_validator(mode="after")
    def _large_blobs_have_a_place(self) -> Self:
        if self.large_blobs is not None and self.worm is None:
            raise ValueError("large_blobs: expected audit.worm too, for that is where large blobs go")
        return self


class ExportSettings(Section):
    """Where exports that are asked for over the API lie until somebody takes them; all replicas need the same."""

    directory: Path = Path("exports")
    keep_days: Annotated[int, Field(ge=1, le=90)] = 7


class AlertSettings(Section):
    """Where alarms are told, as Apprise's addresses. They may hold passwords."""

    urls: tuple[SecretStr, ...] = ()

    @field_validator("urls")
    @classmethod
    def _known(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        # Heavy to import, and seldom set.
        from integrations.alerts.client import is_address

        for index, address in enumerate(value):
            if not is_address(address.get_secret_value()):
                raise ValueError(f"expected an address that Apprise knows, address {index} is none")
        return value


class BackupSettings(Section):
    """The daily backup: where to (none is made without), at which hour (UTC), and how many stay: the newest ``keep``,
    and all of the last ``keep_days`` days. ``bucket`` has each for ``keep_days``, under its lock."""

    directory: Path | None = None
    hour: Annotated[int, Field(ge=0, le=23)] = 2
    keep: Annotated[int, Field(ge=1)] = 7
    keep_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    bucket: WormSettings | None = None

    @model_validator(mode="after")
    def _a_bucket_has_something_to_take(self) -> Self:
        if self.bucket is not None and (self.directory is None or not self.keep_days):
            raise ValueError("bucket: expected backup.directory, where backups are made, and keep_days of at least 1")
        return self
