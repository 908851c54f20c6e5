"""What the database knows of a release at this moment, for either question, and the snapshot made of it."""

from __future__ import annotations

import msgspec

from app.audit.projection import log_facts
from app.changes import store as changes
from app.consents import bearing
from app.consents import store as consents
from app.consents.store import StoredGrant
from app.db.tx import Tx
from app.facts.calendar import calendar
from app.facts.view import PullView, ReleaseView
from app.glass.bearing import glasses_of, retrospectives
from app.pulls.acting import delegable
from app.pulls.keeping import pushes_to
from app.rebuild.memory import Memory
from app.rebuild.pull import ReleaseSaid, release_said
from app.releases.store import MAKER, StoredRelease, tracked
from app.tenants.registry import Tenant
from gates.model import ChangeFacts, Consent, Contributor, Contributors, LogFacts, Retrospective, Snapshot


class ReleaseFactsNow(msgspec.Struct, frozen=True):
    """What only the database knows of a release: consents borne out by the log, change requests, the log itself."""

    consents: tuple[Consent, ...]
    changes: dict[str, ChangeFacts]
    log: LogFacts
    superseded: str
    makers: tuple[Contributor, ...] = ()
    retrospectives: tuple[Retrospective, ...] = ()

    def owed(self, environment: str) -> tuple[Retrospective, ...]:
        """The broken glasses of this environment, whichever release they were broken for."""
        return tuple(one for one in self.retrospectives if one.environment.casefold() == environment.casefold())

    def differs(self) -> bool:
        """Whether a row that counts is not what its record says."""
        return bool(self.log.differences) or any(consent.difference for consent in self.consents)

    def with_differences(self, more: tuple[str, ...]) -> ReleaseFactsNow:
        if not more:
            return self
        log = msgspec.structs.replace(self.log, differences=tuple(sorted({*self.log.differences, *more})))
        return msgspec.structs.replace(self, log=log)

    def with_makers(self, contributors: Contributors) -> Contributors:
        """Whoever had a hand in an earlier head, or in the same artifact in another release, is excluded too."""
        told = {(one.account, one.person, one.role) for one in contributors.known}
        more = tuple(one for one in self.makers if (one.account, one.person, one.role) not in told)
        return msgspec.structs.replace(contributors, known=(*contributors.known, *more)) if more else contributors


def release_facts(
    tx: Tx, memory: Memory, tenant: str, row: StoredRelease, release: ReleaseView, check: bearing.Check, at: int
) -> ReleaseFactsNow:
    """``check`` holds consents to the signatures of those who gave them; ``at`` is the time, in microseconds since
    1970 UTC."""
    told = bearing.consents(tx, tenant, row.id, consents.of_releases(tx, tenant, [row.id]), check)
    said = release_said(tx, memory, tenant, tracked(row), list(release.digests.values()))
    ids = {one.grant_id for one in said.withheld if one.release_id != row.id}
    elsewhere = (*consents.by_ids(tx, tenant, ids), *delegations(tx, tenant, row, release, at))
    told += tuple(bearing.borne_out(tx, tenant, grant, check) for grant in elsewhere)
    told += tuple(bearing.gone(one) for one in sorted(ids - {grant.id for grant in elsewhere}))
    superseded = f"pull request #{said.newer} released a newer {row.name}" if said.newer else ""
    glasses = glasses_of(tx, memory, tenant, row.repository_id, check)
    differences = tuple(sorted({*said.differences, *glasses.differences}))
    log = msgspec.structs.replace(log_facts(tx, tenant), differences=differences)
    return ReleaseFactsNow(
        told, changes.facts(tx, row.id), log, superseded, contributors(said),
        retrospectives(tx, tenant, row.id, glasses.owed),
    )  # fmt: skip


def delegations(tx: Tx, tenant: str, row: StoredRelease, release: ReleaseView, at: int) -> tuple[StoredGrant, ...]:
    """What other releases' delegations reach this one, if any of its rules lets people act for others."""
    if not delegable(release):
        return ()
    return consents.delegations_elsewhere(tx, tenant, row.repository_id, row.id, at)


def snapshot_of(
    tenant: Tenant, view: PullView, release: ReleaseView, environment: str, at: int, now: ReleaseFactsNow,
    told: tuple[Consent, ...],
) -> Snapshot:  # fmt: skip
    """The snapshot of the question whether the pull request may merge."""
    facts = release.facts
    if now.superseded:
        facts = msgspec.structs.replace(facts, superseded=now.superseded)
    return Snapshot(
        at=at, question="merge", environment=environment, tenant=tenant.id, pull=view.facts, release=facts,
        contributors=now.with_makers(release.contributors), groups=release.groups.get(environment, ()), consents=told,
        artifacts=release.artifacts, lineage=release.lineage, evidence=release.evidence,
        change=now.changes.get(environment), log=now.log, settings=tenant.settings,
        retrospectives=now.owed(environment), checks=view.checks if release.asks_checks(environment) else None,
        pushes=pushes_to(view, release, environment),
        calendar=calendar(view.policies, release.rules.get(environment), environment, at),
    )  # fmt: skip


def contributors(said: ReleaseSaid) -> tuple[Contributor, ...]:
    """Who had a hand in any earlier head of a release, whatever history says now, or in another release with any of
    its artifacts: exclusions outlive pushes and follow the artifact."""
    own = (Contributor(row.account, row.person, row.role, "in an earlier head") for row in said.own)
    elsewhere = {(row.account, row.person, said.others.get(row.release_id, 0)) for row in said.elsewhere}
    return (
        *own,
        *(Contributor(account, person, MAKER, f"in pull request #{n}") for account, person, n in sorted(elsewhere)),
    )
