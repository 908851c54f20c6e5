"""Groups that GitHub knows: teams, and lists of its accounts."""

from __future__ import annotations

from collections.abc import Hashable

from app.facts.group_source import Scope, Source, SourceError
from app.facts.members import Memberships
from gates.model import Member
from manifests.policy import Group


def github_sources(members: Memberships) -> tuple[Source, ...]:
    """The sources of groups that are asked of GitHub."""

    async def team(scope: Scope, group: Group) -> tuple[Member, ...]:
        assert group.github_team is not None
        return await team_members(members, scope, group.github_team, group.github_team_id)

    async def listed(scope: Scope, group: Group) -> tuple[Member, ...]:
        return await members.listed([await scope.github.account(login) for login in group.members])

    return (
        Source(_team_key, lambda group: f"Team {group.github_team}", team),
        Source(lambda _, group: group.members or None, lambda group: "The list of members", listed),
    )


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


def _team_key(scope: Scope, group: Group) -> Hashable | None:
    return (group.github_team, group.github_team_id) if group.github_team is not None else None
