"""Ask C2SP witnesses whether they saw more of a log than a backup has, without having them sign anything new.

A witness is shown the backup's newest checkpoint as if it knew just that size: if it knows another, it refuses (409)
and says which; if it knows this one, it signs what it signed before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from app.backup.errors import BackupError
from app.backup.gaps import Gap
from integrations.errors import NeighbourError, NotFoundError
from integrations.witness.port import BehindError, ContradictedError, Witness

_NEWEST = "SELECT size, note FROM checkpoints WHERE log = ? ORDER BY size DESC LIMIT 1"


class Asked(NamedTuple):
    """``name`` is how people call it."""

    name: str
    witness: Witness


async def ask(
    connection: sqlite3.Connection, logs: Sequence[str], gaps: Sequence[Gap], asked: Sequence[Asked]
) -> list[Gap]:
    """``gaps`` with what witnesses know beyond them. A log that a witness was never told of is not known to it.

    Raises BackupError for one that does not answer: what it would say is not known.
    """
    found = {gap.log: gap for gap in gaps}
    for log in logs:
        row = connection.execute(_NEWEST, (log,)).fetchone()
        for one in asked if row is not None else ():
            have, note = int(row[0]), str(row[1]).encode()
            gap = found.get(log, Gap(log, have, ()))
            try:
                seen = await _seen(one, have, note)
            except ContradictedError:
                found[log] = gap._replace(forked=f"{one.name}, a witness,")
                continue
            if seen > max(gap.size, have):
                found[log] = gap._replace(seen=seen, by=one.name)
    return [found[log] for log in sorted(found)]


async def _seen(one: Asked, have: int, note: bytes) -> int:
    try:
        await one.witness.add(have, (), note)
    except BehindError as error:
        return error.size
    except ContradictedError:
        raise
    except NotFoundError:
        return 0
    except NeighbourError as error:
        raise BackupError(
            f"expected to ask the witness {one.name} how much of the log it saw, found: {error} Mend that first, or "
            "leave it out of audit.witnesses to do without its answer"
        ) from error
    return have
