"""Make one export, from beginning to end."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec

from app.audit import proofs, store
from app.audit.store import StoredCheckpoint
from app.exports import handout, lines, selection, tree
from app.exports.bundle import Bundle
from app.exports.errors import EmptyLogError, ExportError
from app.exports.keys import LogKeys, of_log
from app.exports.model import EVERYTHING, Ask, Progress, Read, Summary
from app.exports.places import Archive, Folder, Place, sha256_of, whole_file, whole_folder
from manifests import strict_base64
from manifests.checkpoint import Checkpoint
from manifests.note import VerifierKey

ARCHIVE = ".tar.gz"


def export(read: Read, ask: Ask, to: Path, given: tuple[VerifierKey, ...], progress: Progress) -> Summary:
    """Writes the export to ``to``: a folder, or a .tar.gz of it if it is called so; for ``jsonl`` and ``csv`` a file.

    ``given`` are keys that are known to sign or have signed the log's checkpoints; the log tells of the others. The log
    is taken as it is now; what is appended meanwhile is left out. Raises ExportError, RecordAlteredError,
    TreeAlteredError, OSError and what ``progress`` raises; then nothing is left at ``to``.
    """
    newest = read(partial(store.checkpoint, log=ask.log))
    if newest is None:
        raise EmptyLogError(f"expected a log {ask.log} with records, found none; check its name")
    keys = read(partial(of_log, log=ask.log, given=given))
    signers = keys.signers(newest)
    if not signers:
        raise ExportError(
            f"expected checkpoint {newest.size} to be signed by a key that may, found none; run `audit verify`"
        )
    signed = proofs.signed(ask.log, newest, signers)
    if signed.origin != keys.told.origin:
        raise ExportError(f"expected a checkpoint of {keys.told.origin}, found one of {signed.origin}")
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
    read: Read, ask: Ask, under: StoredCheckpoint, signed: Checkpoint, place: Place, keys: LogKeys, progress: Progress
) -> Summary:
    with Bundle(place) as bundle:
        handout.write(ask, under, keys, bundle)
        if ask.query == EVERYTHING:
            records = tree.write(read, ask.log, under, keys, bundle, progress)
        else:
            records = selection.write(read, ask, under, keys.signers(under), bundle, progress)
    return _summary(ask, signed, records, bundle.files, bundle.bytes, bundle.sha256)


def _summary(ask: Ask, signed: Checkpoint, records: int, files: int, size: int, sha256: str) -> Summary:
    return Summary(
        ask.log, ask.format, signed.size, strict_base64.encode(signed.root), records, files, size, sha256
    )  # fmt: skip
