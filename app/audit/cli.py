"""`countersign audit …`: verify the log, prove a record, show a checkpoint.

The functions are called by the command line and answer its exit code; what they need is imported when they run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.blobs import cli as blobs
from app.exports import cli as exports
from app.privacy import cli as privacy
from app.rebuild import cli as rebuild
from app.search import cli as search

if TYPE_CHECKING:
    from app.verification.report import Report
    from app.verification.verify import Key

YES: Final = 0
NO: Final = 1
USAGE: Final = 2
UNKNOWN: Final = 3

Config = Annotated[Path | None, typer.Option("--config", envvar="COUNTERSIGN_CONFIG", help="Settings file")]
DatabaseUrl = Annotated[
    str, typer.Option("--database", help="sqlite:///path or postgresql://…; default: the settings' database")
]
LogName = Annotated[str, typer.Option("--log", help="The log: a tenant's id, or system")]


def register(app: typer.Typer) -> None:
    """Add the `audit` group to the command line."""
    group = typer.Typer(no_args_is_help=True, help="The audit log: verify it, prove what is in it.")
    group.command("verify")(_verify_command)
    group.command("proof")(_proof_command)
    group.command("checkpoint")(_checkpoint_command)
    exports.register(group)
    search.register(group)
    blobs.register(group)
    privacy.register_audit(group)
    rebuild.register(group)
    app.add_typer(group, name="audit")


def verify(
    database: str = "",
    *,
    config: Path | None = None,
    logs: Sequence[str] = (),
    keys: Sequence[str] = (),
    checkpoints: Sequence[Path] = (),
    thorough: bool = False,
    blobs: bool = True,
    as_json: bool = False,
) -> int:
    """Verify every record, and the blobs they name; 0 nothing wrong, 1 something altered, 3 could not find out.

    ``keys`` are verifier keys, public keys, or files that hold one; without any, the server's own key is used.
    """
    import os

    from app.clock import now
    from app.privacy.checking import with_sealed
    from app.verification.verify import Anchor
    from app.verification.verify import verify as run

    report = run(
        database or _database(config),
        [_key(text) for text in keys] or _own_keys(config),
        list(logs) or None,
        clock=now,
        anchors=[Anchor(path.name, path.read_bytes()) for path in checkpoints],
        thorough=thorough,
        blobs=blobs,
        processes=os.cpu_count() or 1,
        progress=_progress if sys.stderr.isatty() else None,
    )
    report = with_sealed(report, database or _database(config), config)
    _show(report, as_json=as_json)
    return report.exit_code


def proof(database: str, log: str, seq: int, *, config: Path | None = None, record: Path | None = None) -> int:
    """Print the `.tlog-proof` of a record; ``record`` also gets the record's bytes.

    1 if there is no such record, or if what is stored does not lead to the root that was signed."""
    from app.audit import proofs
    from app.audit.errors import NoProofError, RecordAlteredError, TreeAlteredError
    from app.audit.reading import read_only

    try:
        found = read_only(database or _database(config), lambda tx: proofs.inclusion(tx, log, seq))
    except (NoProofError, RecordAlteredError, TreeAlteredError) as error:
        print(error, file=sys.stderr)
        return NO
    if record is not None:
        record.write_bytes(found.body)
    sys.stdout.write(found.tlog_proof())
    return YES


def checkpoint(database: str, log: str, *, config: Path | None = None, since: int | None = None) -> int:
    """Print the newest checkpoint, to be kept elsewhere. 1 if the log is empty.

    With ``since``, print instead as JSON the proof that the tree of that size is the newest one's beginning.
    """
    from app.audit import store
    from app.audit.reading import read_only

    url = database or _database(config)
    newest = read_only(url, lambda tx: store.checkpoint(tx, log))
    if newest is None:
        print(f"expected a checkpoint of log {log}, found none: the log is empty", file=sys.stderr)
        return NO
    if since is None:
        sys.stdout.write(newest.note)
        return YES
    return _consistency(url, log, since, newest.size)


def _consistency(url: str, log: str, old: int, new: int) -> int:
    import msgspec

    from app.audit import proofs
    from app.audit.errors import NoProofError, TreeAlteredError
    from app.audit.reading import read_only

    try:
        found = read_only(url, lambda tx: proofs.consistency(tx, log, old, new))
    except (NoProofError, TreeAlteredError) as error:
        print(error, file=sys.stderr)
        return NO
    print(msgspec.json.encode(found).decode())
    return YES


def _verify_command(
    config: Config = None,
    database: DatabaseUrl = "",
    log: Annotated[list[str] | None, typer.Option("--log", help="Only this log (repeatable)")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="Verifier key, public key or a file with one; default: the server's own"),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", exists=True, dir_okay=False, help="A checkpoint kept elsewhere (repeatable)"),
    ] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Also the form of every record and every signature")
    ] = False,
    blobs: Annotated[
        bool, typer.Option("--blobs/--no-blobs", help="Also every blob that a decision or grant names")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines")] = False,
) -> None:
    """Check that no record was altered, removed, reordered or added. The service may be running."""
    code = verify(
        database, config=config, logs=log or (), keys=key or (), checkpoints=checkpoint or (), thorough=thorough,
        blobs=blobs, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(code)


def _proof_command(
    log: LogName,
    seq: Annotated[int, typer.Argument(min=0, help="The record's number")],
    config: Config = None,
    database: DatabaseUrl = "",
    record: Annotated[Path | None, typer.Option("--record", help="Write the record's bytes here")] = None,
) -> None:
    """Print the proof that a record is in the log, as public tools read it (C2SP tlog-proof)."""
    raise typer.Exit(proof(database, log, seq, config=config, record=record))


def _checkpoint_command(
    log: LogName,
    config: Config = None,
    database: DatabaseUrl = "",
    since: Annotated[
        int | None, typer.Option("--since", min=1, help="Prove that the log of this size is this one's beginning")
    ] = None,
) -> None:
    """Print the newest signed checkpoint. Keep it elsewhere: it shows a log that was taken back."""
    raise typer.Exit(checkpoint(database, log, config=config, since=since))


def _database(config: Path | None) -> str:
    from app.settings import load

    return load(config).database.url.get_secret_value()


def _own_keys(config: Path | None) -> list[Key]:
    from app.keys import files
    from app.keys.errors import ServerKeyError
    from app.settings import load

    try:
        return [files.load(load(config).keys, create=False).log.public]
    except ServerKeyError as error:
        print(f"No key is given and the server's own cannot be read: {error}", file=sys.stderr)
        return []


def _key(text: str) -> Key:
    from manifests.errors import ManifestError
    from manifests.keys import PublicKey
    from manifests.note import VerifierKey

    path = Path(text)
    try:
        if len(text) < 4096 and path.is_file():
            text = path.read_text().strip()
        return VerifierKey.parse(text) if text.count("+") >= 2 and " " not in text else PublicKey.parse(text)
    except (ManifestError, OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"--key: {error}") from error


def _progress(log: str, records: int) -> None:
    print(f"\r{log}: {records} records", end="", file=sys.stderr, flush=True)


def _show(report: Report, *, as_json: bool) -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if as_json:
        import msgspec

        print(msgspec.json.encode({"ok": report.ok, "exit_code": report.exit_code, "report": report}).decode())
        return
    for item in report.findings:
        print(f"{item.kind}: {item.message}\n  → {item.remedy}")
    for log in report.logs:
        print(f"{log.log}: {log.records} records, {log.checkpoints} checkpoints, root {log.root}")
    if report.blobs is not None:
        print(f"blobs: {report.blobs} read and hashed again")
    print({0: "Nothing is wrong.", 1: "The log was altered.", 3: "Could not find out."}[report.exit_code])
