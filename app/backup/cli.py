"""`countersign backup` and `countersign restore`. What they need is imported when they run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.exits import CannotFindOutError, NoError, UsageError
from app.cli.options import AsJson, Config

if TYPE_CHECKING:
    from app.backup.errors import BackupError
    from app.backup.make import Made
    from app.backup.restore import Restored, Wish
    from app.settings import Settings


def register(app: typer.Typer) -> None:
    """Add both commands to the command line."""
    group = typer.Typer()
    group.callback(invoke_without_command=True)(backup)
    group.command("fetch")(fetch)
    app.add_typer(group, name="backup")
    app.command("restore")(restore)


def backup(
    context: typer.Context,
    config: Config = None,
    to: Annotated[
        Path | None, typer.Option("--to", file_okay=False, help="Folder for backups; default: backup.directory")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a verified backup of the database, which may be in use. Keys are not in it."""
    if context.invoked_subcommand is not None:
        return
    import asyncio

    from app.backup.errors import BackupAlteredError
    from app.backup.make import Keep, make
    from app.backup.own_keys import log_keys
    from app.backup.produce import produce
    from app.backup.seal import signing
    from app.cli import options
    from app.clock import now
    from app.db.database import DatabaseUnavailableError
    from app.db.guards import GuardsError
    from app.keys import files
    from app.keys.errors import ServerKeyError

    settings = options.settings(config)
    directory = to or settings.backup.directory
    if directory is None:
        raise UsageError("expected a folder for the backup, found none: give --to, or set backup.directory")
    # Only where the schedule puts them are old ones ours to remove.
    keep = Keep(settings.backup.keep, settings.backup.keep_days) if directory == settings.backup.directory else None
    keys = log_keys(settings)
    sign = signing(lambda: files.load(settings.keys, create=False).log)
    url = settings.database.url.get_secret_value()
    try:
        found = make(directory, now(), lambda part: produce(url, part, keys, now, _progress()), sign, keep)
    except BackupAlteredError as error:
        raise NoError(f"{error}\nNo backup was kept. The log in the database is the one that is not whole.") from error
    there, why = asyncio.run(_outside(settings, found))
    try:
        later = asyncio.run(_record(settings, found, there))
    except (DatabaseUnavailableError, GuardsError, ServerKeyError) as error:
        raise CannotFindOutError(
            f"{found.folder}: made and verified, but no record of it could be made.\n{error}"
        ) from error
    _show_made(found, there, later=later, as_json=as_json)
    if why is not None:
        raise why


def fetch(
    to: Annotated[Path, typer.Option("--to", file_okay=False, help="Folder that the backup's folder is put into")],
    name: Annotated[str, typer.Argument(help="As countersign-20261120T022300Z; default: the newest")] = "",
    config: Config = None,
) -> None:
    """Fetch a backup from backup.bucket, to restore it from there."""
    import asyncio

    from app.backup import outside
    from app.backup.errors import BackupAlteredError, BackupError
    from app.backup.own_keys import log_keys
    from app.cli import options
    from app.sinks.open import bucket

    settings = options.settings(config)
    if settings.backup.bucket is None:
        raise UsageError("expected backup.bucket in the settings, found none: there is nothing to fetch from")
    worm = bucket(settings.backup.bucket)
    keys = log_keys(settings)

    async def run() -> tuple[Path, bool]:
        try:
            wanted = name or next(iter(reversed(await outside.names(worm))), "")
            if not wanted:
                raise BackupError("expected a backup in the bucket, found none")
            return await outside.fetch(worm, wanted, to, keys)
        finally:
            await worm.close()

    try:
        folder, signed = asyncio.run(run())
    except BackupAlteredError as error:
        raise NoError(str(error)) from error
    print(f"{folder}: whole.")
    if not signed:
        print("None of the log's keys that are here signed it. Restoring tells whether one of its log did.")


def restore(
    backup: Annotated[Path, typer.Argument(exists=True, help="The backup's folder")],
    config: Config = None,
    database: Annotated[
        str, typer.Option("--database", help="An empty sqlite:///path or postgresql://…; default: the settings'")
    ] = "",
    replay: Annotated[
        bool, typer.Option("--replay", help="Bring back newer records from segments in WORM storage")
    ] = False,
    accept_rollback: Annotated[
        bool, typer.Option("--accept-rollback", help="Give up newer records that cannot be brought back")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the log for good")] = "",
    lost_key: Annotated[
        bool, typer.Option("--lost-key", help="The log's key of then is gone; go on with the present one, on record")
    ] = False,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", exists=True, dir_okay=False, help="A checkpoint kept elsewhere (repeatable)"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into an empty database, if nothing outside vouches for a newer state."""
    import asyncio

    from app.backup.errors import BackupAlteredError, NewerStateError, NotEmptyError
    from app.backup.restore import Wish
    from app.cli import options

    if (accept_rollback or lost_key) and not reason.strip():
        raise UsageError("expected --reason with --accept-rollback and --lost-key: it stands in the log for good")
    settings = options.settings(config)
    kept = tuple(path.read_bytes() for path in checkpoint or ())
    url = database or settings.database.url.get_secret_value()
    wish = Wish(backup, url, replay, accept_rollback, reason.strip(), kept, lost_key)
    try:
        found = asyncio.run(_restore(wish, settings))
    except (NewerStateError, BackupAlteredError, NotEmptyError) as error:
        raise NoError(str(error)) from error
    _show_restored(found, as_json=as_json)


async def _restore(wish: Wish, settings: Settings) -> Restored:
    from app.backup.restore import restore as run
    from app.backup.witnesses import Asked
    from app.clock import now
    from app.sinks.open import open_places
    from integrations.witness.client import HttpWitness
    from manifests.cosignature import WitnessKey

    sinks = open_places(settings.audit, now)
    asked = [Asked(WitnessKey.parse(one.key).name, HttpWitness(one.url)) for one in settings.audit.witnesses]
    try:
        return await run(wish, settings, sinks, now, _progress(), asked)
    finally:
        for sink in sinks:
            await sink.close()
        for one in asked:
            await one.witness.close()


async def _outside(settings: Settings, found: Made) -> tuple[str, BackupError | None]:
    """The bucket that has the backup now, or why it has not."""
    from app.backup import outside
    from app.backup.errors import BackupError
    from app.backup.make import DAY_US
    from app.sinks.open import bucket

    if settings.backup.bucket is None:
        return "", None
    worm = bucket(settings.backup.bucket)
    try:
        await outside.store(worm, found.folder, found.manifest.made_at + settings.backup.keep_days * DAY_US)
    except BackupError as error:
        return "", error
    finally:
        await worm.close()
    return settings.backup.bucket.bucket, None


async def _record(settings: Settings, found: Made, bucket: str) -> bool:
    """Whether the service will record it, because only it can."""
    from app.backup import notices
    from app.backup.records import described, made
    from app.clock import now
    from app.db.connect import sqlite_path
    from app.db.sqlite import DatabaseInUseError
    from app.keys.service import open_database
    from app.tenants.model import SYSTEM

    what = described(found, bucket)
    try:
        database, _ = await open_database(settings, now)
    except DatabaseInUseError:
        path = sqlite_path(settings.database.url.get_secret_value())
        assert path is not None
        notices.leave(path, what)
        return True
    try:
        await database.write(lambda tx: tx.stage(SYSTEM, made(what, now())))
    finally:
        await database.close()
    return False


class _Progress:
    """One line that is written over, where somebody looks at it."""

    def __init__(self) -> None:
        self._before = ""

    def __call__(self, what: str, done: int) -> None:
        if not sys.stderr.isatty():
            return
        end = "\n" if self._before not in ("", what) else ""
        self._before = what
        print(f"{end}\r{what}: {done}", end="", file=sys.stderr, flush=True)


def _progress() -> _Progress:
    return _Progress()


def _show_made(found: Made, bucket: str, *, later: bool, as_json: bool) -> None:
    manifest = found.manifest
    if as_json:
        import msgspec

        print(
            msgspec.json.encode(
                {
                    "folder": str(found.folder),
                    "manifest": manifest,
                    "sha256": found.sha256,
                    "pruned": found.pruned,
                    "bucket": bucket,
                }
            ).decode()
        )
        return
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(f"{found.folder}: {manifest.size} bytes, manifest {found.sha256}")
    for log in manifest.logs:
        print(f"  {log.log}: {log.size} records")
    for name in found.pruned:
        print(f"  removed {name}")
    if bucket:
        print(f"  copied to {bucket}")
    print("Verified." + (" The running service records it within five minutes." if later else " Recorded."))


def _show_restored(found: Restored, *, as_json: bool) -> None:
    given_up = [{"log": gap.log, "have": gap.have, "missing": gap.size - gap.have} for gap in found.given_up]
    if as_json:
        import msgspec

        print(
            msgspec.json.encode(
                {
                    "records": found.manifest.records,
                    "replayed": found.replayed,
                    "given_up": given_up,
                    "erased_again": found.erased,
                    "compared": found.compared,
                    "missing": found.missing,
                }
            ).decode()
        )
        return
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(f"Restored {found.manifest.records} records; the log verifies.")
    if found.replayed:
        print(f"{found.replayed} newer records were brought back from segments.")
        print("→ The tables do not know of them yet: run `countersign audit rebuild` before you serve.")
    for text in found.missing:
        print(f"MISSING: {text}")
    for gap in found.given_up:
        print(f"GIVEN UP, and recorded: {gap}")
    if found.erased:
        print(f"{found.erased} erasures were done again.")
    if not found.compared:
        print(
            "Nothing outside could be asked whether anything newer existed. If you keep checkpoints, run "
            "`countersign audit verify --checkpoint <the newest>` before you serve."
        )
    print("Grants and holds since the backup are missing: redeliver webhooks (docs/runbooks/delivery-lost.md).")
