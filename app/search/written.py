"""Records for people: JSON Lines and CSV, without secrets, and without anything that a spreadsheet would run.

A JSON line is the record's exact canonical bytes, so that its hash can be computed from it, unless something was taken
out; then it has a member ``scrubbed`` that says what, and is no record any more.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import msgspec

from app.search import scrub
from manifests import canonical
from manifests.merkle import leaf_hash
from manifests.record import Record
from manifests.times import to_rfc3339

COLUMNS = (
    "log", "seq", "time", "stage", "event", "component", "action", "resource", "actor_ref", "outcome", "before",
    "after", "trace_id", "tseq", "request_id", "latency_us", "tags", "data", "sealed", "stamp_hash", "prev", "ts",
    "leaf", "scrubbed",
)  # fmt: skip
BOM = b"\xef\xbb\xbf"
"""Excel reads a file as UTF-8 only with this before it."""

_STARTS = frozenset("=+-@\t\r\n|%＝＋－＠")
"""What makes a spreadsheet take a cell for a formula; the full-width ones where the input method is East Asian."""

_object = msgspec.json.Decoder(dict[str, object]).decode


class Line(msgspec.Struct, frozen=True):
    """``text`` is JSON without a line end. ``scrubbed`` says what was taken out: nothing, and it is the record."""

    text: bytes
    scrubbed: tuple[str, ...]


def exact(record: Record) -> bytes:
    """The record's canonical bytes: a record that was read has exactly one form."""
    return msgspec.json.encode(record)


def line(record: Record) -> Line:
    data = exact(record)
    if not scrub.may_hold(data):
        return Line(data, ())
    found: list[str] = []
    value = scrub.deep(_object(data), found.append)
    if not found or not isinstance(value, dict):
        return Line(data, ())
    told = tuple(sorted(set(found)))
    return Line(canonical.encode({**value, "scrubbed": list(told)}), told)


def json_line(record: Record) -> bytes:
    """One line of JSON Lines, with its end."""
    return line(record).text + b"\n"


def csv_header(*, bom: bool = False) -> bytes:
    """The names of the columns; ``bom`` for Excel."""
    return (BOM if bom else b"") + _row(COLUMNS)


def csv_row(record: Record) -> bytes:
    """One row of CSV (RFC 4180): every cell quoted, lines end with CR LF. ``leaf`` is the hash of the exact record."""
    found: list[str] = []
    body = exact(record)
    suspicious = scrub.may_hold(body)

    def clean(value: str) -> str:
        return scrub.text(value, found.append) if suspicious else value

    data = bytes(record.data)
    if suspicious:
        data = canonical.encode(scrub.deep(_object(record.data), found.append))
    cells = {
        "log": clean(record.log), "seq": str(record.seq), "time": to_rfc3339(record.ts), "stage": record.stage,
        "event": record.event, "component": clean(record.component), "action": clean(record.action),
        "resource": clean(record.resource), "actor_ref": clean(record.actor_ref), "outcome": clean(record.outcome),
        "before": clean(record.before), "after": clean(record.after), "trace_id": clean(record.trace_id),
        "tseq": str(record.tseq), "request_id": clean(record.request_id), "latency_us": str(record.latency_us),
        "tags": clean(" ".join(record.tags)), "data": data.decode(),
        "sealed": clean(" ".join(one.field for one in record.sealed)),
        "stamp_hash": clean(record.stamp_hash), "prev": record.prev, "ts": str(record.ts),
        "leaf": leaf_hash(body).hex(), "scrubbed": "",
    }  # fmt: skip
    cells["scrubbed"] = ", ".join(sorted(set(found)))
    return _row([neutral(cells[column]) for column in COLUMNS])


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before what looks like the start of one,
    also after blanks and invisible characters. No NUL, at which many readers stop."""
    visible = next((letter for letter in cell if letter in _STARTS or not _invisible(letter)), "")
    return ("'" if visible in _STARTS and visible else "") + cell.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _invisible(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf")


def _row(cells: Sequence[str]) -> bytes:
    return (",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\r\n").encode()
