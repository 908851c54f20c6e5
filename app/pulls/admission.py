"""What keeps an approval from counting, whichever way it came: said on GitHub or signed with a person's own key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from app.consents.store import StoredGrant
from app.facts.view import PullView
from app.people.service import github_account
from app.pulls.observe import Said
from app.pulls.store import ARRIVED, LEFT, Head, Observation
from gates.model import GroupFacts
from manifests.command import Command, parse_command

Obstacle = Literal["shut", "moved", "left", "unseen", "closed", "retargeted", "withdrawn"]
"""The pull request is closed; the head is another; it was replaced and came back; nobody told who pushed it; the pull
request was closed or given another base since; the person rejected or revoked since."""


def obstacle(
    view: PullView, heads: Sequence[Head], observations: Sequence[tuple[Observation, Said]], sha: str, account: str,
    at: int,
) -> Obstacle | None:  # fmt: skip
    """The first thing in the way of an approval of head ``sha`` that ``account`` gave at ``at`` (microseconds since
    1970 UTC)."""
    if view.facts.state == "closed":
        return "shut"
    if sha != view.pull.head_sha:
        return "moved"
    if any(head.sha == sha and head.event == LEFT for head in heads):
        return "left"
    if all(head.sha != sha for head in heads if head.event == ARRIVED):
        return "unseen"
    if at <= last(observations, "pull.closed"):
        return "closed"
    if at <= last(observations, "pull.retargeted"):
        return "retargeted"
    if any(_withdrew(seen, said, account, at) for seen, said in observations):
        return "withdrawn"
    return None


def last(observations: Iterable[tuple[Observation, Said]], kind: str) -> int:
    """When this was last seen to happen; what was agreed to before does not come back."""
    return max((said.at for seen, said in observations if seen.kind == kind), default=-1)


def _withdrew(observation: Observation, said: Said, account: str, at: int) -> bool:
    """Deliveries come in any order: what somebody withdrew later must not come back with an older approval."""
    if said.account is None or github_account(said.account) != account or said.at < at:
        return False
    command = parse_command(said.body) if observation.kind == "comment.created" else None
    if isinstance(command, Command) and command.verb in ("revoke", "reject"):
        return True
    return observation.kind == "review.changes_requested"


def withheld(grants: Iterable[StoredGrant]) -> list[StoredGrant]:
    """The rejections and holds among them."""
    return [grant for grant in grants if grant.consent.decision in ("reject", "hold")]


def changed_mind(grants: Iterable[StoredGrant], person: str, path: str, at: int) -> list[StoredGrant]:
    """What somebody rejected or held before they approved the same release at ``at``."""
    return [
        grant
        for grant in withheld(grants)
        if grant.consent.person == person and grant.consent.manifest_path == path and grant.consent.issued_at <= at
    ]


def groups_of(groups: Iterable[GroupFacts], account: str) -> tuple[str, ...]:
    """The names of the groups that an account belongs to, sorted."""
    return tuple(sorted({g.name for g in groups if any(member.account == account for member in g.members)}))
