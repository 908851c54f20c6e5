"""The server's own keys and people's data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from app.settings.section import Section, base_address, base_address_or_nothing

PASSPHRASE_CHARACTERS = 16


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

    _url = field_validator("endpoint")(base_address_or_nothing)

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

    _url = field_validator("address")(base_address)


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


class PrivacySettings(Section):
    """The key that wraps people's keys, 64 hexadecimal digits; not given, it is kept as `seal.key` beside the server's
    keys. Former ones still unwrap what they wrapped."""

    seal_key: SecretStr | None = None
    former_seal_keys: tuple[SecretStr, ...] = ()
