"""`countersign approve`: read a release, sign a statement about it with your own SSH key, send it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import DEFAULT_URL, AsJson, Token, Url

if TYPE_CHECKING:
    from app.cli.signing import Asked
    from app.signatures.model import Submitted


def approve(
    release: Annotated[str, typer.Argument(help="The release's id, as the console and /api/v1/releases show it")],
    key: Annotated[Path, typer.Option("--key", help="Your SSH key: a private key file, or a .pub whose agent signs")],
    environment: Annotated[str, typer.Option("--environment", "-e", help="Where it may go")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before signing")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Reject it instead")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Put it on hold instead")] = False,
    reason: Annotated[str, typer.Option(help="Why; recorded with your signature")] = "",
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Approve a release with your own key. Exit code 0 recorded, 1 refused or declined, 3 could not find out."""
    import msgspec

    from app.cli import options, signing
    from app.cli.exits import CannotFindOutError
    from app.cli.terminal import plain
    from app.signatures.model import Submitted

    asked = signing.Asked(_decision(reject, hold, environment), environment, signing.fingerprint(key), reason)
    api = options.api(url, token)
    consent, prepared = signing.read(api.get(_path(release, asked)), asked)
    print("\n".join(plain(line) for line in prepared.display.splitlines()), file=sys.stderr)
    if not yes:
        signing.confirm(asked.decision)
    sent = {"payload": prepared.payload, "signature": signing.sign(consent.payload, key), "display": prepared.display}
    answer = api.post("/api/v1/statements", {**sent, **({"reason": reason} if reason else {})})
    try:
        found = msgspec.json.decode(answer, type=Submitted)
    except msgspec.MsgspecError as error:
        raise CannotFindOutError(f"expected the recorded grant, found another answer: {error}") from None
    print(answer.decode() if as_json else "\n".join(_lines(found)))


def _decision(reject: bool, hold: bool, environment: str) -> str:
    from app.cli.exits import UsageError

    if reject and hold:
        raise UsageError("expected --reject or --hold, found both")
    if not (reject or hold or environment):
        raise UsageError("expected --environment: an approval is for the environment it names, and for no other")
    return "reject" if reject else "hold" if hold else "approve"


def _path(release: str, asked: Asked) -> str:
    from urllib.parse import quote, urlencode

    wanted = {"key": asked.key, "decision": asked.decision}
    wanted |= {"environment": asked.environment} if asked.environment else {}
    wanted |= {"reason": asked.reason} if asked.reason else {}
    return f"/api/v1/releases/{quote(release, safe='')}/statement?{urlencode(wanted)}"


def _lines(found: Submitted) -> Iterator[str]:
    from app.cli.terminal import mark, plain

    grant = found.grant
    where = f" for {plain(', '.join(grant.environments))}" if grant.environments else ""
    again = " before" if found.repeated else ""
    yield f"{mark('pass')} Recorded{again}: {grant.decision}{where}, grant {plain(grant.id)}, until {grant.not_after}"
    if grant.void:
        yield f"{mark('fail')} It no longer counts: {plain(grant.void)}"
    for missing in found.missing:
        yield f"{mark(missing.status)} {plain(missing.environment)} {plain(missing.name)}: {plain(missing.summary)}"
        if missing.remedy:
            yield f"  → {plain(missing.remedy)}"
    if not found.missing:
        yield f"{mark('pass')} Nothing is missing: it may merge."
