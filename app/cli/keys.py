"""`countersign keys …`: the server's own keys."""

from __future__ import annotations

import typer

from app.cli.options import AsJson, Config

app = typer.Typer(no_args_is_help=True, help="The server's own keys.")


@app.callback()
def group() -> None:
    """Keeps `list` a sub-command while it is the only one."""


@app.command("list")
def list_keys(config: Config = None, as_json: AsJson = False) -> None:
    """Show the public keys by which others verify what the server signed."""
    import msgspec

    from app.cli import options
    from app.keys import files
    from app.keys.model import SYSTEM, public

    settings = options.settings(config)
    keys = files.load(settings.keys, create=False)
    shown = public(keys, (*(tenant.id for tenant in settings.tenants), SYSTEM))
    if as_json:
        print(msgspec.json.encode(shown).decode())
        return
    for key in shown.keys:
        print(f"{key.use}  {key.kind}  {key.fingerprint}\n  {key.openssh}")
        for vkey in key.vkeys:
            print(f"  {vkey}")
