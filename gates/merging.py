"""One effective rule from all rules that apply: each adds to what the others ask for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from gates import definitions, loosen, tighten, unite
from gates.terms import EffectiveRule, NoRule, digest_of
from manifests.policy import Policy, Rule, TenantPolicy

Layers = Sequence[tuple[str, Rule]]
"""Rules with the policy that each is from: ``tenant`` or ``repository``."""

_digest_of = lru_cache(maxsize=1024)(digest_of)
"""The same few rules apply again and again, and their digest is a third of what a decision takes."""


def merged(tenant: TenantPolicy, repository: Policy, layers: Layers, environment: str) -> EffectiveRule | NoRule:
    """The terms of all these rules together, or what is wrong with them."""
    rules = [rule for _, rule in layers]
    seats, seat_problems = tighten.seats(rules, environment)
    change, change_problems = tighten.change(rules)
    broken = loosen.break_glass(rules)
    asked = [
        *(seat.group for seat in seats),
        *unite.groups(rules),
        *((*broken.groups, broken.review_by) if broken else ()),
    ]
    groups, group_problems = definitions.groups(tenant, repository, asked)
    if problems := (*seat_problems, *change_problems, *group_problems):
        return NoRule(problems)
    evidence, findings = unite.evidence(rules), unite.terms(r.findings for r in rules if r.findings is not None)
    trusted = ("lineage", *evidence, *(type for terms in findings for type in terms.types))
    terms = EffectiveRule(
        rules=tighten.names(layers),
        seats=seats,
        expires=min(rule.expires for rule in rules),
        gates=tighten.gates(rules),
        evidence=evidence,
        change=change,
        groups=groups,
        trust=tighten.trust(tenant, repository, trusted),
        membership_age=tenant.people.membership_age,
        freshness=tenant.freshness,
        veto=unite.words(rule.veto for rule in rules),
        exclude=tuple(sorted({exclusion for rule in rules for exclusion in rule.exclude})),
        requirements=unite.requirements(rules),
        required_checks=unite.terms(check for rule in rules for check in rule.required_checks),
        findings=findings,
        review_time=max(rule.review_time for rule in rules),
        deadline=unite.deadline(rules),
        windows=unite.windows(layers),
        keep=loosen.keep(rules),
        delegation=loosen.delegation(rules),
        break_glass=broken,
    )
    return msgspec.structs.replace(terms, digest=_digest_of(terms))
