"""Compare every table with the log in a process of its own, `python -m app.rebuild.child`: deriving all rows of a
large log would keep the service's interpreter from its webhooks."""

from __future__ import annotations

import os
import sys
import time

import msgspec

from app.audit.reading import read_only
from app.rebuild.service import Rebuilt, examine

NICE = 10
SETTLES_S = 2.0
"""On PostgreSQL a row is there some milliseconds before its record is numbered."""


class Request(msgspec.Struct, frozen=True):
    database: str
    logs: tuple[str, ...]


def main() -> int:
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    os.nice(NICE)
    found = [_examined(request.database, log) for log in request.logs]
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0


def _examined(url: str, log: str) -> Rebuilt:
    found = read_only(url, lambda tx: examine(tx, log))
    if not found.differences:
        return found
    time.sleep(SETTLES_S)
    again = read_only(url, lambda tx: examine(tx, log))
    lasting = tuple(one for one in again.differences if one in found.differences)
    return msgspec.structs.replace(again, differences=lasting)


if __name__ == "__main__":
    sys.exit(main())
