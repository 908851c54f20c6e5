"""What other systems say in a snapshot: checks, reporting lines, and broken glasses that nobody has reviewed."""

from __future__ import annotations

from app.policy.consents import author_of
from app.policy.model import CheckSaid, Facts
from app.policy.people import People
from gates.model import (
    CheckFacts,
    ChecksFacts,
    GroupFacts,
    ReportingFacts,
    ReportingLine,
    Retrospective,
)
from gates.required_checks import ANY
from gates.terms import EffectiveRule

APP = "github-actions"
_BEFORE = "d4" * 20


def checks_of(facts: Facts, rule: EffectiveRule | None, head: str, seen: int) -> ChecksFacts | None:
    """What the case says of checks, else that those which the rule asks for are green."""
    asked = rule.required_checks if rule else ()
    if facts.checks is None:
        green = tuple(CheckSaid(check.name) for check in asked)
        return ChecksFacts(tuple(_check(one, rule, head) for one in green), seen) if asked else None
    found = tuple(_check(one, rule, head) for one in facts.checks.checks)
    return ChecksFacts(found, seen, facts.checks.problem)


def _check(said: CheckSaid, rule: EffectiveRule | None, head: str) -> CheckFacts:
    asked = [check.app for check in (rule.required_checks if rule else ()) if check.name == said.name]
    app = said.app or next((name for name in asked if name != ANY), APP)
    conclusion = "" if said.conclusion == "running" else said.conclusion
    return CheckFacts(said.name, app, head if said.at_head else _BEFORE, conclusion)


def reporting_of(
    facts: Facts, people: People, rule: EffectiveRule | None, groups: tuple[GroupFacts, ...], seen: int
) -> ReportingFacts | None:
    """The lines of everybody whom the case mentions; where no rule asks and nothing is said, none."""
    said = facts.reporting
    if said is None and not (rule and "reporting-line" in rule.exclude):
        return None
    managers = {people.person(login): who for login, who in said.managers.items()} if said else {}
    unknown = {people.person(word.text) for word in said.unknown} if said else set()
    persons = {member.person for group in groups for member in group.members} | managers.keys()
    persons |= {people.person(login) for login in (author_of(facts), *facts.people)}
    persons |= {people.person(one.who.text) for one in facts.contributors or () if one.who is not None}
    persons |= {people.person(one.by.text) for one in facts.approvals or ()}
    persons |= {people.person(word.text) for who in managers.values() for word in who}
    lines = tuple(
        ReportingLine(person, tuple(people.person(word.text) for word in managers.get(person, ())))
        for person in sorted(persons - unknown)
    )
    return ReportingFacts(lines, seen, said.problem if said else "")


def retrospectives_of(facts: Facts, environment: str, at: int) -> tuple[Retrospective, ...]:
    """The service gives those of the environment that is asked about; so those of another are left out."""
    return tuple(
        Retrospective(
            (f"break-glass-{number}",), said.release, said.environment or environment, said.due.at(at), said.own
        )
        for number, said in enumerate(facts.retrospectives or (), 1)
        if said.environment is None or said.environment.casefold() == environment.casefold()
    )
