"""What the identity provider knows: who is in a group, and who reports to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import msgspec

from app.clock import Clock
from app.facts.fresh import FreshCache, Seen
from app.facts.group_source import Scope, Source, SourceError
from app.facts.outside_groups import PATIENCE_S, Found, OutsideGroups
from app.people.service import People, idp_account
from gates.model import Consent, Contributor, Contributors, Member, ReportingFacts, ReportingLine, Snapshot
from gates.terms import EffectiveRule, NoRule
from integrations.errors import NeighbourError, NotFoundError
from integrations.identity.port import Identity, Subject
from manifests.policy import Group

LINE_AGE_S = 15
_KIND = "idp:"


def idp_source(groups: OutsideGroups, identity: Identity | None) -> Source:
    """``idp_group``: the name of a group, or ``id:`` and its id. Without an identity provider nobody can tell who is in
    it."""

    async def read(_: Scope, group: Group) -> tuple[Member, ...]:
        name = group.idp_group or ""
        if identity is None:
            raise SourceError(f"The group {name} is one of an identity provider, and this tenant's settings name none")

        async def ask() -> Found:
            found = await identity.group(name)
            members = await identity.group_members(found.id)
            return Found(found.id, tuple(idp_account(one.id) for one in members), name == f"id:{found.id}")

        return await groups.read(name, ask)

    return Source(lambda _, group: group.idp_group, lambda group: f"Group {group.idp_group}", read)


class Reporting:
    """The reporting lines of one tenant, by the accounts that are linked to persons."""

    def __init__(self, identity: Identity | None, people: People, clock: Clock) -> None:
        self._identity = identity
        self._people = people
        self._clock = clock
        self._lines: FreshCache[tuple[Subject, ...] | None] = FreshCache(clock, LINE_AGE_S)

    async def facts(
        self, rule: EffectiveRule | NoRule | None, contributors: Contributors, consents: Iterable[Consent]
    ) -> ReportingFacts | None:
        """Lines of those who asked for the release and of everybody who consented; None where the rule does not ask."""
        return await self.lines([rule], contributors.known, [consent.person for consent in consents])

    async def lines(
        self, rules: Iterable[EffectiveRule | NoRule | None], contributors: Iterable[Contributor], others: Iterable[str]
    ) -> ReportingFacts | None:
        """Lines of those among the contributors who asked for the release and of other persons; None where no rule
        asks."""
        if not any(isinstance(rule, EffectiveRule) and "reporting-line" in rule.exclude for rule in rules):
            return None
        persons = {*others, *(one.person for one in contributors if one.role == "requester")}
        asked_at = self._clock()
        if self._identity is None:
            return ReportingFacts(seen_at=asked_at, problem="this tenant's settings name no identity provider")
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._read(self._identity, sorted(persons - {""}), asked_at)
        except (NeighbourError, TimeoutError) as error:
            why = f"the identity provider could not be read: {str(error) or 'no answer in time'}"
            return ReportingFacts(seen_at=asked_at, problem=why)

    async def _read(self, identity: Identity, persons: Iterable[str], asked_at: int) -> ReportingFacts:
        linked = await self._people.linked_persons()
        lines, seen_at = [], asked_at
        for person in persons:
            own = [account for account, whose in linked.items() if whose == person and account.startswith(_KIND)]
            found = [await self._line(identity, account.removeprefix(_KIND)) for account in sorted(own)]
            seen_at = min([seen_at, *(one.at for one in found)])
            above = [_managers(one.value, linked) for one in found if one.value is not None]
            # Of several accounts each has to have a line: the one that has none may hide whom they report to.
            if above and len(above) == len(own):
                merged = dict.fromkeys(manager for line in above for manager in line if manager != person)
                lines.append(ReportingLine(person, tuple(merged)))
        return ReportingFacts(tuple(lines), seen_at)

    async def _line(self, identity: Identity, subject: str) -> Seen[tuple[Subject, ...] | None]:
        async def read() -> tuple[Subject, ...] | None:
            try:
                return await identity.managers(subject)
            except NotFoundError:
                return None

        return await self._lines.read(subject, read)


async def with_reporting(
    reporting: Reporting | None, snapshot: Snapshot, rule: EffectiveRule | NoRule | None
) -> Snapshot:
    """The snapshot, with the reporting lines that its rule asks for."""
    if reporting is None:
        return snapshot
    found = await reporting.facts(rule, snapshot.contributors, snapshot.consents)
    return snapshot if found is None else msgspec.structs.replace(snapshot, reporting=found)


def _managers(line: Iterable[Subject], linked: Mapping[str, str]) -> tuple[str, ...]:
    """The persons of a line. Who is linked to nobody can consent to nothing."""
    accounts = (idp_account(subject.id) for subject in line)
    return tuple(linked[account] for account in accounts if account in linked)
