"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.cli.api import Api
    from app.settings import Settings

DEFAULT_URL = "http://127.0.0.1:8080"

Config = Annotated[
    Path | None,
    typer.Option("--config", envvar="COUNTERSIGN_CONFIG", help="Settings file; default ./countersign.toml"),
]
Url = Annotated[str, typer.Option("--url", envvar="COUNTERSIGN_URL", help="Address of the service")]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="COUNTERSIGN_TOKEN",
        show_envvar=True,
        help="Better given by the environment: other users can see arguments",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines")]


def settings(config: Path | None) -> Settings:
    from app.settings import load

    return load(config)


def api(url: str, token: str) -> Api:
    """The service, with the token of the option, of COUNTERSIGN_TOKEN_FILE, or of the CI platform."""
    from app.cli.api import Api
    from app.cli.pipeline import oidc_token

    if not token and os.environ.get("COUNTERSIGN_TOKEN_FILE"):
        token = Path(os.environ["COUNTERSIGN_TOKEN_FILE"]).read_text().strip()
    return Api(url, token or oidc_token(os.environ, url))
