"""The commands about people's data: `people erase …`, `holds …`, `audit unseal`, `retention shorten`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import DEFAULT_URL, Config, Token, Url

ERASURES = "/api/v1/privacy/erasures"
HOLDS = "/api/v1/privacy/holds"

Who = Annotated[str, typer.Argument(help="github:<id>, servicenow:<sys_id>, a login or a person's id")]
Why = Annotated[str, typer.Option(help="Why; kept sealed")]
Id = Annotated[str, typer.Argument(help="As the list shows it")]


def register_people(group: typer.Typer) -> None:
    """Add erasure and access to the `people` group."""
    group.command("erase")(erase)
    group.command("confirm-erasure")(confirm)
    group.command("decline-erasure")(decline)
    group.command("erasures")(erasures)
    group.command("export")(export)


def register_audit(group: typer.Typer) -> None:
    """Add unsealing to the `audit` group."""
    group.command("unseal")(unseal)


holds = typer.Typer(no_args_is_help=True, help="Legal holds: what is held is neither erased nor removed.")
retention = typer.Typer(no_args_is_help=True, help="How long things are kept.")


def erase(account: Who, reason: Why, url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Ask to erase somebody's personal data. Somebody else must confirm it."""
    _post(url, token, ERASURES, {"account": account, "reason": reason})


def confirm(erasure: Id, url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Erase what somebody else asked to erase. It cannot be undone."""
    _post(url, token, f"{ERASURES}/{_quoted(erasure)}/confirmation", {})


def decline(erasure: Id, url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Settle a request without erasing anything."""
    _post(url, token, f"{ERASURES}/{_quoted(erasure)}/refusal", {})


def erasures(url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Every erasure that was asked for."""
    _get(url, token, ERASURES)


def export(
    account: Who,
    reason: Why,
    output: Annotated[Path | None, typer.Option("--output", help="Write it here, for its owner alone")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Everything that is kept about somebody, as JSON, for an access request."""
    from app.cli import options

    told = options.api(url, token).post("/api/v1/privacy/exports", {"account": account, "reason": reason})
    if output is None:
        print(told.decode())
        return
    keep(output, told)


def keep(path: Path, data: bytes) -> None:
    """For its owner alone, also where there was a file that others could read."""
    import os

    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.truncate()
        file.write(data)


def unseal(
    seq: Annotated[int, typer.Argument(min=0, help="The record's number in the tenant's log")],
    reason: Why,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Show the sealed fields of a record. That you looked is a record too."""
    _post(url, token, "/api/v1/audit/unsealings", {"seq": seq, "reason": reason})


@holds.command("place")
def place(
    account: Annotated[str, typer.Argument(help="As for `people erase`; `*` for everything of the tenant")],
    reason: Why,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Keep somebody's data, or everything, from being erased and removed."""
    _post(url, token, HOLDS, {"account": account, "reason": reason})


@holds.command("lift")
def lift(hold: Id, reason: Why, url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Ask to lift a hold; lifted once somebody else does the same."""
    _post(url, token, f"{HOLDS}/{_quoted(hold)}/lifting", {"reason": reason})


@holds.command("list")
def list_holds(url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Every legal hold, lifted ones too."""
    _get(url, token, HOLDS)


@retention.callback()
def _retention() -> None:
    """Keeps `shorten` a sub-command while it is the only one."""


@retention.command("shorten")
def shorten(
    tenant: Annotated[str, typer.Argument(help="The tenant's id, or system")], reason: Why, config: Config = None
) -> None:
    """Record that the settings now keep a tenant's data shorter. The service must be stopped; what is locked in WORM
    storage stays locked."""
    import asyncio

    from app.cli import options

    asyncio.run(_shorten(options.settings(config), tenant, reason))


async def _shorten(settings: object, tenant: str, reason: str) -> None:
    from app.cli.exits import NoError
    from app.clock import now
    from app.keys.service import open_database
    from app.privacy import kek
    from app.privacy import retention as kept
    from app.privacy.errors import PrivacyError
    from app.privacy.keys import SubjectKeys
    from app.privacy.sealer import Sealer
    from app.settings.model import Settings

    assert isinstance(settings, Settings)
    database, _ = await open_database(settings, now)
    try:
        sealer = Sealer(SubjectKeys(kek.load(settings), now))
        wanted = kept.of_settings(settings)
        found = await kept.shorten(database, sealer, wanted, tenant, reason, "service:operator", now)
    except PrivacyError as error:
        raise NoError(f"{error}\n  {error.remedy}") from error
    finally:
        await database.close()
    print(f"{tenant}: records {found.records}, blobs {found.blobs}, deliveries {found.deliveries} days")


def _post(url: str, token: str, path: str, body: dict[str, object]) -> None:
    from app.cli import options

    print(options.api(url, token).post(path, body).decode())


def _get(url: str, token: str, path: str) -> None:
    from app.cli import options

    print(options.api(url, token).get(path).decode())


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
