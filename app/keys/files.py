"""The server's keys in files: one signs, a next one may be ready, a previous one may still sign beside it.

    gate.pem  log.pem                    the keys in use
    gate.next.pem  log.next.pem          made, and about to follow
    gate.previous.pem  log.previous.pem  replaced, and destroyed when their overlap is over
    archive/log-<fingerprint>.pub        every public key there was

Which of them sign is not said here but in the log. A step that was cut off is seen by the files and gone on with.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final, Literal

from app.clock import SECOND
from app.keys import durable, given
from app.keys.errors import ServerKeyError
from app.keys.model import KINDS, KeySet, KeyUse, ServerKeys
from app.settings.model import KeySettings
from manifests.errors import ManifestError
from manifests.keys import PrivateKey, PublicKey

Role = Literal["current", "next", "previous"]
ROLES: Final[tuple[Role, ...]] = ("current", "next", "previous")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
ENCRYPTED = b"ENCRYPTED PRIVATE KEY"
UNFINISHED_S = 600
"""A file that is being written by another process is younger."""


class KeyDirectory:
    """Raises ServerKeyError for a file that others can read, that is no key of its kind, or that cannot be written."""

    def __init__(self, folder: Path, passphrase: bytes | None = None) -> None:
        self.folder = folder
        self._passphrase = passphrase

    def path(self, use: KeyUse, role: Role = "current") -> Path:
        return self.folder / (f"{use}.pem" if role == "current" else f"{use}.{role}.pem")

    def read(self, use: KeyUse, role: Role = "current") -> PrivateKey | None:
        """The key; None if there is no such file."""
        path = self.path(use, role)
        try:
            pem = read_private(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ServerKeyError(f"expected a readable key at {path}, found: {error.strerror}") from error
        return parsed(use, pem, str(path), self._passphrase)

    def stamp(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Differs once a file of these does."""
        return tuple(_stamp(self.path(use, role)) for use in KINDS for role in ROLES)

    def make(self, use: KeyUse, role: Role = "current") -> PrivateKey:
        """A new key; the one that is there if another process was quicker."""
        path = self.path(use, role)
        key = PrivateKey.generate(KINDS[use])
        if write_once(path, key.to_pem(self._passphrase)):
            return key
        found = self.read(use, role)
        if found is None:
            raise ServerKeyError(f"expected the {use} key at {path} to stay, found it removed; start again")
        return found

    def promote(self, use: KeyUse) -> None:
        """The next key becomes the current one, and that the previous, unless one is there: then it is destroyed, since
        only a key that was revoked is replaced so soon. Does again what a crash left undone, and leaves be what another
        replica did."""
        current, previous, following = (self.path(use, role) for role in ("current", "previous", "next"))
        try:
            if not previous.exists():
                with contextlib.suppress(FileExistsError):
                    durable.link(current, previous)
            durable.supersede(following, current)
        except OSError as error:
            if following.exists() or not current.exists():
                raise self._unwritable(error) from error

    def destroy(self, use: KeyUse, role: Role) -> None:
        """Overwrite and remove a private key."""
        try:
            durable.destroy(self.path(use, role))
        except OSError as error:
            raise self._unwritable(error) from error

    def sweep(self, now: int) -> None:
        """Remove what steps that were cut off left; ``now`` in microseconds since 1970 UTC."""
        if not self.folder.exists():
            return
        try:
            durable.sweep(self.folder, now / SECOND - UNFINISHED_S)
        except OSError as error:
            raise self._unwritable(error) from error

    def archive(self, use: KeyUse, key: PublicKey) -> None:
        name = key.fingerprint.removeprefix("SHA256:").replace("/", "_").replace("+", "-")
        try:
            durable.create(self.folder / "archive" / f"{use}-{name}.pub", f"{key.to_openssh()}\n".encode())
        except OSError as error:
            raise self._unwritable(error) from error

    def archived(self, use: KeyUse) -> tuple[PublicKey, ...]:
        """Every public key of this use that was kept here. For finding keys, not for trusting them."""
        found = []
        for path in sorted((self.folder / "archive").glob(f"{use}-*.pub")):
            try:
                found.append(PublicKey.from_openssh(path.read_text()))
            except (ManifestError, OSError, UnicodeDecodeError):
                continue
        return tuple(found)

    def convert(self, passphrase: bytes | None) -> tuple[Path, ...]:
        """Write every key that is not so already encrypted with ``passphrase``, or in the clear if that is None; each
        file changes at once or not at all. Answers those that changed."""
        changed = []
        for use in KINDS:
            for role in ROLES:
                path = self.path(use, role)
                key = self.read(use, role)
                if key is None or (ENCRYPTED in read_private(path)) == (passphrase is not None):
                    continue
                try:
                    durable.replace(path, key.to_pem(passphrase))
                except OSError as error:
                    raise self._unwritable(error) from error
                changed.append(path)
        return tuple(changed)

    def in_the_clear(self) -> tuple[Path, ...]:
        """The private keys that are not encrypted."""
        paths = (self.path(use, role) for use in KINDS for role in ROLES)
        return tuple(path for path in paths if path.exists() and ENCRYPTED not in read_private(path))

    def _unwritable(self, error: OSError) -> ServerKeyError:
        return ServerKeyError(f"expected to write keys in {self.folder}, found: {error.strerror}; make it writable")


def load(settings: KeySettings, *, create: bool = True) -> ServerKeys:
    """The keys that the settings give; the others are read from, or made in, ``settings.directory``.

    Raises ServerKeyError: no key of the right kind, one that does not open, a file others can read, or none and
    ``create`` False.
    """
    found = {}
    for use in KINDS:
        current = given.read(settings, use)
        if current is None:
            found[use] = read_set(directory(settings), use, create=create)
        else:
            following = given.read(settings, "log_next") if use == "log" else None
            found[use] = KeySet(_given(use, current), _given(use, following) if following else None)
    return ServerKeys(found["gate"], found["log"])


def directory(settings: KeySettings) -> KeyDirectory:
    return KeyDirectory(settings.directory, given.passphrase(settings))


def path_of(settings: KeySettings, use: KeyUse) -> Path:
    return directory(settings).path(use)


def read_set(folder: KeyDirectory, use: KeyUse, *, create: bool = True) -> KeySet:
    """The keys of one use that are in files. Raises ServerKeyError."""
    current = folder.read(use)
    if current is None:
        if not create:
            raise ServerKeyError(f"expected the {use} key at {folder.path(use)}, found none; start the service once")
        current = folder.make(use)
    return KeySet(current, folder.read(use, "next"), folder.read(use, "previous"))


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


def write_once(path: Path, data: bytes) -> bool:
    """Whole or not at all, and never over a key that is there (False): two first starts agree on one key.

    Raises ServerKeyError."""
    try:
        return durable.create(path, data)
    except OSError as error:
        raise ServerKeyError(
            f"expected to keep a new key at {path}, found: {error.strerror}; "
            "make keys.directory writable or give the keys in the settings"
        ) from error


def _given(use: KeyUse, found: given.Given) -> PrivateKey:
    return parsed(use, found.pem, found.where, found.passphrase)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def parsed(use: KeyUse, pem: bytes, where: str, passphrase: bytes | None = None) -> PrivateKey:
    """The key in ``pem``. Raises ServerKeyError, which tells ``where`` and never the content."""
    encrypted = ENCRYPTED in pem
    if encrypted and passphrase is None:
        raise ServerKeyError(
            f"{where}: expected keys.passphrase, because the key is encrypted, found none; "
            "set it, or COUNTERSIGN_KEYS__PASSPHRASE_FILE"
        )
    try:
        key = PrivateKey.from_pem(pem, passphrase if encrypted else None)
    except ManifestError as error:
        hint = " Is keys.passphrase the one it was encrypted with?" if encrypted else ""
        raise ServerKeyError(f"{where}: {error}{hint}") from None
    if key.kind != KINDS[use]:
        raise ServerKeyError(f"{where}: expected a key of kind {KINDS[use]}, found {key.kind}; give the right one")
    return key
