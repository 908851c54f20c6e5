"""Simulations that start from a case of a policy test: no service, no network."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.cli.exits import NoError, UsageError
from app.facts.calendar import calendar
from app.policy import assume, said, trees
from app.policy.assumptions import Assumptions, Delegating, Pushed, Saying, Who
from app.policy.judge import Judged
from app.policy.model import SECOND
from app.policy.people import People
from app.policy.requests import Named, Push, Simulated, SimulationRequest
from app.policy.suites import run
from gates.decide import decide
from gates.model import ReportingFacts, ReportingLine, Snapshot
from gates.rule import applying_rule
from manifests.located_yaml_scalars import parse_duration, parse_instant


def simulate(path: Path, name: str, asked: SimulationRequest) -> Simulated:
    """What the case would be decided as. Raises UnreadableError, NoError for mistakes in the documents, UsageError."""
    tested = run(path)
    if tested.problems:
        raise NoError("\n".join(map(str, tested.problems)))
    judged = next((one for one in tested.judged if one.case.name == name), None)
    if judged is None:
        raise UsageError(f"expected a case of {path}, found {name!r}")
    assumed = _assumptions(judged, asked)
    snapshot = judged.snapshot
    if asked.environment is not None and asked.environment != snapshot.environment:
        raise UsageError(f"expected the environment of the case, {snapshot.environment}, found {asked.environment}")
    snapshot, told = assume.changed(snapshot, assumed)
    rule = applying_rule(judged.policies, snapshot)
    snapshot, words = said.consents(snapshot, rule, assumed)
    snapshot = msgspec.structs.replace(snapshot, reporting=_lines(judged, snapshot))
    policies, at = judged.policies, snapshot.at
    if assumed.at is not None:
        at = assumed.at
        policies, snapshot = assume.later(policies, snapshot, at)
        told.append(assume.told_later(at))
    snapshot = msgspec.structs.replace(snapshot, calendar=calendar(policies, rule, snapshot.environment, at))
    before, after = judged.verdict, decide(policies, snapshot)
    return Simulated(
        snapshot.environment, before, after, trees.gates(before, after), trees.differences(before, after),
        (*told, *words),
    )  # fmt: skip


def _lines(judged: Judged, snapshot: Snapshot) -> ReportingFacts | None:
    """Whoever is only named now reports to nobody, as everybody else of whom the case says nothing."""
    facts, said_of = snapshot.reporting, judged.case.facts.reporting
    if facts is None:
        return None
    people = People(judged.case.facts)
    told = {line.person for line in facts.lines}
    told |= {people.person(one.text) for one in (said_of.unknown if said_of else ())}
    more = sorted({consent.person for consent in snapshot.consents} - told)
    return msgspec.structs.replace(facts, lines=(*facts.lines, *(ReportingLine(person, ()) for person in more)))


def _assumptions(judged: Judged, asked: SimulationRequest) -> Assumptions:
    people = People(judged.case.facts)

    def who(login: str) -> Who:
        return Who(people.person(login), people.account(login), login, people.kind(login))

    def saying(one: Named) -> Saying:
        return Saying(who(one.login), one.groups, one.strength, one.way)

    push = asked.push
    return Assumptions(
        at=_instant(asked.at, judged.snapshot.at) if asked.at else None,
        push=_pushed(push),
        label=asked.labels.add,
        unlabel=asked.labels.remove,
        revoke=tuple(map(who, asked.revoke)),
        lift=tuple(map(who, asked.lift)),
        delegate=tuple(Delegating(who(one.by), who(one.to), one.groups) for one in asked.delegate),
        approve=tuple(map(saying, asked.approve)),
        reject=tuple(map(saying, asked.reject)),
        hold=tuple(map(saying, asked.hold)),
    )


def _pushed(push: bool | Push) -> Pushed | None:
    if isinstance(push, Push):
        return Pushed(push.changed)
    return Pushed() if push else None


def _instant(text: str, now: int) -> int:
    seconds = parse_duration(text[1:]) if text.startswith("+") else None
    at = parse_instant(text) if seconds is None else now + seconds * SECOND
    if at is None:
        raise UsageError(f"expected an instant such as 2026-12-04T10:00:00Z, or a span such as +2d, found {text!r}")
    return at
