"""Keys that the settings give: in the clear, or as ciphertext that a key service opens at start."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from pydantic import SecretStr

from app.keys.errors import ServerKeyError
from app.settings.model import KeySettings, KmsSettings, VaultSettings
from integrations.errors import NeighbourError

Name = Literal["gate", "log", "log_next"]
MAX_CIPHERTEXT = 64 << 10


class Given(msgspec.Struct, frozen=True):
    """A key as PEM; ``where`` names the setting. Only a key that stands in the settings may be encrypted."""

    pem: bytes
    where: str
    passphrase: bytes | None = None

    def __repr__(self) -> str:
        return f"Given({self.where})"


def passphrase(settings: KeySettings) -> bytes | None:
    return settings.passphrase.get_secret_value().encode() if settings.passphrase is not None else None


def read(settings: KeySettings, name: Name) -> Given | None:
    """None for a key that is not given. Raises ServerKeyError where it is and cannot be had: no other key stands in."""
    value = getattr(settings, name)
    if isinstance(value, SecretStr):
        return Given(value.get_secret_value().encode(), f"keys.{name}", passphrase(settings))
    if settings.kms is not None and getattr(settings.kms, name) is not None:
        return _opened(f"keys.kms.{name}", getattr(settings.kms, name), settings.kms)
    if settings.vault is not None and getattr(settings.vault, name) is not None:
        return _opened(f"keys.vault.{name}", getattr(settings.vault, name), settings.vault)
    return None


def _opened(where: str, path: Path, service: KmsSettings | VaultSettings) -> Given:
    try:
        ciphertext = path.read_bytes()
    except OSError as error:
        raise ServerKeyError(f"{where}: expected a readable file at {path}, found: {error.strerror}") from error
    if not 0 < len(ciphertext) <= MAX_CIPHERTEXT:
        raise ServerKeyError(f"{where}: expected the ciphertext of a key in {path}, found {len(ciphertext)} bytes")
    try:
        pem = _by_kms(ciphertext, service) if isinstance(service, KmsSettings) else _by_vault(ciphertext, service)
    except NeighbourError as error:
        raise ServerKeyError(
            f"{where}: expected the key service to decrypt {path}, found: {error}. The service does not start without "
            "its keys: mend the access to the key service, or give the key in another way"
        ) from error
    return Given(pem, where)


def _by_kms(ciphertext: bytes, settings: KmsSettings) -> bytes:
    from integrations.kms.aws import decrypt

    secret = settings.secret_key.get_secret_value() if settings.secret_key is not None else ""
    return decrypt(
        ciphertext, region=settings.region, endpoint=settings.endpoint, key_id=settings.key_id,
        keys=(settings.access_key, secret) if settings.access_key else None,
    )  # fmt: skip


def _by_vault(ciphertext: bytes, settings: VaultSettings) -> bytes:
    from integrations.kms.vault import decrypt

    return decrypt(
        ciphertext, address=settings.address, token=settings.token.get_secret_value(), key=settings.key,
        mount=settings.mount, namespace=settings.namespace,
    )  # fmt: skip
