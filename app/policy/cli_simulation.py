"""`countersign policy simulate` and `countersign policy diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import DEFAULT_URL, AsJson, Token, Url

if TYPE_CHECKING:
    from app.cli.api import Api
    from app.policy.requests import Compared, Comparison, Simulated, SimulationRequest
    from manifests.policy import Policy

_WHO = "LOGIN[:STRENGTH]"
PAGE = 10


def register(group: typer.Typer) -> None:
    """Add both to the `policy` group."""
    group.command("simulate")(simulate)
    group.command("diff")(diff)


def simulate(
    release: Annotated[str, typer.Argument(help="The release's id; with --case a file of policy tests")],
    approve: Annotated[
        list[str] | None,
        typer.Option(metavar=_WHO, help="Who would approve: carol, or carol:personal; may be repeated"),
    ] = None,
    reject: Annotated[list[str] | None, typer.Option(metavar=_WHO, help="Who would reject it; may be repeated")] = None,
    hold: Annotated[list[str] | None, typer.Option(metavar=_WHO, help="Who would hold it; may be repeated")] = None,
    revoke: Annotated[
        list[str] | None, typer.Option(metavar="LOGIN", help="Who would take back what they granted; may be repeated")
    ] = None,
    lift: Annotated[
        list[str] | None, typer.Option(metavar="LOGIN", help="Whose rejections and holds are lifted; may be repeated")
    ] = None,
    delegate: Annotated[
        list[str] | None, typer.Option(metavar="LOGIN:LOGIN", help="Who lets whom act for them; may be repeated")
    ] = None,
    at: Annotated[str, typer.Option(help="When: +2d, or an instant as 2026-12-04T10:00:00Z")] = "",
    push: Annotated[bool, typer.Option("--push", help="A push of which it is not known what it changes")] = False,
    changed: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="A push that changes this path; may be repeated")
    ] = None,
    label: Annotated[list[str] | None, typer.Option(help="A label more; may be repeated")] = None,
    unlabel: Annotated[list[str] | None, typer.Option(help="A label less; may be repeated")] = None,
    deploy: Annotated[bool, typer.Option("--deploy", help="May it be deployed, rather than merged?")] = False,
    environment: Annotated[
        str, typer.Option("--environment", "-e", help="Where it would go; left out: every one of the release")
    ] = "",
    policy: Annotated[Path | None, typer.Option("--policy", help="Another policy than that on the base branch")] = None,
    case: Annotated[str, typer.Option("--case", help="Start from this case of a file of policy tests")] = "",
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """What would be decided about a release if something else were so. Nothing is granted. Exit code 0 it would be
    allowed, 1 not, 2 used wrongly, 3 could not find out."""
    from app.policy.suites import read

    asked: dict[str, Any] = {
        "question": "deploy" if deploy else "merge",
        "environment": environment or None,
        "at": at,
        **{
            name: [_named(one) for one in said or ()]
            for name, said in (("approve", approve), ("reject", reject), ("hold", hold))
        },
        "revoke": revoke or [],
        "lift": lift or [],
        "delegate": [_lent(one) for one in delegate or ()],
        "push": {"changed": changed} if changed else push,
        "labels": {"add": label or [], "remove": unlabel or []},
        "policy": read(policy).decode("utf-8", "replace") if policy is not None else None,
    }
    if case:
        _tell_case(Path(release), case, asked, as_json=as_json)
    else:
        _tell(release, asked, url, token, as_json=as_json)


def diff(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE | OLD NEW]", help="One policy, with --repository; or two, compared as they are"),
    ] = None,
    repository: Annotated[str, typer.Option(metavar="OWNER/REPO", help="Whose releases to decide anew")] = "",
    branch: Annotated[str, typer.Option(help="Only releases into this branch")] = "",
    tenant: Annotated[Path | None, typer.Option("--tenant", help="The tenant policy above OLD and NEW")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Which releases another policy would decide otherwise; with OLD and NEW, what differs between the two. Exit code 0
    no verdict (no rule) changes, 1 some do, 2 used wrongly, 3 could not find out."""
    from app.cli.exits import UsageError
    from app.policy.validate import DEFAULT

    named = files or []
    if not repository and len(named) == 2 and not branch:
        _tell_difference(named[0], named[1], tenant, as_json=as_json)
    elif repository and len(named) <= 1 and tenant is None:
        _tell_comparison(named[0] if named else DEFAULT, repository, branch, url, token, as_json=as_json)
    else:
        raise UsageError("expected two policies, or --repository and at most one policy")


def _named(said: str) -> dict[str, str]:
    from app.cli.exits import UsageError
    from manifests.policy import STRENGTHS

    login, colon, strength = said.partition(":")
    if not login or (colon and strength not in STRENGTHS):
        raise UsageError(f"expected LOGIN or LOGIN:STRENGTH, of {', '.join(STRENGTHS)}, found {said!r}")
    return {"login": login, "strength": strength} if colon else {"login": login}


def _lent(said: str) -> dict[str, str]:
    from app.cli.exits import UsageError

    by, colon, to = said.partition(":")
    if not (by and colon and to):
        raise UsageError(f"expected --delegate as LOGIN:LOGIN, found {said!r}")
    return {"by": by, "to": to}


def _tell_case(path: Path, case: str, asked: dict[str, Any], *, as_json: bool) -> None:
    from app.cli.exits import UsageError
    from app.policy import telling
    from app.policy.local import simulate as locally

    if asked["policy"] is not None or asked["question"] == "deploy":
        raise UsageError("expected --policy and --deploy without --case: the case says what it asks, its file of what")
    found = locally(path, case, _request(asked))
    _show(_encoded(found) if as_json else "\n".join(telling.case(found)).strip())
    raise _exit([found])


def _request(asked: dict[str, Any]) -> SimulationRequest:
    import msgspec

    from app.cli.exits import UsageError
    from app.policy.requests import SimulationRequest

    try:
        return msgspec.convert(asked, SimulationRequest)
    except msgspec.ValidationError as error:
        raise UsageError(str(error)) from error


def _tell(release: str, asked: dict[str, Any], url: str, token: str, *, as_json: bool) -> None:
    from urllib.parse import quote

    from app.cli import options
    from app.policy import telling
    from app.policy.requests import Simulation

    _request(asked)
    data = options.api(url, token).post(f"/api/v1/releases/{quote(release, safe='')}/simulations", asked)
    found = _decoded(data, Simulation)
    _show(data.decode() if as_json else telling.simulation(found))
    raise _exit(found.simulated)


def _exit(found: Any) -> typer.Exit:
    from app.cli.exits import NO, YES

    simulated: list[Simulated] = list(found)
    return typer.Exit(YES if all(one.after.outcome == "allow" for one in simulated) else NO)


def _tell_comparison(path: Path, repository: str, branch: str, url: str, token: str, *, as_json: bool) -> None:
    from app.cli import options
    from app.cli.exits import NO, UNKNOWN, YES
    from app.policy import telling
    from app.policy.suites import read

    text = read(path).decode("utf-8", "replace")
    asked = {"repository": repository, "policy": text, "base_ref": branch or None, "limit": PAGE}
    pages = _pages(options.api(url, token), asked)
    found: list[Compared] = [one for page in pages for one in page.compared]
    if as_json:
        told = {"compared": found, "total": pages[-1].total, "left_out": pages[-1].left_out, "policy": pages[0].policy}
        _show(_encoded(told))
    else:
        _show(telling.compared(found, pages[-1], pages[0].policy))
    if any(one.before != one.after for one in found):
        raise typer.Exit(NO)
    raise typer.Exit(UNKNOWN if pages[-1].left_out or any(one.problem for one in found) else YES)


def _pages(api: Api, asked: dict[str, Any]) -> list[Comparison]:
    """Every answer until there is no further one; how far it is goes to stderr."""
    import sys

    from app.policy.requests import Comparison

    pages: list[Comparison] = []
    while not pages or pages[-1].next:
        after = pages[-1].next if pages else ""
        pages.append(_decoded(api.post("/api/v1/policies/comparisons", {**asked, "after": after}), Comparison))
        if len(pages) > 1 or pages[-1].next:
            print(f"{pages[-1].done} of {pages[-1].total} releases", file=sys.stderr)
    return pages


def _tell_difference(old: Path, new: Path, tenant: Path | None, *, as_json: bool) -> None:
    from app.cli.exits import NO, YES
    from app.policy import telling
    from app.policy.difference import changes

    groups = _groups(tenant)
    found = changes(_policy(old, groups), _policy(new, groups))
    _show(_encoded(found) if as_json else telling.policies(found))
    raise typer.Exit(NO if found else YES)


def _groups(tenant: Path | None) -> tuple[str, ...]:
    """The names of the groups that the tenant policy defines. Raises NoError."""
    from app.cli.exits import NoError
    from app.policy.suites import read
    from manifests.errors import ManifestError
    from manifests.policy_parser import parse_tenant_policy

    try:
        return tuple(parse_tenant_policy(read(tenant), str(tenant)).groups) if tenant is not None else ()
    except ManifestError as error:
        raise NoError("\n".join(map(str, error.problems))) from error


def _policy(path: Path, groups: tuple[str, ...]) -> Policy:
    """With what it includes, as far as that is at hand. Raises NoError."""
    from app.cli.exits import NoError
    from app.policy.included import included
    from app.policy.suites import read
    from manifests.errors import ManifestError
    from manifests.policy_parser import parse_policy

    data = read(path)
    try:
        return parse_policy(data, str(path), groups, included(data, path))
    except ManifestError as error:
        raise NoError("\n".join(map(str, error.problems))) from error


def _decoded(data: bytes, kind: type[Any]) -> Any:
    import msgspec

    from app.cli.exits import CannotFindOutError

    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise CannotFindOutError(f"the service's answer cannot be read: {error}") from error


def _encoded(told: object) -> str:
    import msgspec

    return msgspec.json.encode(told).decode()


def _show(text: str) -> None:
    from app.cli.terminal import plain
    from app.policy.cli import show

    for line in text.splitlines():
        show(plain(line))
