"""What would be decided about a release if something else were so. Nothing is granted; who asked is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from app.clock import Clock
from app.db.database import Database
from app.facts.calendar import calendar, expand
from app.facts.identity import with_reporting
from app.facts.view import PullView
from app.policy import assume, difference, said, trees
from app.policy.asking import Asking, expect_known_groups, expect_plain
from app.policy.assumptions import Assumptions
from app.policy.errors import SimulationError
from app.policy.requests import Simulated, Simulation, SimulationRequest
from app.policy.situation import Situations
from app.pulls.store import Repository
from app.signatures.reading import Current, Reader
from app.tenants.registry import Tenant
from gates.decide import decide
from gates.model import ChecksFacts, Policies, Question, Snapshot, Verdict
from gates.terms import EffectiveRule, NoRule
from manifests import canonical
from manifests.policy import Policy
from manifests.record import Draft, facts
from manifests.times import to_rfc3339

Covered = Callable[[Repository, Sequence[str]], None]


class Outcome(msgspec.Struct, frozen=True):
    """The verdict as things are and as they would be, when, and in sentences what was assumed. ``anew`` approved under
    the rule that applies, and would have to do so again under the one that would. ``superseded`` says by what it is."""

    before: Verdict
    after: Verdict
    at: int
    then: int
    told: tuple[str, ...]
    anew: tuple[str, ...] = ()
    superseded: str = ""


class Simulations:
    def __init__(
        self, database: Database, reader: Reader, situations: Situations, asking: Asking, clock: Clock
    ) -> None:
        self._database = database
        self._reader = reader
        self._situations = situations
        self._asking = asking
        self._clock = clock

    async def simulate(
        self, tenant: Tenant, release_id: str, asked: SimulationRequest, by: str, covered: Covered, *, may_see: bool
    ) -> Simulation:
        """``may_see`` tells whether whoever asks may know who is in which group. Raises SimulationError,
        StatementRefusedError, ManifestError, NeighbourError."""
        named = (asked.environment,) if asked.environment else ()
        current = await self._reader.by_id(tenant, release_id, lambda repository: covered(repository, named))
        environments = named or current.release.environments
        covered(current.repository, environments)
        if not environments or not set(environments) <= set(current.release.environments):
            raise SimulationError(
                "simulation.environment", f"one of {', '.join(current.release.environments) or 'its environments'}",
                asked.environment or "a manifest that names none", "Name an environment of the release.",
            )  # fmt: skip
        assumed = await self._asking.assumptions(tenant, asked, self._clock())
        other = await self._under(current, asked.policy, may_see=may_see)
        if other is not None and assumed.at is not None:
            await asyncio.to_thread(expand, other.policies, assumed.at)
        found = {name: await self.outcome(current, other, name, asked.question, assumed) for name in environments}
        await self._database.write(lambda tx: tx.stage(tenant.id, _draft(current, asked, by, found, self._clock())))
        first = found[environments[0]]
        return Simulation(
            release=release_id, repository=current.repository.name, pull_number=current.row.number,
            path=current.row.path, question=asked.question, at=to_rfc3339(first.at), then=to_rfc3339(first.then),
            simulated=tuple(_simulated(name, outcome) for name, outcome in found.items()),
            policy=_changes(current.view.policies, other),
        )  # fmt: skip

    async def outcome(
        self, current: Current, other: PullView | None, environment: str, question: Question, assumed: Assumptions
    ) -> Outcome:
        """Of one environment; ``other`` is the pull request under another policy. Raises NeighbourError."""
        before = (await self._situations.snapshots(current, current.view, (environment,), question))[environment]
        view, after = current.view, before
        told: list[str] = []
        if question == "deploy":
            told.append("A pipeline asks to deploy exactly this release, from a commit of its base branch.")
        if other is not None:
            there = await self._situations.snapshots(current, other, (environment,), question)
            if environment not in there:
                raise SimulationError(
                    "simulation.moved", "a release that is still there", "one that has just gone", "Ask again."
                )
            view, after = other, there[environment]
            told.append("The other policy stands on the base branch, and was released under four eyes.")
        policies, after, more = await self._assumed(current, view, after, assumed)
        now, then = decide(current.view.policies, before), decide(policies, after)
        return Outcome(
            now, then, before.at, after.at, (*told, *more), _anew(before, now, then), before.release.superseded
        )  # fmt: skip

    async def _assumed(
        self, current: Current, view: PullView, snapshot: Snapshot, assumed: Assumptions
    ) -> tuple[Policies, Snapshot, list[str]]:
        situations, tenant = self._situations, current.tenant
        github, environment = situations.github(current), snapshot.environment
        snapshot, told = assume.changed(snapshot, assumed)
        rules, groups = await situations.gatherer.terms(tenant, github, view, snapshot)
        rule = rules.get(environment, NoRule(()))
        checks = snapshot.checks
        if checks is None and isinstance(rule, EffectiveRule) and rule.required_checks:
            checks = ChecksFacts((), snapshot.at)
            if assumed.push is None:
                checks = await situations.gatherer.checks(github, current.repository, snapshot.pull.head_sha)
        at = snapshot.at if assumed.at is None else assumed.at
        snapshot = msgspec.structs.replace(
            snapshot, groups=groups.get(environment, snapshot.groups), checks=checks,
            calendar=calendar(view.policies, rule, environment, at),
        )  # fmt: skip
        snapshot, words = said.consents(snapshot, rule, assumed)
        snapshot = await with_reporting(tenant.reporting, snapshot, rule)
        if assumed.at is None:
            return view.policies, snapshot, [*told, *words]
        policies, snapshot = assume.later(view.policies, snapshot, at)
        told.append(assume.told_later(at))
        return policies, snapshot, [*told, *words]

    async def _under(self, current: Current, text: str | None, *, may_see: bool) -> PullView | None:
        return None if text is None else await self.under(current, text.encode(), may_see=may_see)

    async def under(self, current: Current, text: bytes, *, may_see: bool) -> PullView:
        """The pull request as it would be under this policy. Raises SimulationError, ManifestError, NeighbourError."""
        tenant, view = current.tenant, current.view
        github, base = self._situations.github(current), view.pull.base_ref
        policies = await self._situations.gatherer.proposed(tenant, github, current.repository, base, text)
        expect_plain(policies)
        if not may_see:
            expect_known_groups(policies, view.policies)
        await asyncio.to_thread(expand, policies, self._clock())
        proposed = {one.path: one.facts.proposed_at for one in view.releases}
        # Nobody listens to checks that no rule has asked about until now.
        self._situations.gatherer.forget_checks(current.repository.id, view.pull.head_sha)
        return await self._situations.gatherer.view(
            tenant, github, current.repository, current.row.number, current.history.heads, proposed, base, base,
            under=policies,
        )  # fmt: skip


def counting(policies: Policies) -> Policy | None:
    """The repository's policy, if it counts."""
    return None if policies.problem or policies.unreleased else policies.repository


def _changes(present: Policies, other: PullView | None) -> tuple[difference.Change, ...]:
    if other is None or other.policies.repository is None:
        return ()
    return difference.changes(counting(present), other.policies.repository)


def _anew(snapshot: Snapshot, now: Verdict, then: Verdict) -> tuple[str, ...]:
    if now.effective_rule == then.effective_rule:
        return ()
    names = {
        consent.name or consent.account
        for consent in snapshot.consents
        if consent.decision == "approve" and not consent.void and consent.effective_rule == now.effective_rule
    }
    return tuple(sorted(names))


def _simulated(environment: str, found: Outcome) -> Simulated:
    return Simulated(
        environment, found.before, found.after, trees.gates(found.before, found.after),
        trees.differences(found.before, found.after), found.told,
    )  # fmt: skip


def _draft(current: Current, asked: SimulationRequest, by: str, found: dict[str, Outcome], at: int) -> Draft:
    """Who asked about what. What was assumed of whom is told by its digest alone: it is nobody's word."""
    data = {
        "release": current.row.id, "question": asked.question, "asked": canonical.digest(asked),
        "before": {name: one.before.outcome for name, one in found.items()},
        "after": {name: one.after.outcome for name, one in found.items()},
    }  # fmt: skip
    return Draft(
        trace_id=current.row.trace_id, ts=at, stage="verify", event="policy.simulated", component="policy",
        action="simulated", resource=f"release/{current.row.id}", actor_ref=by, outcome="ok", data=facts(data),
    )  # fmt: skip
