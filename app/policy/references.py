"""Names in a case that stand for nothing: a misspelt one would make a test hold for the wrong reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from app.policy.consents import author_of
from app.policy.documents import all_signers, known_types
from app.policy.groups import definitions
from app.policy.model import Case, ConsentSaid, Facts, Suite, Word
from gates.groups import has_source, parts
from gates.model import Policies
from gates.words import listing
from manifests.errors import Problem
from manifests.located_yaml_reader import did_you_mean, shown
from manifests.policy import Group


def problems(suite: Suite, policies: Policies, path: str) -> tuple[Problem, ...]:
    """Every group, approver, signer and account that cannot be meant, in the order of the file."""
    layers = [layer for layer in (policies.tenant, policies.repository) if layer is not None]
    groups = {name for layer in layers for name in layer.groups}
    listed = {login.lower() for layer in layers for group in layer.groups.values() for login in group.members}
    signers = all_signers(policies)
    found = {
        problem
        for case in suite.cases
        for problem in (
            *_groups(case.facts, groups, path),
            *_composed(case.facts, definitions(policies), path),
            *_types(case.facts, known_types(policies), path),
            *_people(case.facts, listed, path),
            *_signers(case.facts, signers, path),
            *_accounts(case, path),
        )
    }
    return tuple(sorted(found, key=lambda problem: (problem.line, problem.column, problem.message)))


def _groups(facts: Facts, known: Collection[str], path: str) -> Iterator[Problem]:
    lists = [said.groups for said in _consents(facts)]
    lists += [said.groups for said in facts.delegations or ()] + [said.groups for said in facts.glass or ()]
    acting = (group for groups in lists for group in groups or ())
    for word in (*(group.name for group in facts.groups.values()), *acting):
        if word.text not in known:
            yield _unknown(word, "a group that the policies define", known, path, "Define it in the policy.")


def _composed(facts: Facts, known: Mapping[str, Group], path: str) -> Iterator[Problem]:
    """Members that would be passed over in silence: the group is made of others."""
    for said in facts.groups.values():
        definition = known.get(said.name.text)
        if definition is not None and not has_source(definition):
            message = f"Expected a group with members of its own, found {said.name.text}, which is made of others."
            remedy = f"Say who is in {listing(parts(definition))}."
            yield Problem("cases.composed_group", message, remedy, path, said.name.line, said.name.column)


def _types(facts: Facts, known: Collection[str], path: str) -> Iterator[Problem]:
    types = {*known, *(one.type.text for one in facts.evidence or ())}
    for word in (word for said in facts.approvals or () for word in said.shown or ()):
        if word.text not in types:
            expected = "lineage, or a type of evidence that the case or a policy names"
            yield _unknown(word, expected, types, path, "Correct it.")


def _people(facts: Facts, listed: Collection[str], path: str) -> Iterator[Problem]:
    known = {author_of(facts).lower(), *listed}
    for login, person in facts.people.items():
        known |= {login.lower(), *(other.lower() for other in person.also)}
    known |= {member.login.text.lower() for group in facts.groups.values() for member in group.members}
    known |= {said.who.text.lower() for said in facts.contributors or () if said.who is not None}
    for word in _named(facts):
        if word.text.lower() not in known:
            expected = "somebody who is in a group, under `people`, or has a hand in the release"
            yield _unknown(word, expected, known, path, f"Add `{word.text}: {{}}` under `people`.")


def _named(facts: Facts) -> Iterator[Word]:
    """Whoever is said to do something, or to manage somebody."""
    yield from (said.by for said in _consents(facts))
    yield from (said.by for said in facts.exceptions or ())
    yield from (said.by for said in facts.glass or ())
    for delegation in facts.delegations or ():
        yield from (delegation.by, delegation.to)
    if facts.reporting is not None:
        yield from facts.reporting.unknown


def _signers(facts: Facts, known: Collection[str], path: str) -> Iterator[Problem]:
    for document in (*((facts.lineage,) if facts.lineage else ()), *(facts.evidence or ())):
        for word in document.signed_by or ():
            if word.text not in known:
                yield _unknown(word, "a signer under `trust`, or stranger", known, path, "Write `stranger`.")


def _accounts(case: Case, path: str) -> Iterator[Problem]:
    owner: dict[str, str] = {}
    for login, person in case.facts.people.items():
        for account in {login.lower(), *(other.lower() for other in person.also)}:
            if account in owner:
                message = f"Expected an account of one person, found {account} of both {owner[account]} and {login}."
                yield Problem("cases.account", message, "Keep it under one of them.", path, case.line, 1)
            owner[account] = login


def _consents(facts: Facts) -> tuple[ConsentSaid, ...]:
    return (*(facts.approvals or ()), *(facts.rejections or ()), *(facts.holds or ()))


def _unknown(word: Word, expected: str, known: Collection[str], path: str, otherwise: str) -> Problem:
    near = did_you_mean(word.text, sorted(known))
    remedy = near if near.startswith("Did") else otherwise
    message = f"Expected {expected}, found {shown(word.text)}."
    return Problem("cases.unknown_name", message, remedy, path, word.line, word.column)
