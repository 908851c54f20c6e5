"""The way of every statement that a person signs: fetched, read, shown, agreed to, signed, sent, told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.exits import CannotFindOutError

if TYPE_CHECKING:
    from app.cli.signing import Asked
    from app.signatures.model import Submitted

Key = Annotated[Path, typer.Option("--key", help="Your SSH key: a private key file, or a .pub whose agent signs")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before signing")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be signed")]


def run(
    path: str, asked: Asked, key: Path, *, yes: bool, dry_run: bool, url: str, token: str, as_json: bool,
    then: str = "",
) -> None:  # fmt: skip
    """``path`` serves the statement; ``then`` is what to do next, told when it was recorded. Raises CommandError."""
    import msgspec

    from app.cli import options, signing
    from app.cli.terminal import plain
    from app.signatures.model import Submitted

    api = options.api(url, token)
    consent, prepared = signing.read(api.get(f"{path}?{_query(asked)}"), asked)
    if dry_run and as_json:
        print(json.dumps({"payload": prepared.payload, "display": prepared.display, "namespace": prepared.namespace}))
        return
    shown = "\n".join(plain(line) for line in prepared.display.splitlines())
    print(shown, file=sys.stdout if dry_run else sys.stderr)
    if dry_run:
        print("\nNothing was signed. Run the same without --dry-run to sign it.")
        return
    if not yes:
        signing.confirm(asked.decision)
    sent = {"payload": prepared.payload, "signature": signing.sign(consent.payload, key), "display": prepared.display}
    sent |= {name: value for name in ("reason", "control") if (value := getattr(asked, name))}
    answer = api.post("/api/v1/statements", sent)
    try:
        found = msgspec.json.decode(answer, type=Submitted)
    except msgspec.MsgspecError as error:
        raise CannotFindOutError(f"expected the recorded grant, found another answer: {error}") from None
    print(answer.decode() if as_json else "\n".join(_lines(found, then)))


def of_release(release: str) -> str:
    from urllib.parse import quote

    return f"/api/v1/releases/{quote(release, safe='')}/statement"


def _query(asked: Asked) -> str:
    from urllib.parse import urlencode

    wanted = {
        "key": asked.key, "decision": asked.decision, "environment": asked.environment, "reason": asked.reason,
        "to": asked.to, "scope": asked.scope if asked.to else "", "until": asked.until, "type": asked.type,
        "finding": asked.finding, "control": asked.control, "incident": asked.incident,
    }  # fmt: skip
    return urlencode({name: value for name, value in wanted.items() if value})


def _lines(found: Submitted, then: str) -> Iterator[str]:
    from app.cli.terminal import mark, plain

    grant = found.grant
    where = f" for {plain(', '.join(grant.environments))}" if grant.environments else ""
    again = " before" if found.repeated else ""
    yield f"{mark('pass')} Recorded{again}: {grant.decision}{where}, grant {plain(grant.id)}, until {grant.not_after}"
    if grant.void:
        yield f"{mark('fail')} It no longer counts: {plain(grant.void)}"
    elif then:
        yield f"  → {then}"
    for missing in (*found.uncounted, *found.missing):
        yield f"{mark(missing.status)} {plain(missing.environment)} {plain(missing.name)}: {plain(missing.summary)}"
        if missing.remedy:
            yield f"  → {plain(missing.remedy)}"
    if not found.missing:
        yield f"{mark('pass')} Nothing is missing: it may merge."
