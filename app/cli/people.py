"""`countersign people …`: which accounts and keys belong to one person. Each counts once somebody else confirms it."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from app.cli.options import DEFAULT_URL, Token, Url

app = typer.Typer(no_args_is_help=True, help="Link the accounts of one person, and enrol their keys.")
PATH = "/api/v1/people/links"
KEYS = "/api/v1/people/keys"

Fingerprint = Annotated[str, typer.Argument(help="SHA256:…, as `ssh-keygen -l` prints it")]


@app.command()
def link(
    account: Annotated[str, typer.Argument(help="servicenow:<user name> or idp:<user name>")],
    person_account: Annotated[
        str | None, typer.Argument(help="The person's GitHub login or github:<id>; left out: they have none")
    ] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Propose that an account of ServiceNow or of the identity provider belongs to a person. Somebody else must
    confirm it."""
    from app.cli import options

    answer = options.api(url, token).post(PATH, {"account": account, "person_account": person_account})
    print(answer.decode())


@app.command()
def confirm(
    link: Annotated[str, typer.Argument(help="The link's id")], url: Url = DEFAULT_URL, token: Token = ""
) -> None:
    """Confirm a link that somebody else proposed."""
    from urllib.parse import quote

    from app.cli import options

    print(options.api(url, token).post(f"{PATH}/{quote(link, safe='')}/confirmation", {}).decode())


@app.command("list")
def list_links(url: Url = DEFAULT_URL, token: Token = "") -> None:
    """The links, proposed and confirmed."""
    from app.cli import options

    print(options.api(url, token).get(PATH).decode())


@app.command("enrol-key")
def enrol_key(
    person_account: Annotated[str, typer.Argument(help="The person's GitHub login or github:<id>")],
    public_key: Annotated[str, typer.Argument(help="The .pub file, or the OpenSSH line itself")],
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Propose that a key belongs to a person. Somebody else must confirm it."""
    from pathlib import Path

    from app.cli import options

    is_line = public_key.startswith(("ssh-", "ecdsa-", "sk-")) and " " in public_key
    line = public_key if is_line else Path(public_key).read_text()
    body = {"person_account": person_account, "public_key": line.strip()}
    print(options.api(url, token).post(KEYS, body).decode())


@app.command("confirm-key")
def confirm_key(fingerprint: Fingerprint, url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Confirm a key that somebody else proposed, after comparing the fingerprint with the person."""
    from app.cli import options

    print(options.api(url, token).post(_key(fingerprint, "confirmation"), {}).decode())


@app.command("revoke-key")
def revoke_key(
    fingerprint: Fingerprint,
    reason: Annotated[Literal["superseded", "compromised"], typer.Option(help="superseded leaves what was signed")],
    since: Annotated[str | None, typer.Option(help="When a compromise began (RFC 3339); left out: always")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """End the use of a key. What a compromised key signed since then counts no more."""
    from app.cli import options

    body = {"reason": reason, "since": since}
    print(options.api(url, token).post(_key(fingerprint, "revocation"), body).decode())


@app.command("keys")
def list_keys(url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Every step of every person's key."""
    from app.cli import options

    print(options.api(url, token).get(KEYS).decode())


def _key(fingerprint: str, step: str) -> str:
    from urllib.parse import quote

    return f"{KEYS}/{quote(fingerprint, safe='')}/{step}"
