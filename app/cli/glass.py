"""`countersign glass …`: what was let through by breaking the glass, and who still has to look back on it."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import DEFAULT_URL, AsJson, Token, Url

app = typer.Typer(no_args_is_help=True, help="Broken glasses and their reviews.")


@app.callback()
def glass() -> None:
    """A command of its own name below, though there is only one."""


@app.command("list")
def list_glasses(
    owed: Annotated[bool, typer.Option("--owed", help="Only those that nobody reviewed yet")] = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Broken glasses, last broken first."""
    import msgspec

    from app.cli import options
    from app.cli.exits import CannotFindOutError
    from app.glass.views import GlassList

    answer = options.api(url, token).get("/api/v1/glasses")
    try:
        found = msgspec.json.decode(answer, type=GlassList).glasses
    except msgspec.DecodeError as error:
        raise CannotFindOutError(f"expected broken glasses, found another answer: {error}") from None
    shown = tuple(one for one in found if not owed or one.state != "reviewed")
    if as_json:
        print(msgspec.json.encode(GlassList(shown)).decode())
        return
    for one in shown:
        where = f"{one.repository} #{one.pull_number} {one.path} {one.environment}"
        print(f"{one.id}  {one.state:8}  broken {one.broken_at}  review by {one.review_by} until {one.due_at}  {where}")
