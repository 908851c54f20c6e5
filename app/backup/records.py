"""What the log says about backups and restorations."""

from __future__ import annotations

import msgspec

from app.audit import store
from app.audit.errors import RecordAlteredError
from app.backup.gaps import Gap
from app.backup.make import Made
from app.db.tx import Tx
from manifests.record import Draft, facts


class LogSize(msgspec.Struct, frozen=True):
    log: str
    size: int


class BackupMade(msgspec.Struct, frozen=True):
    """The data of a ``backup.made`` record: ``manifest`` and ``sha256`` are the digests (hex) of the manifest and of
    the database file; ``bucket`` has a copy ("": none)."""

    bytes: int
    logs: tuple[LogSize, ...]
    made_at: int
    manifest: str
    name: str
    pruned: tuple[str, ...]
    schema: str
    sha256: str
    bucket: str = ""


def described(made: Made, bucket: str = "") -> BackupMade:
    manifest = made.manifest
    return BackupMade(
        manifest.size, tuple(LogSize(one.log, one.size) for one in manifest.logs), manifest.made_at, made.sha256,
        made.folder.name, made.pruned, manifest.schema, manifest.sha256, bucket,
    )  # fmt: skip


def made(what: BackupMade, at: int) -> Draft:
    """For the system log."""
    return Draft(
        trace_id="backup", ts=at, stage="system", event="backup.made", component="backup", action="made",
        resource=f"backup/{what.name}", actor_ref="service:countersign", outcome="ok", data=facts(what),
    )  # fmt: skip


class Restoration(msgspec.Struct, frozen=True):
    """The data of the ``audit.restored`` record in the system log: from which backup (the digest of its manifest) made
    when, how many records were brought back from segments, and what the backup's logs held."""

    backup: str
    made_at: int
    replayed: int
    reason: str
    logs: tuple[LogSize, ...]


class GivenUp(msgspec.Struct, frozen=True):
    """The data of the ``audit.restored`` record in a log whose records from number ``first`` to ``end`` (not included)
    were given up, and the newest checkpoint that vouched for them ("": only a witness knew of them)."""

    checkpoint: str
    end: int
    first: int
    reason: str


GIVEN_UP = "restore/given-up"


def restored(what: Restoration, at: int) -> Draft:
    return _restored("restore", what, "ok", at)


def given_up(gap: Gap, reason: str, at: int) -> Draft:
    what = GivenUp(gap.note, gap.size, gap.have, reason)
    return _restored(GIVEN_UP, what, "alarm", at)


def ranges_given_up(tx: Tx, log: str) -> list[range]:
    """The numbers of records that somebody gave up when restoring an older backup: what an anchor outside says about
    them does not refute the log. Records that are not what was sealed give nothing up."""
    try:
        found = [msgspec.json.decode(one.data, type=GivenUp) for one in store.records_of(tx, log, GIVEN_UP)]
    except (RecordAlteredError, msgspec.MsgspecError):
        return []
    return [range(one.first, one.end) for one in found]


def _restored(resource: str, data: object, outcome: str, at: int) -> Draft:
    return Draft(
        trace_id="restore", ts=at, stage="system", event="audit.restored", component="backup", action="restored",
        resource=resource, actor_ref="service:countersign", outcome=outcome, data=facts(data),
    )  # fmt: skip
