"""`countersign people …`: which accounts belong to one person. A link counts once somebody else confirms it."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import DEFAULT_URL, Token, Url

app = typer.Typer(no_args_is_help=True, help="Link the accounts of one person.")
PATH = "/api/v1/people/links"


@app.command()
def link(
    account: Annotated[str, typer.Argument(help="servicenow:<user name>")],
    person_account: Annotated[
        str | None, typer.Argument(help="The person's GitHub login or github:<id>; left out: they have none")
    ] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Propose that a ServiceNow account belongs to a person. Somebody else must confirm it."""
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
