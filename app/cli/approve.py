"""`countersign approve`: read a release, sign a statement about it with your own SSH key, send it."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import DEFAULT_URL, AsJson, Token, Url
from app.cli.stating import DryRun, Key, Yes

Release = Annotated[str, typer.Argument(help="The release's id, as the console and /api/v1/releases show it")]
Reason = Annotated[str, typer.Option(help="Why; recorded with your signature")]


def approve(
    release: Release,
    key: Key,
    environment: Annotated[str, typer.Option("--environment", "-e", help="Where it may go")] = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    reject: Annotated[bool, typer.Option("--reject", help="Reject it instead; --reason says why")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Put it on hold instead; --reason says why")] = False,
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Approve a release with your own key. Exit code 0 recorded, 1 refused or declined, 2 used wrongly, 3 could not
    find out."""
    from app.cli import signing, stating

    asked = signing.Asked(_decision(reject, hold, environment), environment, signing.fingerprint(key), reason)
    path = stating.of_release(release)
    stating.run(path, asked, key, yes=yes, dry_run=dry_run, url=url, token=token, as_json=as_json)


def _decision(reject: bool, hold: bool, environment: str) -> str:
    from app.cli.exits import UsageError

    if reject and hold:
        raise UsageError("expected --reject or --hold, found both")
    if not (reject or hold or environment):
        raise UsageError("expected --environment: an approval is for the environment it names, and for no other")
    return "reject" if reject else "hold" if hold else "approve"
