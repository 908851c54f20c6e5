"""Merging rules so that each can only add to what the others ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gates.terms import SeatTerms, TrustTerms
from gates.words import listing
from manifests.errors import Problem
from manifests.policy import (
    GATE_NAMES,
    STRENGTHS,
    GateName,
    Policy,
    Rule,
    Strength,
    TenantPolicy,
    TrustedSigner,
)
from manifests.policy_terms import ChangeRule


def seats(rules: Iterable[Rule], environment: str) -> tuple[tuple[SeatTerms, ...], tuple[Problem, ...]]:
    """Per group the greatest count, the strongest signature, the ways that every rule accepts and all documents that
    have to be shown.

    Seats that one rule asks from the same group twice are added up: its author meant two people.
    """
    merged: dict[str, SeatTerms] = {}
    for rule in rules:
        for terms in _one_rule(rule, environment).values():
            other = merged.get(terms.group)
            merged[terms.group] = _both(other, terms, max(other.count, terms.count)) if other else terms
    found = tuple(terms for _, terms in sorted(merged.items()) if terms.count > 0)
    if not found:
        return (), (_nobody(),)
    return found, tuple(_no_way(terms.group) for terms in found if not terms.accept)


def gates(rules: Iterable[Rule]) -> tuple[GateName, ...]:
    """Every gate that some rule lists; naming what a gate looks at (evidence, a change, checks) asks for it as well."""
    asked: set[GateName] = set()
    for rule in rules:
        asked.update(rule.gates)
        if rule.evidence or rule.requirements:
            asked.add("evidence")
        if rule.change is not None:
            asked.add("change")
        if rule.required_checks:
            asked.add("required_checks")
        if rule.findings is not None:
            asked.add("findings")
    return tuple(name for name in GATE_NAMES if name in asked)


def change(rules: Iterable[Rule]) -> tuple[ChangeRule | None, tuple[Problem, ...]]:
    """One set of terms for the change request; a rule that only lists the gate means the default terms."""
    terms = [rule.change or ChangeRule() for rule in rules if rule.change or "change" in rule.gates]
    if not terms:
        return None, ()
    types = sorted({term.type for term in terms})
    asked = sorted({term.assignment_group for term in terms if term.assignment_group is not None})
    problems = [
        Problem(
            "rule-change-conflict",
            f"The matching rules ask for different {what} of the change request: {listing(values)}.",
            "Make the rules of the policies agree, or let only one of them match.",
        )
        for what, values in (("types", types), ("assignment groups", asked))
        if len(values) > 1
    ]
    merged = ChangeRule(
        type=types[0],
        assignment_group=asked[0] if asked else None,
        cab=any(term.cab for term in terms),
        approvals=max(term.approvals for term in terms),
    )
    return merged, tuple(problems)


def trust(tenant: TenantPolicy, repository: Policy, types: Iterable[str]) -> tuple[TrustTerms, ...]:
    """Per type the signers that both policies trust, or those of the one policy that names the type."""
    found: list[TrustTerms] = []
    for name in sorted(set(types)):
        above, below = tenant.trust.get(name), repository.trust.get(name)
        signers = (above or ()) + (below or ())
        if above is not None and below is not None:
            common = {signer.key for signer in above} & {signer.key for signer in below}
            signers = tuple(signer for signer in signers if signer.key in common)
        found.append(TrustTerms(name, _sorted(signers)))
    return tuple(found)


def _sorted(signers: Iterable[TrustedSigner]) -> tuple[TrustedSigner, ...]:
    distinct = {msgspec.structs.astuple(signer): signer for signer in signers}
    return tuple(sorted(distinct.values(), key=lambda signer: (signer.key, signer.who, repr(signer))))


def _one_rule(rule: Rule, environment: str) -> dict[str, SeatTerms]:
    found: dict[str, SeatTerms] = {}
    for seat in rule.seats:
        signature = seat.signature or default_signature(environment)
        accept, shown = tuple(sorted(set(seat.accept))), tuple(sorted(set(seat.shown)))
        terms = SeatTerms(seat.group, max(seat.count, 0), signature, accept, shown)
        other = found.get(seat.group)
        found[seat.group] = _both(other, terms, other.count + terms.count) if other else terms
    return found


def is_production(environment: str) -> bool:
    return environment.casefold() == "production"


def default_signature(environment: str) -> Strength:
    return "personal" if is_production(environment) else "attested"


def _both(one: SeatTerms, other: SeatTerms, count: int) -> SeatTerms:
    signature = STRENGTHS[max(STRENGTHS.index(one.signature), STRENGTHS.index(other.signature))]
    accept = tuple(way for way in one.accept if way in other.accept)
    return SeatTerms(one.group, count, signature, accept, tuple(sorted({*one.shown, *other.shown})))


def _nobody() -> Problem:
    return Problem(
        "rule-without-seats",
        "The matching rules ask for nobody's consent.",
        "Add at least one seat to a rule of the policy; a release always needs a second person.",
    )


def _no_way(group: str) -> Problem:
    return Problem(
        "rule-accepts-nothing",
        f"The matching rules accept no common way of approving for the group {group}.",
        "Let the rules share at least one entry under accept, such as cli.",
    )


def names(layers: Sequence[tuple[str, Rule]]) -> tuple[str, ...]:
    return tuple(sorted(f"{layer}/{rule.name}" for layer, rule in layers))
