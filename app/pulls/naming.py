"""The accounts that people name when they let somebody act for them."""

from __future__ import annotations

from collections.abc import Iterable

from app.people.service import github_account
from app.people.store import KnownAccount
from app.pulls.observe import Said
from app.pulls.powers import Delegate
from app.pulls.store import Observation
from app.tenants.registry import Tenant
from integrations.errors import NotFoundError
from integrations.github.port import GitHub
from manifests.command import Command, parse_command


async def named(github: GitHub, tenant: Tenant, heard: Iterable[tuple[Observation, Said]]) -> dict[str, Delegate]:
    """By login in lower case, as somebody wrote it. Raises NeighbourError."""
    commands = [parse_command(said.body) for seen, said in heard if seen.kind == "comment.created"]
    logins = {one.login.lower() for one in commands if isinstance(one, Command) and one.login}
    return {login: await delegate(github, tenant, login) for login in sorted(logins)}


async def delegate(github: GitHub, tenant: Tenant, login: str) -> Delegate:
    """The account that has this login now. Raises NeighbourError."""
    try:
        account = await github.account(login)
    except NotFoundError:
        return Delegate(login)
    known = await tenant.people.persons([account])
    return delegate_of(tenant, known[github_account(account)])


def delegate_of(tenant: Tenant, known: KnownAccount) -> Delegate:
    machines = {login.lower() for login in tenant.policy.people.machines}
    return Delegate(known.login, known.account, known.person, known.kind, known.login.lower() in machines)
