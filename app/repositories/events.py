"""What happens to a repository or an installation rather than to one pull request: passed on to whom it concerns."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.effects import store as effects
from app.facts.gather import Gatherer
from app.gate.outcomes import Outcomes
from app.gate.service import Gate
from app.inbox import store as inbox
from app.inbox.store import StoredDelivery
from app.people import store as people
from app.pulls import store as pulls
from app.pulls.store import Repository
from app.pulls.wishes import check_key
from app.rebuild.pushes import PushRow
from app.repositories import concerned
from app.repositories.keys import group_key, protection_key
from app.standing.watching import pushed
from app.tenants.registry import Tenant, Tenants
from app.work import store as work
from app.work.store import Lease
from integrations.github.events import (
    CheckRunEvent,
    CheckSuiteEvent,
    DeploymentStatusEvent,
    Event,
    EventError,
    MembershipEvent,
    MergeGroupEvent,
    OrganisationEvent,
    Other,
    ProtectionRuleEvent,
    PushEvent,
    RoleEvent,
    StatusEvent,
    parse_event,
)
from integrations.github.port import Account, GitHubApp
from manifests.policy import PERMISSIONS

_log = structlog.get_logger()
_BRANCH = "refs/heads/"
_REPORTS = ("created", "completed")


class RepositoryEvents:
    """Handles work keys ``repository/<id>`` and ``installation/<id>``."""

    def __init__(
        self, database: Database, tenants: Tenants, github: GitHubApp, gatherer: Gatherer, gate: Gate,
        outcomes: Outcomes, clock: Clock,
    ) -> None:  # fmt: skip
        self._database = database
        self._tenants = tenants
        self._github = github
        self._gatherer = gatherer
        self._gate = gate
        self._outcomes = outcomes
        self._clock = clock
        self._app_id: int | None = None

    async def __call__(self, lease: Lease) -> int | None:
        deliveries = await self._database.read(lambda tx: inbox.unsettled(tx, lease.key))
        app_id = await self._own_app_id() if deliveries else 0
        for delivery in deliveries:
            event = _event(delivery)
            tenant = self._tenants.of_installation(delivery.installation_id)
            if event is not None and tenant is not None:
                self._forget(event, tenant)
            await self._database.write(
                lambda tx, delivery=delivery, event=event, tenant=tenant: self._settle(  # type: ignore[misc]
                    tx, lease, delivery, event, tenant, app_id
                )
            )
        return self._clock() if len(deliveries) == inbox.MOST else None

    async def _own_app_id(self) -> int:
        if self._app_id is None:
            self._app_id = await self._github.app_id()
        return self._app_id

    def _forget(self, event: Event, tenant: Tenant) -> None:
        """What was remembered of GitHub and may be otherwise now."""
        if isinstance(event, PushEvent) and event.repository_id is not None:
            self._gatherer.forget_branch(event.repository_id, event.ref.removeprefix(_BRANCH))
            # It may have merged one, and what is deployed next is asked about at once.
            self._gatherer.forget_pulls(event.repository_id)
            self._gate.forget_all()
        elif event.repository_id is None or _about_groups(event):
            tenant.groups.forget()
            self._gate.forget_all()

    def _settle(
        self, tx: Tx, lease: Lease, delivery: StoredDelivery, event: Event | None, tenant: Tenant | None, app_id: int
    ) -> None:
        work.hold(tx, lease)
        if event is None or tenant is None:
            why = "unreadable" if event is None else "the installation is listed in no tenant policy"
            inbox.ignore(tx, [delivery], why, self._clock())
            return
        inbox.settle(tx, [delivery.id])
        if event.repository_id is not None and event.repository is not None and delivery.installation_id is not None:
            repository = Repository(event.repository_id, tenant.id, event.repository, delivery.installation_id)
            pulls.see_repository(tx, repository, self._clock())
            if isinstance(event, PushEvent) and not event.deleted:
                pushed(tx, tenant, repository, event.ref.removeprefix(_BRANCH), self._clock())
        keys = [*self._keys(tx, event, tenant, delivery, app_id)]
        if _about_groups(event) or event.repository_id is None:
            keys += concerned.in_hand(tx, tenant.id, self._clock())
        # At once and sorted: a change of a team concerns every open pull request, at every replica.
        work.mark_many(tx, dict.fromkeys(keys, self._clock()))

    def _keys(self, tx: Tx, event: Event, tenant: Tenant, delivery: StoredDelivery, app_id: int) -> Iterable[str]:
        repository = event.repository_id
        match event:
            case PushEvent() if repository is not None:
                if event.sender is not None and not event.deleted:
                    by = f"github:{event.sender.id}"
                    push = PushRow(repository, event.after, by, event.before, delivery.received_at)
                    pulls.add_push(tx, tenant.id, push)
                ref = event.ref.removeprefix(_BRANCH)
                yield from (
                    f"pull/{repository}/{number}"
                    for number, base_ref, head in pulls.open_pulls(tx, repository)
                    if base_ref == ref or head == event.after
                )
            case CheckRunEvent() | CheckSuiteEvent() if repository is not None:
                if event.action == "rerequested" and event.app_id == app_id:
                    for number, base_ref, head in pulls.open_pulls(tx, repository):
                        if head == event.head_sha:
                            # GitHub waits for a run of its own, also where it says the same.
                            effects.again(tx, check_key(repository, head, base_ref))
                            yield f"pull/{repository}/{number}"
                elif isinstance(event, CheckRunEvent) and event.app_id != app_id and event.action in _REPORTS:
                    yield from concerned.by_check(tx, repository, event)
            case StatusEvent() if repository is not None:
                yield from concerned.by_check(tx, repository, event)
            case ProtectionRuleEvent() if repository is not None:
                yield protection_key(repository, event.run_id, event.environment, event.sha)
            case MergeGroupEvent() if repository is not None and event.action == "checks_requested":
                yield group_key(repository, event.head_sha, event.base_sha, event.base_ref)
            case DeploymentStatusEvent():
                yield from self._outcomes.seen(tx, tenant.id, event)
            case MembershipEvent():
                self._membership(tx, tenant, event, f"github-team:{event.team_id}", event.member)
                yield from concerned.by_team(tx, tenant.id, event)
            case OrganisationEvent():
                if event.member is not None:
                    self._membership(tx, tenant, event, f"github-org:{event.organisation.id}", event.member)
                yield from concerned.by_organisation(tx, tenant.id, event)
            case RoleEvent() if repository is not None:
                self._role(tx, tenant, event, repository)
                yield from concerned.by_role(tx, repository)
            case Other(event="team"):
                yield from concerned.by_teams(tx, tenant.id)
            case _:
                if repository is None:
                    yield from concerned.every_one(tx, tenant.id)

    def _membership(self, tx: Tx, tenant: Tenant, event: Event, source: str, member: Account) -> None:
        """Write down who came or went, and by whom."""
        account, by = f"github:{member.id}", f"github:{event.sender.id}" if event.sender else ""
        if event.action in ("added", "member_added"):
            people.join(tx, tenant.id, source, {account: by}, self._clock())
        elif event.action in ("removed", "member_removed"):
            people.leave(tx, tenant.id, source, [account], self._clock())

    def _role(self, tx: Tx, tenant: Tenant, event: RoleEvent, repository: int) -> None:
        """Whoever may do something may do what is less, too. A role that is not told may be any: who has it not after
        all is found to have gone when the group is looked at."""
        if event.member is None or event.action not in ("added", "edited"):
            return
        most = next((at for at, level in enumerate(PERMISSIONS, 1) if level == event.permission), len(PERMISSIONS))
        account, by = f"github:{event.member.id}", f"github:{event.sender.id}" if event.sender else ""
        for level in PERMISSIONS[:most]:
            people.join(tx, tenant.id, f"github-permission:{repository}:{level}", {account: by}, self._clock())


def _about_groups(event: Event) -> bool:
    """Whether it says who belongs where: of these, some name a repository, too."""
    return isinstance(event, MembershipEvent | RoleEvent) or (isinstance(event, Other) and event.event == "team")


def _event(delivery: StoredDelivery) -> Event | None:
    try:
        return parse_event(delivery.event, delivery.body)
    except EventError as error:
        _log.warning("delivery.unreadable", delivery=delivery.digest, error=str(error))
        return None
