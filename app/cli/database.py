"""`countersign db …`: the schema, and the triggers that guard what is only ever added to."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from app.cli.options import Config


def register(app: typer.Typer) -> None:
    """Add the `db` group to the command line."""
    group = typer.Typer(no_args_is_help=True, help="The database.")
    group.callback()(_group)
    group.command("upgrade")(upgrade)
    app.add_typer(group, name="db")


def _group() -> None:
    """Keeps `upgrade` a sub-command while it is the only one."""


def upgrade(
    config: Config = None,
    restore_guards: Annotated[
        bool,
        typer.Option(
            "--restore-guards", help="Make missing or altered triggers of append-only tables again, and record it"
        ),
    ] = False,
) -> None:
    """Bring the database to this version's schema. Nothing recorded is lost."""
    import asyncio

    from app.cli import options
    from app.db.connect import migrate
    from app.db.upgrade import newest

    settings = options.settings(config)
    if restore_guards:
        from app.clock import now
        from app.db.restoring import restore_guards as restore

        for difference in asyncio.run(restore(settings, now)) or ("Nothing was missing.",):
            print(difference, file=sys.stderr)
    else:
        asyncio.run(migrate(settings.database.url.get_secret_value()))
    print(f"The database is at schema version {newest()}.", file=sys.stderr)
