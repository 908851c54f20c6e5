"""Is a backup what was written, and is the log in it whole?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.backup import files
from app.backup.errors import BackupAlteredError, BackupError
from app.backup.model import DATABASE, MANIFEST, Key, Manifest, Progress
from app.backup.seal import SIGNATURE
from app.clock import Clock
from app.db.database import DatabaseUnavailableError
from app.verification.report import Report
from app.verification.verify import verify

FEW = 5
MISSING = "blob.missing"


class Backup(NamedTuple):
    """A backup whose file is the one its manifest was written for. ``sha256`` (hex) is that of ``raw``, the manifest's
    bytes; ``signature`` is not verified yet."""

    folder: Path
    manifest: Manifest
    sha256: str
    raw: bytes
    signature: bytes

    @property
    def database(self) -> Path:
        return self.folder / DATABASE


def open_backup(place: Path) -> Backup:
    """``place`` is the folder, or one of the two files in it. Raises BackupError, BackupAlteredError."""
    folder = place if place.is_dir() else place.parent
    try:
        data = (folder / MANIFEST).read_bytes()
        signature = (folder / SIGNATURE).read_bytes()
        size = os.stat(folder / DATABASE).st_size
    except OSError as error:
        raise BackupError(f"expected a backup at {place}, found: {error}") from error
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BackupAlteredError(f"{folder / MANIFEST}: expected the manifest of a backup, found: {error}") from error
    found = files.digest(folder / DATABASE) if size == manifest.size else ""
    if found != manifest.sha256:
        what = f"{size} bytes" if size != manifest.size else f"SHA-256 {found}"
        raise BackupAlteredError(
            f"{folder / DATABASE}: expected {manifest.size} bytes with SHA-256 {manifest.sha256}, found {what}: it is "
            "torn or was altered; use another backup"
        )
    return Backup(folder, manifest, files.sha256(data), data, signature)


def verify_log(
    database: Path, keys: Sequence[Key], clock: Clock, progress: Progress, *, lacking: bool = False, processes: int = 1
) -> Report:
    """Everything that can be told from the file alone, for every log. ``lacking``: blobs that are not there are told in
    the report, no reason to stop. Blocks.

    Raises BackupAlteredError, and BackupError when it could not be found out.
    """
    try:
        report = verify(
            f"sqlite:///{database}", keys, clock=clock, thorough=True, processes=processes,
            progress=lambda log, records: progress(f"records of {log} verified", records),
        )  # fmt: skip
    except DatabaseUnavailableError as error:
        raise BackupError(f"{database}: expected to verify it, found: {error}") from error
    wrong = [item for item in report.findings if item.kind != "note" and not (lacking and item.code == MISSING)]
    if wrong:
        few = " ".join(item.message for item in wrong[:FEW])
        more = f" And {len(wrong) - FEW} more." if len(wrong) > FEW else ""
        kind = BackupAlteredError if any(item.kind == "finding" for item in wrong) else BackupError
        raise kind(f"{database}: the log in it does not verify: {few}{more}")
    return report
