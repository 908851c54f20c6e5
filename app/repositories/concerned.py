"""The open pull requests whose verdict may depend on what happened elsewhere at GitHub, as work keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.db.tx import Tx
from app.pulls import store as pulls
from app.pulls.watches import ORGANISATIONS, OWNERS, ROLES, TEAMS, Watches
from app.work import store as work
from integrations.github.events import CheckRunEvent, MembershipEvent, OrganisationEvent, StatusEvent


def by_team(tx: Tx, tenant: str, event: MembershipEvent) -> Iterator[str]:
    """Somebody came into a team or left it; teams give permissions, too."""
    team = f"{TEAMS}:{event.organisation}/{event.team_slug}".lower()
    names = {team, f"{TEAMS}:{event.team_id}", OWNERS, ROLES}
    return _anywhere(tx, tenant, lambda found: not names.isdisjoint(found.groups))


def by_organisation(tx: Tx, tenant: str, event: OrganisationEvent) -> Iterator[str]:
    """Somebody came into an organisation or left it, and with it its teams and what its members may do."""
    login = event.organisation.login.lower()
    names = (f"{ORGANISATIONS}:{login}", f"{TEAMS}:{login}/", OWNERS, ROLES)
    return _anywhere(tx, tenant, lambda found: any(one.startswith(names) for one in found.groups))


def by_role(tx: Tx, repository_id: int) -> Iterator[str]:
    """Somebody may do more or less in a repository."""
    return _of(tx, repository_id, lambda found: ROLES in found.groups)


def by_teams(tx: Tx, tenant: str) -> Iterator[str]:
    """A team was renamed, deleted or given another permission."""
    return _anywhere(tx, tenant, lambda found: any(one.startswith((TEAMS, OWNERS, ROLES)) for one in found.groups))


def in_hand(tx: Tx, tenant: str, now: int) -> Iterator[str]:
    """Those that are being judged at this moment (microseconds since 1970 UTC): by what is known only afterwards. Few
    events ask for them, so that they come to an end."""
    for repository in pulls.repositories(tx):
        if repository.tenant == tenant:
            yield from work.all_in_hand(tx, f"pull/{repository.id}/", now)


def by_check(tx: Tx, repository_id: int, event: CheckRunEvent | StatusEvent) -> Iterator[str]:
    """Another App reported something of a commit."""
    if isinstance(event, StatusEvent):
        sha, name, app = event.sha, event.context, "status"
    else:
        sha, name, app = event.head_sha, event.name, event.app
    return _of(tx, repository_id, lambda found: found.requires(name, app), sha)


def every_one(tx: Tx, tenant: str) -> Iterator[str]:
    return _anywhere(tx, tenant, lambda found: True)


def _anywhere(tx: Tx, tenant: str, depends: Callable[[Watches], bool]) -> Iterator[str]:
    for repository in pulls.repositories(tx):
        if repository.tenant == tenant:
            yield from _of(tx, repository.id, depends)


def _of(tx: Tx, repository_id: int, depends: Callable[[Watches], bool], head_sha: str = "") -> Iterator[str]:
    """What a verdict depends on is not known until it was once found out, and then it may be this."""
    for number, found in pulls.watched(tx, repository_id, head_sha):
        if found is None or depends(found):
            yield f"pull/{repository_id}/{number}"
