"""Groups that GitHub knows: teams, organisations, roles in a repository, owners of files, and lists of accounts."""

from __future__ import annotations

import asyncio

from app.facts import codeowners
from app.facts.group_source import Scope, Source, SourceError
from app.facts.members import Memberships
from app.people.service import github_account
from gates.model import Member
from integrations.errors import NotFoundError, RefusedError
from integrations.github.port import Account
from manifests.policy import PERMISSIONS, Group


def github_sources(members: Memberships) -> tuple[Source, ...]:
    """The sources of groups that are asked of GitHub."""

    async def team(scope: Scope, group: Group) -> tuple[Member, ...]:
        return await team_members(members, scope, group.github_team or "", group.github_team_id)

    async def listed(scope: Scope, group: Group) -> tuple[Member, ...]:
        return await members.listed([await scope.github.account(login) for login in group.members])

    async def organisation(scope: Scope, group: Group) -> tuple[Member, ...]:
        return await _organisation(members, scope, group.github_org or "")

    async def permission(scope: Scope, group: Group) -> tuple[Member, ...]:
        return await _permitted(members, scope, group.permission or "admin")

    async def owners(scope: Scope, group: Group) -> tuple[Member, ...]:
        return await _owners(members, scope)

    return (
        Source(
            lambda _, group: (group.github_team, group.github_team_id) if group.github_team is not None else None,
            lambda group: f"Team {group.github_team}", team,
        ),
        Source(lambda _, group: group.members or None, lambda group: "The list of members", listed),
        Source(lambda _, group: group.github_org, lambda group: f"The organisation {group.github_org}", organisation),
        Source(
            lambda scope, group: (scope.repository_id, group.permission) if group.permission is not None else None,
            lambda group: f"Who has the permission {group.permission}", permission,
        ),
        Source(
            lambda scope, group: (scope.repository_id, scope.commit, scope.paths) if group.codeowners else None,
            lambda group: "Who owns the files by CODEOWNERS", owners,
        ),
    )  # fmt: skip


async def team_members(members: Memberships, scope: Scope, name: str, team_id: int | None = None) -> tuple[Member, ...]:
    """Direct members of the team ``organisation/slug``, if it is the one that was pinned. Raises SourceError."""
    organisation, _, slug = name.partition("/")
    team = await scope.github.team(organisation, slug)
    pinned = team_id or await members.pinned(name, team.id)
    if pinned != team.id:
        raise SourceError(
            f"{name} is now team {team.id}; it was pinned as team {pinned}. "
            "Name the new team's id in the policy if that is meant."
        )
    return await members.seen(f"github-team:{team.id}", await scope.github.direct_members(team))


async def _organisation(members: Memberships, scope: Scope, name: str) -> tuple[Member, ...]:
    account = await scope.github.account(name)
    if account.type != "Organization":
        raise SourceError(f"{name} is a {account.type}, not an organisation.")
    pinned = await members.pinned(name, account.id)
    if pinned != account.id:
        raise SourceError(
            f"{name} is now organisation {account.id}; it was pinned as organisation {pinned}. "
            "Name it by a group of another name if that is meant."
        )
    return await members.seen(f"github-org:{account.id}", await scope.github.organisation_members(name))


async def _permitted(members: Memberships, scope: Scope, least: str) -> tuple[Member, ...]:
    if not scope.repository:
        return ()
    enough = PERMISSIONS[PERMISSIONS.index(least) :]
    found = await scope.github.collaborators(scope.repository)
    accounts = [one.account for one in found if one.permission in enough]
    return await members.seen(f"github-permission:{scope.repository_id}:{least}", accounts)


async def _owners(members: Memberships, scope: Scope) -> tuple[Member, ...]:
    """Whoever owns one of the files; of no file in particular, every owner there is. Since when somebody is an owner of
    anything in the repository is known from looking: not everybody who may change that file is trusted with a seat."""
    if scope.content is None or not scope.commit:
        return ()
    text = await _file(scope)
    # Where nobody waits for it: it may have some ten thousand lines.
    everybody, named = await asyncio.to_thread(_named, text, scope.paths)
    found: list[Member] = []
    accounts: list[Account] = []
    for owner in sorted(named):
        if not owner.startswith("@"):
            domain = owner.rpartition("@")[2]
            raise SourceError(f"CODEOWNERS names an owner by an e-mail address (…@{domain}): name a login or a team.")
        try:
            if "/" in owner:
                found += await team_members(members, scope, owner[1:])
            else:
                accounts.append(await scope.github.account(owner[1:]))
        except NotFoundError:
            raise SourceError(f"CODEOWNERS names {owner}, which is not there or hidden from the App.") from None
    logins = sorted(owner[1:] for owner in everybody - named if owner.startswith("@") and "/" not in owner)
    others = [account for login in logins if (account := await _account(scope, login)) is not None]
    owners = await members.seen(f"github-owners:{scope.repository_id}", {*accounts, *others})
    meant = {github_account(account) for account in accounts}
    return (*found, *(one for one in owners if one.account in meant))


def _named(text: bytes, paths: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Every owner that CODEOWNERS names, and those of these paths, or all if there are none."""
    lines = codeowners.parse(text)
    everybody = frozenset(one for line in lines for one in line.owners)
    return everybody, frozenset(codeowners.owners(lines, paths)) if paths else everybody


async def _account(scope: Scope, login: str) -> Account | None:
    """Who owns other files; who is gone there is no trouble here."""
    try:
        return await scope.github.account(login)
    except NotFoundError:
        return None


async def _file(scope: Scope) -> bytes:
    assert scope.content is not None
    key = (scope.repository_id, scope.repository)
    for path in codeowners.LOCATIONS:
        try:
            text = await scope.content.file(scope.github, key, path, scope.commit, codeowners.MAX_BYTES)
        except RefusedError as error:
            raise SourceError(f"{path} cannot be read: {error}") from error
        if text is not None:
            return text
    raise SourceError(f"There is no CODEOWNERS on the base branch: GitHub looks for {', '.join(codeowners.LOCATIONS)}.")
