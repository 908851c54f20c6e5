"""`countersign people …`: which accounts belong to one person. A link counts once somebody else confirms it."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import DEFAULT_URL, Token, Url

app = typer.Typer(no_args_is_help=True, help="Link the accounts of one person.")
PATH = "/api/v1/people/links"


@app.command()
def link(
    account: Annotated[str, typer.Argument(help="servicenow:<sys_id>")],
    person_account: Annotated[str, typer.Argument(help="An account of the person already known: github:<id>")],
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Propose that an account belongs to the person behind another one."""
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
