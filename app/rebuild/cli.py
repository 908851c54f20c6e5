"""`countersign audit rebuild`: what the tables should be by the log. What it needs is imported when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import AsJson, Config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.rebuild.service import Rebuilt
    from app.settings import Settings


def register(group: typer.Typer) -> None:
    """Add the command to the `audit` group."""
    group.command("rebuild")(_command)


def _command(
    config: Config = None,
    log: Annotated[list[str] | None, typer.Option("--log", help="Only this tenant's log (repeatable)")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the log's rows back; the service must be stopped")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Derive what decisions count from the log, and show where the tables differ. 0 nowhere, 1 somewhere."""
    raise typer.Exit(rebuild(log or (), config=config, apply=apply, as_json=as_json))


def rebuild(logs: Sequence[str] = (), *, config: Path | None = None, apply: bool = False, as_json: bool = False) -> int:
    """0: nothing differs, or nothing does any more; 1: something does; CannotFindOutError (3) while a service runs that
    must not."""
    from app.cli import options

    settings = options.settings(config)
    wanted = _logs(settings, logs)
    done = _apply(settings, wanted) if apply else _examine(settings, wanted)
    _show(done, applied=apply, as_json=as_json)
    return 1 if any(one.left if apply else one.differences for one in done) else 0


def _logs(settings: Settings, given: Sequence[str]) -> list[str]:
    from app.cli.exits import UsageError

    known = [tenant.id for tenant in settings.tenants]
    if strangers := sorted(set(given) - set(known)):
        raise UsageError(f"expected --log to be of {', '.join(known) or 'no tenant'}; found {', '.join(strangers)}")
    return sorted(set(given)) or known


def _examine(settings: Settings, logs: Sequence[str]) -> list[Rebuilt]:
    from app.audit.reading import read_only
    from app.rebuild.service import examine

    url = settings.database.url.get_secret_value()
    return [read_only(url, lambda tx, log=log: examine(tx, log)) for log in logs]  # type: ignore[misc]


def _apply(settings: Settings, logs: Sequence[str]) -> list[Rebuilt]:
    import asyncio

    from app.cli.exits import CannotFindOutError
    from app.clock import now
    from app.db.sqlite import DatabaseInUseError
    from app.db.tx import Tx
    from app.keys.service import open_database
    from app.rebuild.presence import ServiceRunsError, expect_alone
    from app.rebuild.service import apply

    async def run() -> list[Rebuilt]:
        database, _ = await open_database(settings, now)

        def unit(tx: Tx) -> list[Rebuilt]:
            expect_alone(tx, database.dialect)
            return [apply(tx, log, now) for log in logs]

        try:
            return await database.write(unit)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except (DatabaseInUseError, ServiceRunsError) as error:
        raise CannotFindOutError(f"{error} Nothing was changed.") from error


def _show(done: Sequence[Rebuilt], *, applied: bool, as_json: bool) -> None:
    if as_json:
        import msgspec

        sys.stdout.write(msgspec.json.encode({"applied": applied, "logs": done}).decode() + "\n")
        return
    for one in done:
        for difference in one.differences:
            print(f"{one.log}: {difference}")
        for left in one.left:
            print(f"{one.log}: not mended, for {left.why}: {left.difference}\n  → {left.remedy}")
        told = f"{one.log}: {one.rows} rows by the log, {len(one.differences)} differences"
        print(told + (f", {one.applied} mended" if applied else ""))
    if not applied and any(one.differences for one in done):
        print("Nothing was changed. Find out who did this; then stop the service and run this again with --apply.")
