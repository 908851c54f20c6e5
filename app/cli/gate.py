"""`countersign gate …`: what a pipeline asks before it deploys, and tells afterwards."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.options import DEFAULT_URL, AsJson, Token, Url

app = typer.Typer(no_args_is_help=True, help="Ask the gate, redeem its answer, report the outcome.")

Decision = Annotated[str, typer.Argument(help="The decision's id, as `gate check` printed it")]


@app.command()
def check(
    environment: Annotated[str, typer.Option("--environment", "-e", help="Where it shall go")],
    file: Annotated[list[str], typer.Option("--file", "-f", help="An artifact: path, or name=path. Repeatable")],
    repository: Annotated[str | None, typer.Option(help="owner/name; default: this run's or origin's")] = None,
    commit: Annotated[str | None, typer.Option(help="Full SHA; default: this run's or HEAD")] = None,
    wait: Annotated[str, typer.Option(help="Ask again for this long while the answer is wait, e.g. 30m")] = "0s",
    redeem: Annotated[bool, typer.Option("--redeem", help="Redeem an allow at once")] = False,
    vsa: Annotated[Path | None, typer.Option("--vsa", help="Keep the signed verification summary here")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """May these files go to this environment? Exit code 0 yes, 1 no or not yet, 3 could not find out."""
    from app.cli import answer, asking, hashing, options, pipeline

    question = asking.Question(
        environment,
        pipeline.repository(repository, os.environ),
        pipeline.commit(commit, os.environ),
        hashing.subjects(file),
    )
    waiting = asking.Waiting(asking.duration(wait))
    api = options.api(url, token)
    found, data = asking.ask(api, question, waiting, lambda line: print(line, file=sys.stderr, flush=True))
    print(data.decode() if as_json else "\n".join(answer.lines(found)))
    if found.decision != "allow":
        raise typer.Exit(1)
    if vsa is not None:
        _keep(vsa, found)
    if redeem:
        _redeem(url, token, found.decision_id)


@app.command()
def redeem(decision: Decision, url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Use up an allow, right before the deployment. It works once."""
    _redeem(url, token, decision)


@app.command()
def report(
    decision: Decision,
    outcome: Annotated[Literal["success", "failure"], typer.Option(help="How the deployment ended")],
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Tell how the deployment ended, so that the change can be closed with it."""
    from app.cli import options

    options.api(url, token).post(f"/api/v1/decisions/{_quoted(decision)}/outcome", {"outcome": outcome})
    print(f"Recorded: {outcome}.", file=sys.stderr)


def explain(decision: Decision, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Why was this decided? Exit code 1 when its stored facts no longer give the stored verdict."""
    from app.cli import answer, options
    from app.cli.exits import NoError

    data = options.api(url, token).get(f"/api/v1/decisions/{_quoted(decision)}/explanation")
    found = answer.read_explanation(data)
    print(data.decode() if as_json else "\n".join(answer.lines(found)))
    if not found.same:
        raise NoError("Replayed now, the stored facts give another verdict: run `countersign audit verify`.")
    words = ", in other words than were recorded" if found.wording == "changed" else ""
    print(f"Replayed now, the stored facts give the same verdict{words}.", file=sys.stderr)


def _redeem(url: str, token: str, decision: str) -> None:
    from app.cli import options

    options.api(url, token).post(f"/api/v1/decisions/{_quoted(decision)}/redemption", {})
    print(f"Redeemed: decision {decision} is used up.", file=sys.stderr)


def _keep(path: Path, found: object) -> None:
    from app.cli.answer import Answer
    from app.cli.exits import CannotFindOutError

    assert isinstance(found, Answer)
    envelope = bytes(found.attestation)
    if envelope == b"null":
        raise CannotFindOutError("expected a verification summary with the allow, found none")
    path.write_bytes(envelope + b"\n")
    print(f"Kept the verification summary in {path}; its signature is not checked here.", file=sys.stderr)


def _quoted(decision: str) -> str:
    from app.cli.exits import UsageError

    if not decision.isascii() or not decision.replace("-", "").replace("_", "").isalnum():
        raise UsageError(f"expected a decision's id, found {decision!r}")
    return decision
