"""`countersign audit list`: the records that fit, read from the database itself. The service may be running."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Config

if TYPE_CHECKING:
    from app.db.tx import Tx
    from app.search.model import Query
    from manifests.record import Record

PER_PAGE = 200
MOST_TOLD = 50
DatabaseUrl = Annotated[
    str, typer.Option("--database", help="sqlite:///path or postgresql://…; default: the settings' database")
]


def register(group: typer.Typer) -> None:
    """Add `list`, its other name `search`, and `index` to the `audit` commands."""
    group.command("list")(_list)
    group.command("search", hidden=True)(_list)
    group.command("index")(_index)


def _list(
    log: Annotated[str, typer.Option("--log", help="A tenant's id, or system; default: the only tenant's")] = "",
    since: Annotated[str, typer.Option("--since", help="2026-11-20T10:00:00Z, a date, or 24h ago as 24h")] = "",
    until: Annotated[str, typer.Option("--until", help="The first instant that no longer counts")] = "",
    actor: Annotated[str, typer.Option("--actor", help="A person's id, token:<id> or service:<name>")] = "",
    action: Annotated[str, typer.Option("--action", help="As recorded, voided, redeemed")] = "",
    event: Annotated[str, typer.Option("--event", help="As grant.recorded")] = "",
    outcome: Annotated[str, typer.Option("--outcome", help="As allow, deny, void")] = "",
    resource: Annotated[str, typer.Option("--resource", help="Exactly, or x/* for everything under x/")] = "",
    trace: Annotated[str, typer.Option("--trace", help="The trace of a release")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest")] = 50,
    before: Annotated[int | None, typer.Option("--before", min=0, help="Only records with numbers below")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines: each record's exact bytes")] = False,
    config: Config = None,
    database: DatabaseUrl = "",
) -> None:
    """List the records that fit, newest first, each verified."""
    from app.clock import now
    from app.search.asked import Asked
    from app.search.errors import QueryError

    try:
        query = Asked(since, until, actor, action, event, outcome, resource, trace).query(now())
    except QueryError as error:
        raise typer.BadParameter(str(error)) from error
    raise typer.Exit(run(_url(database, config), log, query, limit, before=before, as_json=as_json))


def _index(
    log: Annotated[list[str] | None, typer.Option("--log", help="Only this log (repeatable)")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make the index anew; with SQLite, stop the service first")
    ] = False,
    config: Config = None,
    database: DatabaseUrl = "",
) -> None:
    """Compare the search index with every record; exit code 1 tells that they differ."""
    url = _url(database, config)
    raise typer.Exit(make_anew(url, log or ()) if apply else compare(url, log or ()))


def compare(url: str, wanted: Sequence[str] = ()) -> int:
    """Print what differs between the index and the records; 1 if anything does, 2 for a log that is not there. The
    service may be running."""
    from app.audit.reading import read_only

    return read_only(url, lambda tx: _compared(tx, wanted))


def make_anew(url: str, wanted: Sequence[str] = ()) -> int:
    """Throw the index of these logs away (all, if none is named) and make it of the records; 2 for a log that is not
    there. Raises DatabaseUnavailableError while the service has a SQLite database."""
    import asyncio

    return asyncio.run(_made_anew(url, wanted))


async def _made_anew(url: str, wanted: Sequence[str]) -> int:
    from app.db.connect import connect
    from app.search import index
    from app.search.indexer import Indexer
    from app.sinks.store import logs

    database = await connect(url, _nothing)
    try:
        there = await database.read(logs)
        if _strangers(there, wanted):
            return 2
        for log, size in there:
            if not wanted or log in wanted:
                await database.write(lambda tx, log=log: index.forget(tx, log))  # type: ignore[misc]
                print(f"{log}: {size} records", file=sys.stderr)
        if not await Indexer(database, pauses=0).catch_up():
            print("A running service goes on with it.", file=sys.stderr)
    finally:
        await database.close()
    return 0


def _nothing(tx: Tx) -> None:
    if tx.staged:
        raise AssertionError("no record is made by making an index")


def _compared(tx: Tx, wanted: Sequence[str]) -> int:
    from app.search.checking import differences
    from app.sinks.store import logs

    code, there = 0, logs(tx)
    if _strangers(there, wanted):
        return 2
    for log, size in there:
        if wanted and log not in wanted:
            continue
        count = 0
        for count, one in enumerate(differences(tx, log), 1):
            if count <= MOST_TOLD:
                print(f"record {one.seq} of log {one.log}: {one.what}")
        print(f"{log}: {size} records, {count} differences")
        code = 1 if count else code
    if code:
        print("Find out who changed what (`audit verify`), then run `audit index --apply`.", file=sys.stderr)
    return code


def run(url: str, log: str, query: Query, limit: int, *, before: int | None = None, as_json: bool = False) -> int:
    """Print what is found; 0 also for nothing, 1 if a record is not what was sealed, 2 if no log is meant."""
    from app.audit.errors import RecordAlteredError
    from app.audit.reading import read_only

    try:
        found = read_only(url, lambda tx: _found(tx, log, query, limit, before))
    except RecordAlteredError as error:
        print(error, file=sys.stderr)
        return 1
    if isinstance(found, str):
        print(found, file=sys.stderr)
        return 2
    records, following = found
    if as_json:
        from app.search.written import json_line

        for record in records:
            sys.stdout.buffer.write(json_line(record))
        sys.stdout.buffer.flush()
    else:
        _table(records)
    if following is not None:
        print(f"There may be more: go on with --before {following}.", file=sys.stderr)
    return 0


def _found(tx: Tx, log: str, query: Query, limit: int, before: int | None) -> tuple[list[Record], int | None] | str:
    from app.search.query import page
    from app.sinks.store import logs

    known = [name for name, _ in logs(tx)]
    if not log:
        tenants = [name for name in known if name != "system"]
        if len(tenants) != 1:
            return _one_of((*tenants, "system"), "none")
        log = tenants[0]
    if log not in known:
        return _one_of(known, log)
    records: list[Record] = []
    while True:
        found = page(tx, log, query, before=before, limit=min(PER_PAGE, limit - len(records)))
        records += found.records
        before = found.following
        if before is None or len(records) >= limit:
            return records, before


def _strangers(there: Sequence[tuple[str, int]], wanted: Sequence[str]) -> bool:
    """Whether a log is wanted that is not there, which is said."""
    known = [name for name, _ in there]
    unknown = sorted(set(wanted).difference(known))
    if unknown:
        print(_one_of(known, ", ".join(unknown)), file=sys.stderr)
    return bool(unknown)


def _one_of(logs: Sequence[str], found: str) -> str:
    return f"expected --log with one of {', '.join(logs)}, found {found}"


def _table(records: list[Record]) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from app.cli.terminal import plain
    from app.search import scrub
    from manifests.times import to_rfc3339

    table = Table(Column("record", justify="right", no_wrap=True), Column("time", no_wrap=True), box=None)
    for name in ("event", "outcome", "actor", "resource", "trace"):
        table.add_column(name, overflow="fold")
    for one in records:
        cells = (one.event, one.outcome, one.actor_ref, one.resource, one.trace_id)
        when = to_rfc3339(one.ts // 1_000_000 * 1_000_000)
        table.add_row(str(one.seq), when, *(Text(plain(scrub.text(cell, lambda kind: None))) for cell in cells))
    # In a pipe nobody sees where a line was folded.
    Console(width=None if sys.stdout.isatty() else 400).print(table)
    print(f"{len(records)} records.", file=sys.stderr)


def _url(database: str, config: Path | None) -> str:
    from app.settings import load

    return database or load(config).database.url.get_secret_value()
