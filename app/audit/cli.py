"""`countersign audit …`: prove a record, show a checkpoint, and what other rooms add.

The functions are called by the command line and answer its exit code; what they need is imported when they run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.blobs import cli as blobs
from app.exports import cli as exports
from app.privacy import cli as privacy
from app.rebuild import cli as rebuild
from app.search import cli as search
from app.verification import cli as verification

if TYPE_CHECKING:
    from app.verification.trust import Key

YES: Final = 0
NO: Final = 1
USAGE: Final = 2
UNKNOWN: Final = 3
_CHECK: Final = "Check the log's name, the number, and the database's address."

Config = Annotated[Path | None, typer.Option("--config", envvar="COUNTERSIGN_CONFIG", help="Settings file")]
DatabaseUrl = Annotated[
    str, typer.Option("--database", help="sqlite:///path or postgresql://…; default: the settings' database")
]
LogName = Annotated[str, typer.Option("--log", help="The log: a tenant's id, or system")]


def register(app: typer.Typer) -> None:
    """Add the `audit` group to the command line."""
    group = typer.Typer(no_args_is_help=True, help="The audit log: verify it, prove what is in it.")
    verification.register(group)
    group.command("proof")(_proof_command)
    group.command("checkpoint")(_checkpoint_command)
    exports.register(group)
    search.register(group)
    blobs.register(group)
    privacy.register_audit(group)
    rebuild.register(group)
    app.add_typer(group, name="audit")


def proof(database: str, log: str, seq: int, *, config: Path | None = None, record: Path | None = None) -> int:
    """Print the `.tlog-proof` of a record; ``record`` also gets the record's bytes.

    1 if there is no such record, or if what is stored does not lead to the root that was signed."""
    from app.audit import proofs
    from app.audit.errors import NoProofError, RecordAlteredError, TreeAlteredError
    from app.audit.reading import read_only

    try:
        found = read_only(database or _database(config), lambda tx: proofs.inclusion(tx, log, seq))
    except (RecordAlteredError, TreeAlteredError) as error:
        print(error, file=sys.stderr)
        return NO
    except NoProofError as error:
        print(f"{error}\n{_CHECK}", file=sys.stderr)
        return NO
    if record is not None:
        record.write_bytes(found.body)
    sys.stdout.write(found.tlog_proof())
    return YES


def checkpoint(
    database: str, log: str, *, config: Path | None = None, since: int | None = None, witnessed: bool = False
) -> int:
    """Print the newest checkpoint (that a witness cosigned), to be kept elsewhere. 1 if there is none.

    With ``since``, print instead as JSON the proof that the tree of that size is the newest one's beginning.
    """
    from app.audit import store
    from app.audit.reading import read_only

    url = database or _database(config)
    newest = read_only(url, lambda tx: store.witnessed(tx, log) if witnessed else store.checkpoint(tx, log))
    if newest is None:
        why = "no witness cosigned one" if witnessed else "it has no records"
        print(f"expected a checkpoint of log {log}, found none: {why}\n{_CHECK}", file=sys.stderr)
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
    except TreeAlteredError as error:
        print(error, file=sys.stderr)
        return NO
    except NoProofError as error:
        print(f"{error}\n{_CHECK}", file=sys.stderr)
        return NO
    print(msgspec.json.encode(found).decode())
    return YES


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
    witnessed: Annotated[
        bool, typer.Option("--witnessed", help="The newest one that a witness cosigned, with its lines")
    ] = False,
) -> None:
    """Print the newest signed checkpoint. Keep it elsewhere: it shows a log that was taken back."""
    raise typer.Exit(checkpoint(database, log, config=config, since=since, witnessed=witnessed))


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
        elif " " not in text and "+" not in text:
            raise typer.BadParameter(
                f"--key: expected a verifier key, a public key (OpenSSH or PEM), or a file with one, found {text!r}; "
                "`countersign keys list` on the server prints them"
            )
        return VerifierKey.parse(text) if text.count("+") >= 2 and " " not in text else PublicKey.parse(text)
    except (ManifestError, OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"--key: {error}") from error
