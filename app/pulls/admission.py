"""What keeps an approval from counting, whichever way it came: said on GitHub or signed with a person's own key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import msgspec

from app.consents.store import StoredGrant
from app.facts.view import PullView, ReleaseView
from app.people.service import github_account
from app.pulls.observe import Said
from app.pulls.store import ARRIVED, LEFT, Head, Observation
from gates.excluded import excluded
from gates.membership import Registry, objection, registry, rosters
from gates.model import Consent, Contributor, GroupFacts, ReportingFacts, Snapshot
from gates.terms import EffectiveRule
from manifests.command import Command, parse_command

Obstacle = Literal["shut", "moved", "left", "unseen", "closed", "retargeted", "withdrawn"]
"""The pull request is closed; the head is another; it was replaced and came back; nobody told who pushed it; the pull
request was closed or given another base since; the person rejected or revoked since."""
WITHDRAWN = ("approve", "delegate", "except", "break-glass")
"""Decisions that the person takes back by rejecting or revoking."""


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
    return "withdrawn" if withdrew(observations, account, at) else None


def withdrew(observations: Iterable[tuple[Observation, Said]], account: str, at: int) -> bool:
    """Whether ``account`` took back since what it said at ``at``."""
    return any(_withdrew(seen, said, account, at) for seen, said in observations)


def revokes(seen: Observation, said: Said) -> bool:
    command = parse_command(said.body) if seen.kind == "comment.created" else None
    return isinstance(command, Command) and command.verb == "revoke"


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


def replaced(grants: Iterable[StoredGrant], by: Consent) -> list[StoredGrant]:
    """Earlier delegations to the same account, in the same release and environments, that ``by`` takes the place of."""
    return [
        grant
        for grant in grants
        if grant.consent.decision == "delegate" and grant.consent.person == by.person
        if grant.consent.delegation is not None and by.delegation is not None
        if (grant.consent.delegation.account, grant.consent.delegation.scope)
        == (by.delegation.account, by.delegation.scope)
        if (grant.consent.manifest_path, grant.consent.environments) == (by.manifest_path, by.environments)
        if grant.consent.issued_at <= by.issued_at
    ]


def withheld(grants: Iterable[StoredGrant]) -> list[StoredGrant]:
    """The rejections and holds among them."""
    return [grant for grant in grants if grant.consent.decision in ("reject", "hold")]


def approved_since(consents: Iterable[Consent], person: str, path: str, at: int) -> set[str]:
    """The environments for which somebody approved a release after ``at``."""
    return {
        environment
        for consent in consents
        if consent.decision == "approve" and consent.person == person and consent.manifest_path == path
        if consent.issued_at > at
        for environment in consent.environments
    }


def changed_mind(
    grants: Iterable[StoredGrant], approvals: Iterable[Consent], by: Consent, release: ReleaseView
) -> list[StoredGrant]:
    """What somebody rejected or held before they approved the same release with ``by``: once they have approved, with
    it and with their other ``approvals`` since, every environment that they had stopped. A word for staging takes
    back no word about production."""
    others = tuple(approvals)
    return [
        grant
        for grant in withheld(grants)
        if grant.consent.person == by.person
        and grant.consent.manifest_path == release.path
        and grant.consent.issued_at <= by.issued_at
        and set(grant.consent.environments or release.environments)
        <= {*by.environments, *approved_since(others, by.person, release.path, grant.consent.issued_at)}
    ]


def groups_of(groups: Iterable[GroupFacts], account: str) -> tuple[str, ...]:
    """The names of the groups that an account belongs to, sorted."""
    return tuple(sorted({g.name for g in groups if any(member.account == account for member in g.members)}))


def may_lift(
    view: PullView, makers: Iterable[Contributor], reporting: ReportingFacts | None, groups: Iterable[str],
    account: str, person: str,
) -> bool:  # fmt: skip
    """Whether somebody may lift what a member of ``groups`` said: whose own approval would count there."""
    wanted, others = set(groups), tuple(makers)
    found = False
    for release in view.releases:
        who = msgspec.structs.replace(release.contributors, known=(*release.contributors.known, *others))
        for environment, rule in release.rules.items():
            snapshot = Snapshot(
                at=0, question="merge", environment=environment, tenant="", pull=view.facts, release=release.facts,
                contributors=who, groups=release.groups.get(environment, ()), lineage=release.lineage,
                evidence=release.evidence, reporting=reporting,
            )  # fmt: skip
            if excluded(snapshot).deed(account, person):
                return False
            if isinstance(rule, EffectiveRule) and not (barred := excluded(snapshot, rule)).deed(account, person):
                found = found or _counts(snapshot, rule, registry(snapshot, rule, barred), wanted, account, person)
    return found


def _counts(
    snapshot: Snapshot, rule: EffectiveRule, known: Registry, groups: Collection[str], account: str, person: str
) -> bool:  # fmt: skip
    return any(
        member.person == person and not objection(member, known)
        for name, roster in rosters(snapshot, rule).items()
        if name in groups
        for member in roster.members.get(account, ())
    )
