"""Make one export, from beginning to end."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec

from app.audit import proofs, store
from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.audit.store import StoredCheckpoint
from app.exports import handout, lines, selection, tree
from app.exports.bundle import Bundle
from app.exports.errors import EmptyLogError, ExportError
from app.exports.model import EVERYTHING, Ask, Progress, Read, Summary
from app.exports.places import Archive, Folder, Place, sha256_of, whole_file, whole_folder
from manifests import strict_base64
from manifests.checkpoint import Checkpoint
from manifests.note import VerifierKey

ARCHIVE = ".tar.gz"

Keys = tuple[VerifierKey, ...]


def export(read: Read, ask: Ask, to: Path, keys: Keys, progress: Progress) -> Summary:
    """Writes the export to ``to``: a folder, or a .tar.gz of it if it is called so; for ``jsonl`` and ``csv`` a file.

    ``keys`` are those that sign or signed the log's checkpoints. The log is taken as it is now; what is appended
    meanwhile is left out. Raises ExportError, RecordAlteredError, TreeAlteredError, OSError and what ``progress``
    raises; then nothing is left at ``to``.
    """
    newest = read(partial(store.checkpoint, log=ask.log))
    if newest is None:
        raise EmptyLogError(f"expected a log {ask.log} with records, found none; check its name")
    signed = _signed(ask.log, newest, keys)
    if ask.format != "tiles":
        with whole_file(to) as file:
            records = lines.write(read, ask, newest.size, file, progress)
        return _summary(ask, signed, records, 1, to.stat().st_size, sha256_of(to))
    if not to.name.endswith(ARCHIVE):
        with whole_folder(to) as folder:
            return _verifiable(read, ask, newest, signed, Folder(folder), keys, progress)
    with whole_file(to) as file:
        archive = Archive(file, to.name.removesuffix(ARCHIVE))
        summary = _verifiable(read, ask, newest, signed, archive, keys, progress)
        archive.close()
    return msgspec.structs.replace(summary, sha256=sha256_of(to))


def _verifiable(
    read: Read, ask: Ask, under: StoredCheckpoint, signed: Checkpoint, place: Place, keys: Keys, progress: Progress
) -> Summary:
    with Bundle(place) as bundle:
        handout.write(ask, under.note, keys, bundle)
        if ask.query == EVERYTHING:
            records = tree.write(read, ask.log, under, keys, bundle, progress)
        else:
            records = selection.write(read, ask, under, keys, bundle, progress)
    return _summary(ask, signed, records, bundle.files, bundle.bytes, bundle.sha256)


def _summary(ask: Ask, signed: Checkpoint, records: int, files: int, size: int, sha256: str) -> Summary:
    return Summary(
        ask.log, ask.format, signed.size, strict_base64.encode(signed.root), records, files, size, sha256
    )  # fmt: skip


def _signed(log: str, newest: StoredCheckpoint, keys: Keys) -> Checkpoint:
    """What the newest checkpoint says. Without a key that signed it nobody could verify what is exported."""
    name = origin(DEFAULT_ORIGIN, log)
    if not keys:
        raise ExportError(f"expected a key that signs checkpoints of {name}, found none; give it with --key")
    found = proofs.signed(log, newest, keys)
    if found.origin != name:
        raise ExportError(f"expected a checkpoint of {name}, found one of {found.origin}; run `audit verify`")
    return found
