"""Where the server's keys come from: the settings, or files that are made on the first start."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from app.keys.errors import ServerKeyError
from app.keys.model import KINDS, KeyUse, ServerKeys
from app.settings.model import KeySettings
from manifests.errors import ManifestError
from manifests.keys import PrivateKey

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def load(settings: KeySettings, *, create: bool = True) -> ServerKeys:
    """The keys named by the settings; those not given are read from, or made in, ``settings.directory``.

    Raises ServerKeyError: no key of the right kind, a file others can read, or none and ``create`` False.
    """
    return ServerKeys(gate=_key(settings, "gate", create), log=_key(settings, "log", create))


def path_of(settings: KeySettings, use: KeyUse) -> Path:
    return settings.directory / f"{use}.pem"


def _key(settings: KeySettings, use: KeyUse, create: bool) -> PrivateKey:
    given = getattr(settings, use)
    if given is not None:
        return _parsed(use, given.get_secret_value().encode(), f"keys.{use}")
    path = path_of(settings, use)
    try:
        pem = read_private(path)
    except FileNotFoundError:
        if not create:
            raise ServerKeyError(f"expected the {use} key at {path}, found none; start the service once") from None
        write_once(path, PrivateKey.generate(KINDS[use]).to_pem())
        pem = read_private(path)
    except OSError as error:
        raise ServerKeyError(f"expected a readable key at {path}, found: {error.strerror}") from error
    return _parsed(use, pem, str(path))


def read_private(path: Path) -> bytes:
    """Raises OSError, and ServerKeyError when others than the owner can read it."""
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & OTHERS:
            raise ServerKeyError(
                f"expected a key that only its owner can read, found {path} with mode {mode:04o}; "
                f"run `chmod 600 {path}` and consider who may have read it"
            )
        return file.read()


def write_once(path: Path, data: bytes) -> None:
    """Whole or not at all, and never over a key that is there: two first starts agree on one key.

    Raises ServerKeyError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, path)
            except FileExistsError:
                return
        finally:
            os.unlink(temporary)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise ServerKeyError(
            f"expected to keep a new key at {path}, found: {error.strerror}; "
            "make keys.directory writable or give the keys in the settings"
        ) from error


def _parsed(use: KeyUse, pem: bytes, where: str) -> PrivateKey:
    try:
        key = PrivateKey.from_pem(pem)
    except ManifestError as error:
        raise ServerKeyError(f"{where}: {error}") from None
    if key.kind != KINDS[use]:
        raise ServerKeyError(f"{where}: expected a key of kind {KINDS[use]}, found {key.kind}; give the right one")
    return key
