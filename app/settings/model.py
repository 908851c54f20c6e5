"""The settings of one service. `load` reads them; only the sandbox makes them by hand.

Secrets are SecretStr: they show in no `repr`, no log and no error. Times are in seconds, sizes in bytes.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from manifests import canonical
from manifests.cosignature import WitnessKey
from manifests.errors import ManifestError

WEBHOOK_SECRET_BYTES = 32
PASSPHRASE_CHARACTERS = 16
DOT_COM = "https://api.github.com"

AppId = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _address(value: str) -> str:
    """A base address: https, or http to this machine; no user, query or fragment; no slash at the end."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected an address like https://host, found {parts.scheme or 'no'} scheme")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("expected an address without user, query or fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"expected https for {parts.hostname}: plain http is only for this machine")
    return value.rstrip("/")


def _address_or_nothing(value: str) -> str:
    return _address(value) if value else value


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Server(Section):
    """Where to listen, and the address others know us by (links, passkeys, the verifier's name)."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str = "http://127.0.0.1:8080"

    _url = field_validator("public_url")(_address)


class DatabaseSettings(Section):
    """`sqlite:///path` or `postgresql://user:password@host/name`. A secret, for it may carry a password."""

    url: SecretStr = SecretStr("sqlite:///countersign.db")

    @field_validator("url")
    @classmethod
    def _known(cls, value: SecretStr) -> SecretStr:
        scheme, separator, rest = value.get_secret_value().partition("://")
        if scheme not in ("sqlite", "postgres", "postgresql") or not separator or not rest.strip("/"):
            raise ValueError(f"expected sqlite:///path or postgresql://…, found scheme {scheme[:20]!r}")
        if scheme == "sqlite" and not rest.startswith("/"):
            raise ValueError("expected three slashes: sqlite:///path")
        return value


class GitHubSettings(Section):
    """The GitHub App. ``pacing`` None: paced at github.com, not at an Enterprise Server."""

    app_id: AppId = ""
    private_key: SecretStr | None = None
    webhook_secrets: tuple[SecretStr, ...] = ()
    api_url: str = DOT_COM
    web_url: str = "https://github.com"
    pacing: bool | None = None

    _urls = field_validator("api_url", "web_url")(_address)

    @field_validator("webhook_secrets")
    @classmethod
    def _long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for index, secret in enumerate(value):
            size = len(secret.get_secret_value().encode())
            if size < WEBHOOK_SECRET_BYTES:
                raise ValueError(f"expected at least {WEBHOOK_SECRET_BYTES} bytes, secret {index} has {size}")
        return value

    @property
    def paced(self) -> bool:
        return self.api_url == DOT_COM if self.pacing is None else self.pacing


class ServiceNowSettings(Section):
    """One instance, entered with user and password, or with client id and secret (OAuth)."""

    url: str
    user: str = ""
    password: SecretStr | None = None
    client_id: str = ""
    client_secret: SecretStr | None = None
    poll_s: Annotated[int, Field(ge=1, le=3600)] = 15

    _url = field_validator("url")(_address)

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        basic = (bool(self.user), self.password is not None)
        oauth = (bool(self.client_id), self.client_secret is not None)
        if (basic, oauth) not in (((True, True), (False, False)), ((False, False), (True, True))):
            raise ValueError("expected either user and password or client_id and client_secret, both of one kind")
        return self


class RetentionSettings(Section):
    """How many days things are kept at least. Left out: as many as `audit.retention_days`. A smaller number than was
    recorded before keeps the service from starting until `countersign retention shorten`."""

    records_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    blobs_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    deliveries_days: Annotated[int, Field(ge=1, le=36_500)] | None = None


class TenantSettings(Section):
    """One customer. ``policy`` is the path of the tenant policy."""

    id: str
    policy: Path
    region: str = ""
    retention: RetentionSettings = RetentionSettings()
    servicenow: ServiceNowSettings | None = None

    @field_validator("id")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", value) or value == "system":
            raise ValueError("expected 1 to 64 of a-z, 0-9 and '-', not 'system'")
        return value


class KmsSettings(Section):
    """Keys encrypted by AWS KMS: files of ciphertext, decrypted at each start and kept in memory only. Without access
    and secret key, those of the SDK's usual chain. ``key_id``: the only key of the KMS that may have encrypted them."""

    gate: Path | None = None
    log: Path | None = None
    log_next: Path | None = None
    region: str = ""
    endpoint: str = ""
    key_id: str = ""
    access_key: str = ""
    secret_key: SecretStr | None = None

    _url = field_validator("endpoint")(_address_or_nothing)

    @model_validator(mode="after")
    def _both_keys(self) -> Self:
        if bool(self.access_key) != (self.secret_key is not None):
            raise ValueError("expected both access_key and secret_key, or neither")
        return self


class VaultSettings(Section):
    """Keys encrypted by the transit engine of a HashiCorp Vault: files of ciphertext (``vault:v1:…``), decrypted at
    each start and kept in memory only."""

    address: str
    token: SecretStr
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    mount: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$")] = "transit"
    namespace: str = ""
    gate: Path | None = None
    log: Path | None = None
    log_next: Path | None = None

    _url = field_validator("address")(_address)


class KeySettings(Section):
    """The server's own keys as PEM; one that is not given is kept as a file in ``directory``, encrypted if there is a
    ``passphrase``. ``rotate_days`` 0: the key of the log is never rotated by itself."""

    gate: SecretStr | None = None
    log: SecretStr | None = None
    log_next: SecretStr | None = None
    directory: Path = Path("keys")
    passphrase: SecretStr | None = None
    rotate_days: Annotated[int, Field(ge=0, le=366)] = 30
    overlap_days: Annotated[int, Field(ge=1, le=90)] = 7
    kms: KmsSettings | None = None
    vault: VaultSettings | None = None

    @field_validator("passphrase")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < PASSPHRASE_CHARACTERS:
            raise ValueError(f"expected at least {PASSPHRASE_CHARACTERS} characters, found fewer")
        return value

    @model_validator(mode="after")
    def _each_from_one_place(self) -> Self:
        given = {use: self.places(use) for use in ("gate", "log", "log_next")}
        for use, places in given.items():
            if len(places) > 1:
                raise ValueError(f"expected one place for the {use} key, found {' and '.join(places)}")
        if given["log_next"] and not given["log"]:
            raise ValueError(
                "expected log_next only beside a log key that is given; keys in files follow by themselves"
            )
        if self.rotate_days and self.overlap_days >= self.rotate_days:
            raise ValueError(
                f"expected overlap_days below rotate_days, found {self.overlap_days} and {self.rotate_days}"
            )
        return self

    def places(self, use: str) -> tuple[str, ...]:
        """Where the settings give a key: ``keys.log``, ``keys.kms.log``, …; none for a key that is kept as a file."""
        sections = (("keys", self), ("keys.kms", self.kms), ("keys.vault", self.vault))
        return tuple(f"{name}.{use}" for name, section in sections if getattr(section, use, None) is not None)


class ArtifactSettings(Section):
    """Where artifacts may be read from; empty lists allow nothing."""

    file_roots: tuple[Path, ...] = ()
    https_hosts: tuple[str, ...] = ()
    s3_buckets: tuple[str, ...] = ()
    s3_endpoint: str = ""
    max_bytes: Annotated[int, Field(gt=0)] = 64 << 30

    _url = field_validator("s3_endpoint")(_address_or_nothing)


class WormSettings(Section):
    """A bucket with object lock. Without access and secret key, those of the SDK's usual chain."""

    bucket: Annotated[str, Field(min_length=3, max_length=63)]
    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: SecretStr | None = None

    _url = field_validator("endpoint")(_address_or_nothing)

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

    _url = field_validator("url")(_address)

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


class PrivacySettings(Section):
    """The key that wraps people's keys, 64 hexadecimal digits; not given, it is kept as `seal.key` beside the server's
    keys. Former ones still unwrap what they wrapped."""

    seal_key: SecretStr | None = None
    former_seal_keys: tuple[SecretStr, ...] = ()


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


class ConsoleSettings(Section):
    """``open``: everyone who reaches the console may look; only on a loopback host."""

    open: bool = False


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


class GateSettings(Section):
    """``verifier_id`` names us in a verification summary; empty means the public address."""

    decision_ttl_s: Annotated[int, Field(ge=1, le=900)] = 900
    verifier_id: str = ""


class Settings(BaseSettings):
    """Everything that can be set. ``sandbox`` is set by the sandbox alone: neither file nor environment can."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    server: Server = Server()
    database: DatabaseSettings = DatabaseSettings()
    github: GitHubSettings = GitHubSettings()
    tenants: tuple[TenantSettings, ...] = ()
    keys: KeySettings = KeySettings()
    artifacts: ArtifactSettings = ArtifactSettings()
    audit: AuditSettings = AuditSettings()
    privacy: PrivacySettings = PrivacySettings()
    exports: ExportSettings = ExportSettings()
    alerts: AlertSettings = AlertSettings()
    backup: BackupSettings = BackupSettings()
    console: ConsoleSettings = ConsoleSettings()
    log: LogSettings = LogSettings()
    gate: GateSettings = GateSettings()
    sandbox: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # The layers are laid over each other by load(): nothing is read behind the caller's back.
        return (init_settings,)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.console.open and not is_loopback(self.server.host):
            raise ValueError(
                f"console.open: expected false, because server.host {self.server.host} is reachable from elsewhere"
            )
        ids = [tenant.id for tenant in self.tenants]
        if len(set(ids)) != len(ids):
            raise ValueError(f"tenants: expected distinct ids, found {', '.join(ids)}")
        return self

    @property
    def verifier_id(self) -> str:
        return self.gate.verifier_id or self.server.public_url

    def digest(self) -> str:
        """SHA-256 of what is set, without the secrets: of these only whether they are set."""
        return canonical.digest(self.model_dump(mode="json", exclude={"log"}))
