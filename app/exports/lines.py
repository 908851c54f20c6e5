"""Records as JSON Lines or CSV, for people: secrets are scrubbed, formulas disarmed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from app.db.tx import Tx
from app.exports.model import Ask, Progress, Read
from app.exports.pages import pages
from app.search import written
from manifests.record import Record


def write(read: Read, ask: Ask, size: int, file: IO[bytes], progress: Progress) -> int:
    """Writes those of the log's first ``size`` records that are asked for, oldest first; answers how many."""
    line = written.csv_row if ask.format == "csv" else written.json_line
    if ask.format == "csv":
        file.write(written.csv_header())
    count = 0
    for page in pages(read, ask, size, _same, progress):
        file.writelines(map(line, page))
        count += len(page)
    return count


def _same(_tx: Tx, records: Sequence[Record]) -> Sequence[Record]:
    return records
