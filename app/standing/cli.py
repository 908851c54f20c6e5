"""`countersign policy adopt` and `countersign policy versions`: which versions of a repository's policy count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app.cli.options import DEFAULT_URL, AsJson, Token, Url

if TYPE_CHECKING:
    from app.cli.api import Api
    from app.standing.messages import Present

T = TypeVar("T")
Repository = Annotated[str, typer.Argument(metavar="OWNER/REPO", help="The repository")]
PRESENT = "/api/v1/policies/present"
ADOPTIONS = "/api/v1/policies/adoptions"
VERSIONS = "/api/v1/policies/versions"


def register(group: typer.Typer) -> None:
    """Add both to the `policy` group."""
    group.command("adopt")(adopt)
    group.command("versions")(versions)


def adopt(
    repository: Repository,
    branch: Annotated[str, typer.Option(help="The branch that the policy stands on")] = "main",
    sha256: Annotated[str, typer.Option("--sha256", help="Adopt it only if this is its digest")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needs --sha256")] = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Let the policy that stands on a branch count although no pull request released it. It takes two stewards: one
    proposes, another confirms. Exit code 0 it counts, 1 not yet or refused, 3 could not find out."""
    from app.cli import options
    from app.cli.exits import NO, YES, UsageError
    from app.standing.messages import COUNTING, Adoption

    if (yes or as_json) and not sha256:
        raise UsageError("expected --sha256 beside --yes or --json: who is not asked says what they have read")
    api = options.api(url, token)
    present = _present(api, repository, branch, sha256)
    if not as_json:
        _show(present)
    if present.state in COUNTING:
        print(_encoded(present) if as_json else f"This version counts: it was {present.state}.")
        raise typer.Exit(YES)
    if not (yes or as_json):
        _confirm()
    asked = {"repository": present.repository, "branch": branch, "sha256": present.sha256}
    done = _decoded(api.post(ADOPTIONS, asked), Adoption)
    print(_encoded(done) if as_json else f"This version is {done.state}. {done.next}".rstrip())
    raise typer.Exit(YES if done.state in COUNTING else NO)


def versions(repository: Repository, url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Every version of a repository's policy that was released, adopted or proposed, as JSON."""
    from urllib.parse import urlencode

    from app.cli import options

    print(options.api(url, token).get(f"{VERSIONS}?{urlencode({'repository': repository})}").decode())


def _present(api: Api, repository: str, branch: str, sha256: str) -> Present:
    from urllib.parse import urlencode

    from app.cli.exits import NoError
    from app.cli.terminal import plain
    from app.standing.messages import Present

    found = _decoded(api.get(f"{PRESENT}?{urlencode({'repository': repository, 'branch': branch})}"), Present)
    if sha256 and sha256 != found.sha256:
        there = found.sha256 or "no policy"
        raise NoError(f"expected the policy with SHA-256 {plain(sha256)} on {plain(branch)}, found {plain(there)}")
    if not found.sha256 or found.problem:
        raise NoError(f"expected a policy that can be read on {plain(branch)}, found: {plain(found.problem)}")
    return found


def _show(present: Present) -> None:
    from app.cli.terminal import plain

    for line in present.text.splitlines():
        print(f"  {plain(line)}")
    print(f"{plain(present.repository)}, branch {plain(present.branch)}, commit {plain(present.commit)}")
    print(f"SHA-256 {present.sha256}")
    print(f"Rules: {plain(', '.join(present.rules)) or 'none'}")
    if present.proposed_by:
        print(f"Proposed by {plain(present.proposed_by)}.")


def _confirm() -> None:
    import sys

    from app.cli.exits import NoError, UsageError

    if not sys.stdin.isatty():
        raise UsageError("expected somebody at a terminal, or --yes with --sha256")
    if not typer.confirm("Shall exactly this policy decide on releases?"):
        raise NoError("nothing was adopted")


def _decoded(data: bytes, kind: type[T]) -> T:
    import msgspec

    from app.cli.exits import CannotFindOutError

    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise CannotFindOutError(f"the service's answer cannot be read: {error}") from error


def _encoded(told: object) -> str:
    import msgspec

    return msgspec.json.encode(told).decode()
