"""`countersign audit verify`: what is wrong with the log, where, and what to do.

What it needs is imported when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from app.cli.options import AsJson, Config

if TYPE_CHECKING:
    from app.verification.report import Report
    from app.verification.trust import Key


def register(group: typer.Typer) -> None:
    """Add `verify` to the audit commands."""
    group.command("verify")(_verify_command)


class _Wanted(msgspec.Struct, frozen=True):
    database: str
    keys: tuple[Key, ...]
    logs: tuple[str, ...] | None
    checkpoints: tuple[Path, ...]
    thorough: bool
    blobs: bool
    incremental: bool


def _verify_command(
    config: Config = None,
    database: Annotated[
        str, typer.Option("--database", help="sqlite:///path or postgresql://…; default: the settings' database")
    ] = "",
    log: Annotated[list[str] | None, typer.Option("--log", help="Only this log (repeatable)")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="Verifier key, public key or a file with one; default: the server's own"),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", exists=True, dir_okay=False, help="A checkpoint kept elsewhere (repeatable)"),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Everything from the first record on (default)")] = False,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Only what came after the service's last verification")
    ] = False,
    sample: Annotated[
        int, typer.Option("--sample", min=0, metavar="N", help="Only N records of each log, chosen by chance")
    ] = 0,
    segments: Annotated[
        Path | None,
        typer.Option(
            "--segments",
            exists=True,
            file_okay=False,
            metavar="DIR",
            help="Only the segments of WORM storage in this folder, against their receipts in the log",
        ),
    ] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Also the form of every record and every signature")
    ] = False,
    blobs: Annotated[
        bool, typer.Option("--blobs/--no-blobs", help="Also what decisions and grants name, and sealed fields")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Check that no record was altered, removed, reordered or added. The service may be running.

    Exit code 0: nothing is wrong; 1: something was altered; 3: could not find out.
    """  # fmt: skip
    from app.audit.cli import _database, _key, _own_keys

    ways = [name for name, given in _ways(full, incremental, sample, segments) if given]
    if len(ways) > 1:
        raise typer.BadParameter(f"expected one of {', '.join(ways)}")
    if checkpoint and (sample or segments):
        raise typer.BadParameter("--checkpoint: expected --full or --incremental with it")
    url = database or _database(config)
    logs = tuple(log) if log else None
    if segments is not None:
        from app.verification.segments import verify_folder

        report = verify_folder(url, segments, logs)
    else:
        keys = tuple([_key(text) for text in key or ()] or _own_keys(config))
        wanted = _Wanted(url, keys, logs, tuple(checkpoint or ()), thorough, blobs, incremental)
        report = _sampled(wanted, sample) if sample else _verified(wanted)
    _show(report, as_json=as_json)
    raise typer.Exit(report.exit_code)


def _ways(full: bool, incremental: bool, sample: int, segments: Path | None) -> Sequence[tuple[str, bool]]:
    return (
        ("--full", full), ("--incremental", incremental), ("--sample", bool(sample)),
        ("--segments", segments is not None),
    )  # fmt: skip


def _sampled(wanted: _Wanted, records: int) -> Report:
    import random

    from app.verification.sample import sample

    return sample(wanted.database, wanted.keys, wanted.logs, choose=random.SystemRandom(), records=records)


def _verified(wanted: _Wanted) -> Report:
    import os

    from app.clock import now
    from app.verification.sealed import sealed_findings
    from app.verification.verify import Anchor, verify

    report = verify(
        wanted.database, wanted.keys, wanted.logs, clock=now,
        anchors=[Anchor(path.name, path.read_bytes()) for path in wanted.checkpoints], thorough=wanted.thorough,
        blobs=wanted.blobs, incremental=wanted.incremental, processes=os.cpu_count() or 1,
        progress=_progress if sys.stderr.isatty() else None,
    )  # fmt: skip
    if not wanted.blobs:
        return report
    more = sealed_findings(wanted.database, report)
    return msgspec.structs.replace(report, findings=(*report.findings, *more))


def _progress(log: str, records: int) -> None:
    print(f"\r{log}: {records} records", end="", file=sys.stderr, flush=True)


def _show(report: Report, *, as_json: bool) -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if as_json:
        print(msgspec.json.encode({"ok": report.ok, "exit_code": report.exit_code, "report": report}).decode())
        return
    for item in report.findings:
        print(f"{item.kind}: {item.message}\n  → {item.remedy}")
    for log in report.logs:
        since = f" (those before {log.first} were verified earlier)" if log.first else ""
        if report.segments is not None:
            print(f"{log.log}: {log.records} records in segments")
        else:
            print(f"{log.log}: {log.records} records{since}, {log.checkpoints} checkpoints, root {log.root}")
    if report.segments is not None:
        print(f"segments: {report.segments} hashed again")
    if report.sampled is not None:
        print(f"sample: {report.sampled} records looked at")
    if report.blobs is not None:
        outside = f", {report.outside} only outside the database" if report.outside else ""
        print(f"blobs: {report.blobs} read and hashed again{outside}")
    print({0: "Nothing is wrong.", 1: "The log was altered.", 3: "Could not find out."}[report.exit_code])
