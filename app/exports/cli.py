"""`countersign audit export`: a log, or the records that a query finds, for others to verify or for people to read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from app.exports.model import Ask, Progress, Summary
    from manifests.note import VerifierKey


def register(group: typer.Typer) -> None:
    """Add `export` to the `audit` group."""
    group.command("export")(_command)


def run(database: str, ask: Ask, to: Path, keys: tuple[VerifierKey, ...], *, as_json: bool = False) -> int:
    """Makes the export; 0, or 1 where there is nothing to export or something stands in the way or was altered."""
    import msgspec

    from app.audit.errors import RecordAlteredError, TreeAlteredError
    from app.exports.errors import ExportError
    from app.exports.outside import reader
    from app.exports.run import export

    try:
        with reader(database) as read:
            summary = export(read, ask, to, keys, _progress(ask))
    except (ExportError, RecordAlteredError, TreeAlteredError, OSError) as error:
        print(f"{error}\nNothing was exported.", file=sys.stderr)
        return 1
    finally:
        if sys.stderr.isatty():
            print(file=sys.stderr)
    print(msgspec.json.encode(summary).decode() if as_json else _told(summary, to))
    return 0


def _command(
    log: Annotated[str, typer.Option("--log", help="The log: a tenant's id, or system")],
    to: Annotated[
        Path, typer.Option("--to", help="Folder or, named .tar.gz, archive to make; for jsonl and csv a file")
    ],
    form: Annotated[
        Literal["tiles", "jsonl", "csv"], typer.Option("--format", help="tiles to verify; jsonl or csv to read")
    ] = "tiles",
    since: Annotated[str, typer.Option("--since", help="2026-11-20T10:00:00Z, a date, or 24h ago as 24h")] = "",
    until: Annotated[str, typer.Option("--until", help="The first instant that no longer counts")] = "",
    trace: Annotated[str, typer.Option("--trace", help="Only this trace")] = "",
    actor: Annotated[str, typer.Option("--actor", help="Only by this actor")] = "",
    action: Annotated[str, typer.Option("--action", help="Only this action")] = "",
    event: Annotated[str, typer.Option("--event", help="Only this event")] = "",
    outcome: Annotated[str, typer.Option("--outcome", help="Only with this outcome")] = "",
    resource: Annotated[str, typer.Option("--resource", help="Only about this resource; x/* for all under x/")] = "",
    config: Annotated[Path | None, typer.Option("--config", envvar="COUNTERSIGN_CONFIG", help="Settings file")] = None,
    database: Annotated[
        str, typer.Option("--database", help="sqlite:///path or postgresql://…; default: the settings' database")
    ] = "",
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="Verifier key, public key or a file with one; default: the server's own"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines")] = False,
) -> None:
    """Export a log with everything that a stranger needs to verify it, or the records that a query finds."""
    from app.audit.cli import _database
    from app.clock import now
    from app.exports.model import Ask
    from app.search.asked import Asked
    from app.search.errors import QueryError

    try:
        query = Asked(since, until, actor, action, event, outcome, resource, trace).query(now())
    except QueryError as error:
        raise typer.BadParameter(str(error)) from error
    url = database or _database(config)
    raise typer.Exit(run(url, Ask(log, form, query), to, _keys(url, log, key or [], config), as_json=as_json))


def _keys(database: str, log: str, given: list[str], config: Path | None) -> tuple[VerifierKey, ...]:
    from app.audit.cli import _key, _own_keys
    from app.audit.sequence import DEFAULT_ORIGIN, origin
    from manifests.note import VerifierKey

    found = [_key(text) for text in given] or _own_keys(config)
    name = origin(DEFAULT_ORIGIN, log)
    return tuple(key if isinstance(key, VerifierKey) else VerifierKey(name, key) for key in found)


def _progress(ask: Ask) -> Progress:
    def show(done: int, total: int) -> None:
        print(f"\r{ask.log}: {done} of {total} records", end="", file=sys.stderr, flush=True)

    def hide(done: int, total: int) -> None:
        pass

    return show if sys.stderr.isatty() else hide


def _told(summary: Summary, to: Path) -> str:
    what = (
        f"{summary.records} records of {summary.size}" if summary.records != summary.size else f"{summary.size} records"
    )
    return f"{to}: {what} of log {summary.log}, {summary.files} files, {summary.bytes} bytes\nsha256 {summary.sha256}"
