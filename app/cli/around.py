"""What people sign besides approvals: letting others act for them, exceptions, broken glasses and their reviews."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from app.cli.approve import Release
from app.cli.options import DEFAULT_URL, AsJson, Token, Url
from app.cli.stating import DryRun, Key, Yes

Environment = Annotated[str, typer.Option("--environment", "-e", help="Where it holds")]
Until = Annotated[
    str,
    typer.Option(help="When it ends: 2026-12-01 or 2026-12-01T18:00:00Z; never later than the rules let it"),
]
Lasting = Annotated[
    str, typer.Option("--for", help="How long it lasts: 8h or 3d; left out: as long as the rules let it")
]


def register(app: typer.Typer) -> None:
    app.command("delegate")(delegate)
    app.command("except")(grant_exception)
    app.command("break-glass")(break_glass)
    app.command("review-glass")(review_glass)


def delegate(
    release: Release,
    key: Key,
    to: Annotated[str, typer.Option(help="The GitHub login of who shall act for you")],
    environment: Environment,
    until: Until = "",
    lasting: Lasting = "",
    scope: Annotated[
        Literal["release", "repository"], typer.Option(help="Here, or in every release of this repository")
    ] = "release",
    yes: Yes = False,
    dry_run: DryRun = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Let somebody approve for you, for a time, where the rules allow it. Exit codes as of approve."""
    from app.cli import signing, stating

    asked = signing.Asked(
        "delegate", environment, signing.fingerprint(key), to=to.removeprefix("@"), scope=scope,
        until=_end(until, lasting),
    )  # fmt: skip
    where = "any pull request of the repository" if scope == "repository" else "the pull request"
    then = f"They approve as usual, and it counts for you. Take it back with /revoke in {where}."
    path = stating.of_release(release)
    stating.run(path, asked, key, yes=yes, dry_run=dry_run, url=url, token=token, as_json=as_json, then=then)


def grant_exception(
    release: Release,
    key: Key,
    type: Annotated[str, typer.Option("--type", help="The type of the evidence that has it: vulnerability-report")],
    finding: Annotated[str, typer.Option(help="The finding's id there: CVE-2026-1234")],
    control: Annotated[str, typer.Option(help="What compensates for it")],
    environment: Annotated[
        str, typer.Option("--environment", "-e", help="Where it may stay; left out: the only environment there is")
    ] = "",
    until: Until = "",
    lasting: Lasting = "",
    reason: Annotated[str, typer.Option(help="Why; recorded with your signature")] = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Grant an exception to a finding for a time, because a control compensates for it. Exit codes as of approve."""
    from app.cli import signing, stating

    asked = signing.Asked(
        "except", environment, signing.fingerprint(key), reason, type=type, finding=finding, control=control,
        until=_end(until, lasting),
    )  # fmt: skip
    then = "It ends by itself; mend what was found before then, or grant another exception."
    path = stating.of_release(release)
    stating.run(path, asked, key, yes=yes, dry_run=dry_run, url=url, token=token, as_json=as_json, then=then)


def break_glass(
    release: Release,
    key: Key,
    environment: Annotated[str, typer.Option("--environment", "-e", help="Where it has to go")],
    incident: Annotated[str, typer.Option(help="The incident or emergency change: INC0012345 or CHG0030001")],
    reason: Annotated[str, typer.Option(help="Why it cannot wait; recorded with your signature")],
    yes: Yes = False,
    dry_run: DryRun = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Break the glass in an emergency, with others: stand in for what the rules ask. Exit codes as of approve."""
    from app.cli import signing, stating

    asked = signing.Asked("break-glass", environment, signing.fingerprint(key), reason, incident=incident)
    then = "The others run the same with keys of their own. One deployment uses it up; then it has to be reviewed."
    path = stating.of_release(release)
    stating.run(path, asked, key, yes=yes, dry_run=dry_run, url=url, token=token, as_json=as_json, then=then)


def review_glass(
    glass: Annotated[
        str, typer.Argument(help="The broken glass's id: see countersign glass list, and the pull request")
    ],
    key: Key,
    reason: Annotated[str, typer.Option(help="What you found; recorded with your signature")],
    yes: Yes = False,
    dry_run: DryRun = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Review a broken glass: look back on what others let through. Exit codes as of approve."""
    from urllib.parse import quote

    from app.cli import signing, stating

    asked = signing.Asked("review", "", signing.fingerprint(key), reason, glass=glass)
    path = f"/api/v1/glasses/{quote(glass, safe='')}/statement"
    then = "Releases of this repository no longer wait for this review."
    stating.run(path, asked, key, yes=yes, dry_run=dry_run, url=url, token=token, as_json=as_json, then=then)


def _end(until: str, lasting: str) -> str:
    """The end asked for as RFC 3339; empty where none is. Raises UsageError."""
    import time

    from app.cli.exits import UsageError
    from manifests.command_words import end_of, span_of
    from manifests.times import to_rfc3339

    if until and lasting:
        raise UsageError("expected --until or --for, found both")
    if not until and not lasting:
        return ""
    span = span_of(lasting) if lasting else None
    end = end_of(until) if until else None if span is None else (int(time.time()) + span) * 1_000_000
    if end is None:
        raise UsageError("expected an end like --until 2026-12-01 or --for 3d, found " + repr(until or lasting))
    return to_rfc3339(end)
