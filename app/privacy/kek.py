"""The key that wraps people's keys: from the settings, or a file made on the first start. Never in the database.

Whoever has the database alone, or a backup of it, can open nothing that is sealed.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from pathlib import Path

import msgspec

from app.keys import durable
from app.privacy.errors import SealKeyError
from app.settings.model import Settings
from manifests import sealing
from manifests.errors import ManifestError

ID_BYTES = 8
_HEX = re.compile(r"[0-9a-f]{64}")


class SealKeys(msgspec.Struct, frozen=True):
    """``current`` wraps; ``former`` only unwrap what they wrapped. 32 bytes each."""

    current: bytes
    former: tuple[bytes, ...] = ()

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """The id of the current key, nonce and ciphertext. ``context`` says whose key it is."""
        nonce = secrets.token_bytes(sealing.NONCE_BYTES)
        return _id(self.current) + sealing.encrypt(self.current, context, key, nonce)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Raises SealKeyError when no key here wrapped it, or it was altered or moved."""
        name, box = wrapped[:ID_BYTES], wrapped[ID_BYTES:]
        for key in (self.current, *self.former):
            if _id(key) == name:
                try:
                    return sealing.decrypt(key, context, box, "wrapped key")
                except ManifestError as error:
                    raise SealKeyError(
                        "expected a person's key as it was wrapped, found an altered or moved one; treat this as "
                        "tampering and restore the table subject_keys from a backup"
                    ) from error
        raise SealKeyError(
            f"expected a person's key wrapped under {_id(self.current).hex()}, found one under {name.hex()}; "
            "give that key in privacy.former_seal_keys"
        )

    def is_current(self, wrapped: bytes) -> bool:
        return wrapped[:ID_BYTES] == _id(self.current)


def path_of(settings: Settings) -> Path:
    return settings.keys.directory / "seal.key"


def load(settings: Settings, *, create: bool = True) -> SealKeys:
    """Raises SealKeyError."""
    privacy = settings.privacy
    former = tuple(_parsed(one.get_secret_value(), "privacy.former_seal_keys") for one in privacy.former_seal_keys)
    if privacy.seal_key is not None:
        return SealKeys(_parsed(privacy.seal_key.get_secret_value(), "privacy.seal_key"), former)
    path = path_of(settings)
    try:
        text = _read(path)
    except FileNotFoundError:
        if not create:
            raise SealKeyError(f"expected the sealing key at {path}, found none; start the service once") from None
        text = _made(path)
    except OSError as error:
        raise SealKeyError(f"expected a readable sealing key at {path}, found: {error.strerror}") from error
    return SealKeys(_parsed(text.decode(errors="replace").strip(), str(path)), former)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SealKeyError(
                f"expected a key that only its owner can read, found {path} with mode {mode:04o}; "
                f"run `chmod 600 {path}` and consider who may have read it"
            )
        return file.read()


def _made(path: Path) -> bytes:
    """Two first starts agree on one key."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.create(path, (secrets.token_hex(sealing.KEY_BYTES) + "\n").encode())
        return _read(path)
    except OSError as error:
        raise SealKeyError(
            f"expected to keep a new sealing key at {path}, found: {error.strerror}; make keys.directory writable or "
            "give privacy.seal_key"
        ) from error


def _parsed(text: str, where: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise SealKeyError(f"{where}: expected 64 lower-case hexadecimal digits, found {len(text)} other characters")
    return bytes.fromhex(text)


def _id(key: bytes) -> bytes:
    return hashlib.sha256(b"countersign.dev/sealing/v1/seal-key\0" + key).digest()[:ID_BYTES]
