"""`countersign keys …`: the server's own keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.options import DEFAULT_URL, AsJson, Config, Token, Url

if TYPE_CHECKING:
    from app.keys.keeper import Change, Keeper
    from app.keys.model import PublicServerKey, PublicServerKeys
    from app.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The server's own keys.")

BY = "service:operator"
Preview = Annotated[bool, typer.Option("--preview", "--dry-run", help="Only say what would happen")]
Offline = Annotated[bool, typer.Option("--offline", help="Work on the database itself, while the service is stopped")]


@app.command("list")
def list_keys(config: Config = None, as_json: AsJson = False) -> None:
    """Show every public key by which others verify what the server signed, with what each may have signed."""
    import msgspec

    from app.cli import options

    shown = _listed(options.settings(config))
    if as_json:
        print(msgspec.json.encode(shown).decode())
        return
    for key in shown.keys:
        print("\n".join(_lines(key)))


@app.command()
def rotate(
    use: Annotated[
        Literal["log", "gate"], typer.Option(help="The key of checkpoints, or of the gate's answers")
    ] = "log",
    preview: Preview = False,
    offline: Offline = False,
    config: Config = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Replace a key. The old one signs beside the new one until the overlap is over, then it is destroyed."""
    from app.cli import options

    if offline:
        done = _offline(options.settings(config), lambda keeper: keeper.rotate(use, BY, preview=preview))
    else:
        done = _asked(options.api(url, token).post("/api/v1/keys/rotation", {"use": use, "preview": preview}))
    _tell(done, as_json=as_json)


@app.command()
def revoke(
    fingerprint: Annotated[str, typer.Argument(help="SHA256:…, as `keys list` shows it")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the log for good")],
    from_size: Annotated[
        list[str] | None,
        typer.Option("--from-size", metavar="LOG=N", help="Signatures over more than N records count no longer"),
    ] = None,
    since: Annotated[str, typer.Option(help="The same for all logs, by an instant (RFC 3339, or `now`)")] = "",
    preview: Preview = False,
    offline: Offline = False,
    config: Config = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Take back what a leaked or lost key signed. A key that still signs is replaced and destroyed at once."""
    from app.cli import options
    from app.keys.keeper import Revocation

    wanted = Revocation(fingerprint, reason, _sizes(from_size or []), _instant(since))
    if offline:
        done = _offline(
            options.settings(config), lambda keeper: keeper.revoke(wanted, BY, preview=preview), strict=False
        )
    else:
        from app.keys.views import RevocationRequest

        body = RevocationRequest(wanted.fingerprint, wanted.reason, wanted.sizes, wanted.since, preview=preview)
        done = _asked(options.api(url, token).post("/api/v1/keys/revocation", body))
    _tell(done, as_json=as_json)


@app.command()
def encrypt(config: Config = None) -> None:
    """Encrypt the private keys in keys.directory with keys.passphrase. The service may be running."""
    from app.cli import options
    from app.cli.exits import UsageError
    from app.keys import files, given

    settings = options.settings(config).keys
    if settings.passphrase is None:
        raise UsageError("expected keys.passphrase, found none; set it, or COUNTERSIGN_KEYS__PASSPHRASE_FILE")
    _converted(files.directory(settings).convert(given.passphrase(settings)), "Encrypted")


@app.command()
def decrypt(config: Config = None) -> None:
    """Write the private keys in keys.directory in the clear again, to change the passphrase or do without."""
    from app.cli import options
    from app.keys import files

    _converted(files.directory(options.settings(config).keys).convert(None), "Decrypted")


def _listed(settings: Settings) -> PublicServerKeys:
    import sys

    from app.audit.reading import read_only
    from app.db.database import DatabaseUnavailableError
    from app.keys import files, listing
    from app.keys.model import SYSTEM

    keys = files.load(settings.keys, create=False)
    logs = tuple(tenant.id for tenant in settings.tenants)
    try:
        return read_only(settings.database.url.get_secret_value(), lambda tx: listing.told(tx, keys, logs))
    except DatabaseUnavailableError as error:
        print(f"Only the keys that are here, without their history: {error}", file=sys.stderr)
        return listing.held(keys, (*logs, SYSTEM))


def _lines(key: PublicServerKey) -> list[str]:
    lines = [f"{key.use}  {key.kind}  {key.fingerprint}  {key.state}", f"  {key.openssh}"]
    for period in key.periods:
        until = f"to {period.last}" if period.last is not None else "on"
        counts = f", counts to {period.counts_to}" if period.counts_to is not None else ""
        lines.append(f"  {period.vkey}  sizes {period.first} {until}{counts}")
    if not key.periods:
        lines += [f"  {vkey}" for vkey in key.vkeys]
    if key.since is not None:
        void = f", void from {_text(key.void_from)}" if key.void_from is not None else ""
        until = _text(key.until) if key.until is not None else "now"
        lines.append(f"  in use from {_text(key.since)} to {until}{void}")
    return lines


def _offline(settings: Settings, work: Callable[[Keeper], Awaitable[Change]], *, strict: bool = True) -> Change:
    import asyncio

    from app.clock import now
    from app.keys.keeper import Keeper
    from app.keys.service import open_database

    async def run() -> Change:
        database, ring = await open_database(settings, now, strict=strict)
        try:
            return await work(Keeper(database, ring, settings.keys, now))
        finally:
            await database.close()

    return asyncio.run(run())


def _asked(answer: bytes) -> Change:
    import msgspec

    from app.cli.exits import CannotFindOutError
    from app.keys.keeper import Change

    try:
        return msgspec.json.decode(answer, type=Change)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise CannotFindOutError(f"expected what became of the key, found another answer: {error}") from None


def _tell(change: Change, *, as_json: bool) -> None:
    import msgspec

    if as_json:
        print(msgspec.json.encode(change).decode())
        return
    new = change.new or "a new key"
    would = "" if change.done else "would be "
    print(f"{change.use}  {change.old}  {would}followed by {new}")
    print(f"  told in {', '.join(change.logs) or 'no log yet'}")
    if change.until is not None:
        print(f"  the old key signs beside it until {_text(change.until)}, and is destroyed then")
    for log, size in sorted(change.sizes.items()):
        print(f"  {log}: its signatures over more than {size} records count no longer")


def _sizes(given: list[str]) -> dict[str, int]:
    from app.cli.exits import UsageError

    sizes = {}
    for item in given:
        log, _, size = item.partition("=")
        if not log or not size.isascii() or not size.isdecimal():
            raise UsageError(f"expected --from-size LOG=N, found {item!r}")
        sizes[log] = int(size)
    return sizes


def _instant(text: str) -> int | None:
    from app.cli.exits import UsageError
    from app.clock import now
    from manifests.errors import ManifestError
    from manifests.times import from_rfc3339

    if not text:
        return None
    try:
        return now() if text == "now" else from_rfc3339(text)
    except ManifestError as error:
        raise UsageError(f"--since: {error}") from None


def _text(instant: int) -> str:
    from manifests.times import to_rfc3339

    return to_rfc3339(instant)


def _converted(paths: Sequence[Path], word: str) -> None:
    for path in paths:
        print(f"{word} {path}.")
    if not paths:
        print("Nothing to do.")
