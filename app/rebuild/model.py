"""A projection: a table that the log bears out, how its rows follow from records, and how they are written back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import TextClause

from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from manifests.record import Record
from manifests.vocabulary import Event

R = TypeVar("R", bound=msgspec.Struct)
Key = tuple[Any, ...]

ADOPTED: Event = "audit.rebuilt"
"""Records of this event, about the resource of a projection, hold rows written before there were records of them."""


class Derived(msgspec.Struct, Generic[R], frozen=True):
    """A row that the log bears out, and the number of the last record that says so."""

    row: R
    seq: int


class Rows(msgspec.Struct, Generic[R], frozen=True):
    """The data of a record that tells rows as they are from then on. Records of earlier versions tell none.
    ``table`` is set where rows were adopted."""

    rows: tuple[R, ...] = ()
    table: str = ""


class _Table(msgspec.Struct, frozen=True):
    table: str = ""


Derive = Callable[[Iterable[Record]], dict[Key, Derived[R]]]


class Projection(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """``row`` is a struct whose fields are named as the columns, ``key`` and ``compared`` name some of them;
    ``compared`` empty means all. A field that is UNSET is one that the log does not tell.

    ``prefixes`` begin the resources of its records. ``select`` answers a log's rows; ``add``, ``change`` and
    ``remove`` write one back, where the table lets them (append-only tables take rows, and give none back).
    ``may_lack``: the log may tell rows that the table never had. ``shape`` makes a row of what ``select`` answers,
    ``values`` the parameters of ``add``, where these are not simply the columns. ``adopt`` names the resource whose
    records tell of a row, for rows older than those records.
    """

    table: str
    row: type[R]
    key: tuple[str, ...]
    prefixes: tuple[str, ...]
    derive: Derive[R]
    select: TextClause
    compared: tuple[str, ...] = ()
    add: TextClause | None = None
    change: TextClause | None = None
    remove: TextClause | None = None
    may_lack: bool = False
    shape: Callable[[Any], R] | None = None
    values: Callable[[Tx, R], dict[str, Any] | None] | None = None
    adopt: Callable[[R], str] | None = None

    def rows(self, tx: Tx, log: str) -> tuple[R, ...]:
        """All that the table holds of a log."""
        shape = self.shape or (lambda row: self.row(*tuple(row)))
        return tuple(shape(row) for row in tx.all(self.select, log=log))

    def written(self, tx: Tx, row: R) -> dict[str, Any] | None:
        """The parameters that write a row; None where log and blobs do not hold all of it."""
        values = self.values(tx, row) if self.values is not None else msgspec.structs.asdict(row)
        return None if values is None or msgspec.UNSET in values.values() else values

    def key_of(self, row: R) -> Key:
        return tuple(getattr(row, name) for name in self.key)

    def differing(self, expected: R, found: R) -> tuple[str, ...]:
        """The columns in which a row is not what the log says."""
        names = self.compared or self.row.__struct_fields__
        wanted = [(name, getattr(expected, name)) for name in names]
        return tuple(name for name, value in wanted if value is not msgspec.UNSET and value != getattr(found, name))


_table_decoder = msgspec.json.Decoder(_Table)


def adopted(record: Record, table: str) -> bool:
    """Whether the record adopts rows of this table."""
    return record.event == ADOPTED and read(_table_decoder, record).table == table


def told(table: str, row: type[R], key: tuple[str, ...], *events: Event) -> Derive[R]:
    """Rows as records of these events tell them; a later record takes the place of an earlier one."""
    decoder = msgspec.json.Decoder(Rows[row])  # type: ignore[valid-type]
    known = frozenset(events)

    def derive(records: Iterable[Record]) -> dict[Key, Derived[R]]:
        found: dict[Key, Derived[R]] = {}
        for record in records:
            if record.event in known or adopted(record, table):
                for one in read(decoder, record).rows:
                    found[tuple(getattr(one, name) for name in key)] = Derived(one, record.seq)
        return found

    return derive


def decoded(type: type[R], record: Record) -> R:
    """The data of a record. Raises RecordAlteredError when it has another form."""
    return read(msgspec.json.Decoder(type), record)


T = TypeVar("T")


def read(decoder: msgspec.json.Decoder[T], record: Record) -> T:
    """The same with a decoder that is at hand."""
    try:
        return decoder.decode(record.data)
    except msgspec.MsgspecError as error:
        raise RecordAlteredError(record.log, record.seq, f"its data cannot be read: {error}") from error
