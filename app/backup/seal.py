"""The signature over a backup's manifest: tables that the log does not vouch for, as that of tokens, are as this
service wrote them.

It is a signed note (C2SP signed-note) of the log's key under a name that no log has; its text is that name and the
SHA-256 (hex) of the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from app.backup.errors import BackupAlteredError
from app.backup.files import sha256
from manifests import note
from manifests.errors import ManifestError
from manifests.keys import PrivateKey, PublicKey
from manifests.note import VerifierKey

NAME: Final = "countersign.dev/backup"
SIGNATURE: Final = "manifest.sig"

Sign = Callable[[bytes], bytes]
"""The signature over a manifest's bytes."""


def signing(key: Callable[[], PrivateKey]) -> Sign:
    """With the key that is the log's at that moment."""
    return lambda manifest: note.sign(_text(manifest), [(NAME, key())]).encode()


def check(manifest: bytes, signature: bytes, keys: Sequence[PublicKey]) -> None:
    """Raises BackupAlteredError if none of the keys signed."""
    try:
        found = note.parse(signature)
        by = note.verified_by(found, [VerifierKey(NAME, key) for key in keys])
    except ManifestError as error:
        raise BackupAlteredError(f"expected the signature of a backup in {SIGNATURE}, found: {error}") from error
    if found.text != _text(manifest):
        raise BackupAlteredError(f"{SIGNATURE}: expected a signature over this manifest, found one over another")
    if not by:
        raise BackupAlteredError(f"{SIGNATURE}: expected a signature of this service's log key, found none")


def _text(manifest: bytes) -> str:
    return f"{NAME}\n{sha256(manifest)}\n"
