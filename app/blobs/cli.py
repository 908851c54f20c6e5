"""`countersign audit blob`: the exact bytes that a record names, wherever they lie."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.options import Config

if TYPE_CHECKING:
    from app.blobs.errors import BlobElsewhereError

NO: Final = 1
UNKNOWN: Final = 3


def register(group: typer.Typer) -> None:
    """Add `blob` to the audit commands."""
    group.command("blob")(_blob_command)


def _blob_command(
    digest: Annotated[str, typer.Argument(help="SHA-256 in hexadecimal, as records name it")],
    config: Config = None,
    database: Annotated[
        str, typer.Option("--database", help="sqlite:///path or postgresql://…; default: the settings' database")
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Write it here instead of printing it")] = None,
) -> None:
    """Print what a record names by its digest (statement, snapshot, verdict, file), hashed again."""
    from app.audit.reading import read_only
    from app.blobs import places
    from app.blobs.errors import BlobAlteredError, BlobElsewhereError, BlobError
    from app.blobs.store import BlobStore
    from app.cli import options
    from app.clock import now

    url = database or options.settings(config).database.url.get_secret_value()
    wanted = digest.lower().removeprefix("sha256:")
    if not re.fullmatch("[0-9a-f]{64}", wanted):
        raise typer.BadParameter(f"expected a SHA-256 of 64 hexadecimal digits, found {digest[:80]!r}")
    try:
        body = read_only(url, lambda tx: BlobStore(now).get(tx, wanted))
    except BlobAlteredError as error:
        print(error, file=sys.stderr)
        copies = read_only(url, lambda tx: places.of(tx, wanted))
        if not copies:
            raise typer.Exit(NO) from error
        body = _outside(config, BlobElsewhereError(wanted, copies))
        print("This is its copy from outside the database.", file=sys.stderr)
    except BlobElsewhereError as error:
        body = _outside(config, error)
    except BlobError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(NO) from error
    if out is not None:
        out.write_bytes(body)
    else:
        sys.stdout.buffer.write(body)


def _outside(config: Path | None, elsewhere: BlobElsewhereError) -> bytes:
    import asyncio

    from app.blobs.errors import BlobAlteredError, BlobElsewhereError
    from app.blobs.reading import outside
    from app.cli import options
    from app.clock import now
    from app.sinks.open import open_places

    async def read() -> bytes:
        sinks = open_places(options.settings(config).audit, now)
        try:
            return await outside(elsewhere, sinks)
        finally:
            for sink in sinks:
                await sink.close()

    try:
        return asyncio.run(read())
    except (BlobAlteredError, BlobElsewhereError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(NO if isinstance(error, BlobAlteredError) else UNKNOWN) from error
