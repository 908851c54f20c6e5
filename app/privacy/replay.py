"""A restored database must forget again what was erased since its backup, before it serves anybody."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.db.tx import Tx
from app.privacy import keys, store
from app.privacy.model import ErasedData, Step
from manifests.record import Record


def replay_erasures(tx: Tx, records: Iterable[Record]) -> int:
    """Erase again whatever ``subject.erased`` records among these say; how many there were. Give it verified records
    only: those of the restored log, and the newer ones that WORM storage or the stream still has. Twice is once.

    Raises msgspec.MsgspecError for a record that cannot be read: then nothing may be served.
    """
    done = 0
    for read in records:
        if read.event != "subject.erased":
            continue
        data = msgspec.json.decode(read.data, type=ErasedData)
        # Also keys that were made for them after the backup was taken and before they were erased: none are left.
        keys.destroy(tx, read.log, data.keys, read.ts)
        store.forget(tx, read.log, store.subject(tx, read.log, data.subject).accounts)
        store.add_erasure(tx, Step(data.erasure, "erased", read.log, data.subject, "", read.actor_ref, read.ts))
        done += 1
    return done
