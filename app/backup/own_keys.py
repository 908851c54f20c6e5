"""The public keys that may have signed checkpoints here: the one in use, and those that are archived beside it."""

from __future__ import annotations

from collections.abc import Sequence

from app.keys import files
from app.settings.model import Settings
from manifests.keys import PublicKey

ARCHIVE = "archive/log-*.pub"


def log_keys(settings: Settings) -> Sequence[PublicKey]:
    """The key in use first. Raises app.keys.errors.ServerKeyError where there is none: nothing is made here."""
    current = files.load(settings.keys, create=False).log.public
    archived = [PublicKey.parse(path.read_text().strip()) for path in sorted(settings.keys.directory.glob(ARCHIVE))]
    return [current, *(key for key in archived if key.fingerprint != current.fingerprint)]
