"""`countersign tokens …`: over the API, or with --offline on the database itself (the first token of all)."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app.cli.options import DEFAULT_URL, AsJson, Config, Token, Url

if TYPE_CHECKING:
    from app.settings import Settings
    from app.tokens.model import Permission
    from app.tokens.model import Token as Kept
    from app.tokens.service import Tokens

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="Tokens for pipelines and tools.")

Offline = Annotated[bool, typer.Option("--offline", help="Work on the database itself, as its operator")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="With --offline: whose; default: the only one")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for")],
    permission: Annotated[list[str] | None, typer.Option(help="gate.decide, gate.redeem, … Repeatable")] = None,
    repository: Annotated[str | None, typer.Option(help="Only for owner/name")] = None,
    environment: Annotated[list[str] | None, typer.Option(help="Only for these. Repeatable")] = None,
    days: Annotated[int, typer.Option(help="How long it is valid")] = 90,
    admin: Annotated[bool, typer.Option("--admin", help="May do everything; implies --offline")] = False,
    tenant: Tenant = None,
    offline: Offline = False,
    config: Config = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Make a token and print it, this once."""
    from app.cli import options
    from app.cli.exits import CannotFindOutError
    from app.tokens.model import Scope

    permissions = _permissions([*(permission or []), *(["admin"] if admin else [])])
    scope = Scope(permissions, repository, tuple(environment or ()))
    if admin or offline:
        settings = options.settings(config)
        owner = _tenant(settings, tenant)

        async def make(tokens: Tokens) -> str:
            return (await tokens.create(owner, name, scope, days=days, by="service:operator")).text

        print(_offline(settings, make))
    else:
        import msgspec

        from app.tokens.views import CreatedToken, TokenRequest

        answer = options.api(url, token).post("/api/v1/tokens", TokenRequest(name, scope, days))
        try:
            print(msgspec.json.decode(answer, type=CreatedToken).secret)
        except msgspec.DecodeError as error:
            raise CannotFindOutError(f"expected a token, found another answer: {error}") from None
    print("Keep it safe: it is shown this once.", file=sys.stderr)


@app.command("list")
def list_tokens(
    tenant: Tenant = None,
    offline: Offline = False,
    config: Config = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """All tokens of the tenant, never their text."""
    import msgspec

    from app.cli import options
    from app.tokens.views import TokenList

    if offline:
        settings = options.settings(config)
        owner = _tenant(settings, tenant)
        found = TokenList(_offline(settings, lambda tokens: tokens.of_tenant(owner)))
    else:
        found = msgspec.json.decode(options.api(url, token).get("/api/v1/tokens"), type=TokenList)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for kept in found.tokens:
        print(_line(kept))


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="The token's id, as `tokens list` shows it")],
    tenant: Tenant = None,
    offline: Offline = False,
    config: Config = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Revoke a token, for good."""
    from urllib.parse import quote

    from app.cli import options

    if offline:
        settings = options.settings(config)
        owner = _tenant(settings, tenant)
        _offline(settings, lambda tokens: tokens.revoke(owner, token_id, by="service:operator"))
    else:
        options.api(url, token).delete(f"/api/v1/tokens/{quote(token_id, safe='')}")
    print(f"Revoked {token_id}.", file=sys.stderr)


def _offline(settings: Settings, work: Callable[[Tokens], Awaitable[T]]) -> T:
    import asyncio

    from app.clock import new_id, now
    from app.keys.service import open_database
    from app.privacy.service import open_sealer
    from app.tokens.service import Tokens

    async def run() -> T:
        database, _ = await open_database(settings, now)
        try:
            return await work(Tokens(database, now, sealer=open_sealer(settings, now, new_id)))
        finally:
            await database.close()

    return asyncio.run(run())


def _permissions(words: list[str]) -> tuple[Permission, ...]:
    from app.cli.exits import UsageError
    from app.tokens.model import Permission

    try:
        return tuple(Permission(word) for word in words)
    except ValueError:
        known = ", ".join(permission.value for permission in Permission)
        raise UsageError(f"expected --permission to be of {known}; found {', '.join(words)}") from None


def _tenant(settings: Settings, given: str | None) -> str:
    from app.cli.exits import UsageError

    known = [tenant.id for tenant in settings.tenants]
    if given is None and len(known) == 1:
        return known[0]
    if given not in known:
        raise UsageError(f"expected --tenant to be one of {', '.join(known) or 'none'}; found {given}")
    return given


def _line(kept: Kept) -> str:
    from datetime import UTC, datetime

    scope = kept.scope
    until = datetime.fromtimestamp(kept.expires_at / 1e6, UTC).date().isoformat()
    state = "revoked" if kept.revoked_at is not None else f"until {until}"
    words = [kept.id, state, ",".join(p.value for p in scope.permissions), scope.repository or "any repository"]
    return "  ".join([*words, ",".join(scope.environments) or "any environment", kept.name])
