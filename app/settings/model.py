"""The settings of one service. `load` reads them; only the sandbox makes them by hand.

Secrets are SecretStr: they show in no `repr`, no log and no error. Times are in seconds, sizes in bytes.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.settings.auditing import (
    AlertSettings,
    AuditSettings,
    BackupSettings,
    ExportSettings,
    KafkaSettings,
    WitnessSettings,
    WormSettings,
)
from app.settings.running import (
    ArtifactSettings,
    ConsoleSettings,
    DatabaseSettings,
    GateSettings,
    LogSettings,
    Server,
)
from app.settings.secrecy import PASSPHRASE_CHARACTERS, KeySettings, KmsSettings, PrivacySettings, VaultSettings
from app.settings.section import Section, is_loopback
from app.settings.tenancy import (
    DOT_COM,
    WEBHOOK_SECRET_BYTES,
    GitHubSettings,
    IdentitySettings,
    RetentionSettings,
    ServiceNowSettings,
    TenantSettings,
)
from manifests import canonical

__all__ = [
    "DOT_COM",
    "PASSPHRASE_CHARACTERS",
    "WEBHOOK_SECRET_BYTES",
    "AlertSettings",
    "ArtifactSettings",
    "AuditSettings",
    "BackupSettings",
    "ConsoleSettings",
    "DatabaseSettings",
    "ExportSettings",
    "GateSettings",
    "GitHubSettings",
    "IdentitySettings",
    "KafkaSettings",
    "KeySettings",
    "KmsSettings",
    "LogSettings",
    "PrivacySettings",
    "RetentionSettings",
    "Section",
    "Server",
    "ServiceNowSettings",
    "Settings",
    "TenantSettings",
    "VaultSettings",
    "WitnessSettings",
    "WormSettings",
    "is_loopback",
]


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
