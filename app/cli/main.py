"""The command line. Commands import what they need when they run, so that `--help` answers at once."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from app.audit import cli as audit
from app.backup import cli as backup
from app.cli import approve, around, database, exits, gate, glass, keys, people, tokens
from app.cli.options import AsJson, Config
from app.policy import cli as policy
from app.privacy import cli as privacy
from app.standing import cli as standing

app = typer.Typer(
    name="countersign",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Four-eyes release gating for GitHub and ServiceNow. Exit codes: 0 yes, 1 no or not yet, 2 usage, "
    "3 could not find out.",
)
app.add_typer(gate.app, name="gate")
app.add_typer(glass.app, name="glass")
app.add_typer(tokens.app, name="tokens")
app.add_typer(keys.app, name="keys")
privacy.register_people(people.app)
app.add_typer(people.app, name="people")
standing.register(policy.app)
app.add_typer(policy.app, name="policy")
app.add_typer(privacy.holds, name="holds")
app.add_typer(privacy.retention, name="retention")
app.command("explain")(gate.explain)
app.command("approve")(approve.approve)
around.register(app)
audit.register(app)
database.register(app)
backup.register(app)


@app.command()
def serve(config: Config = None) -> None:
    """Run the service."""
    from app.cli import options
    from app.settings import for_serving

    settings = for_serving(options.settings(config))
    # The heaviest import of all, so only when the settings are known to be sound.
    from app.serving import serve as run

    run(settings)


@app.command()
def sandbox(
    story: Annotated[bool, typer.Option("--story", help="Play one release from pull request to closed change")] = False,
    once: Annotated[bool, typer.Option("--once", help="Exit when the story is over")] = False,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0: any free one")] = 8080,
) -> None:
    """Run everything on this machine against simulators: nothing is kept, nothing leaves."""
    from app.sandbox.main import run

    run(story=story, once=once, port=port)


@app.command()
def doctor(config: Config = None, as_json: AsJson = False) -> None:
    """Check the installation; for everything that is wrong, say what to do."""
    from app.doctor.main import run

    raise typer.Exit(run(config, as_json=as_json))


def main() -> None:
    """Entry point of `countersign`."""
    try:
        app()
    except Exception as error:
        sys.exit(exits.report(error))
