"""Asking the gates about a case, and telling how the verdict differs from what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from app.policy.facts import prepare
from app.policy.model import Case
from gates.decide import decide
from gates.model import Policies, Result, Snapshot, Verdict
from gates.rule import applying_rule
from gates.terms import EffectiveRule
from gates.tighten import names
from gates.words import listing
from manifests.policy import Policy, TenantPolicy


class Judged(msgspec.Struct, frozen=True):
    """A case with what was decided on; ``differences`` is empty when all is as expected.

    ``rules`` are those that applied, as ``tenant/<name>`` or ``repository/<name>``.
    """

    case: Case
    policies: Policies
    snapshot: Snapshot
    verdict: Verdict
    differences: tuple[str, ...]
    rules: tuple[str, ...] = ()


def judge(case: Case, policy: Policy, tenant: TenantPolicy | None) -> Judged:
    """Decide as the service would. Total, like `gates.decide`."""
    policies, snapshot = prepare(case.facts, policy, tenant)
    verdict = decide(policies, snapshot)
    applying = applying_rule(policies, snapshot)
    rules = applying.rules if isinstance(applying, EffectiveRule) else ()
    return Judged(case, policies, snapshot, verdict, tuple(_differences(case, verdict)), rules)


def untouched(judged: Sequence[Judged], policy: Policy, tenant: TenantPolicy | None) -> tuple[str, ...]:
    """The rules that applied in no case, so that nothing is said of them."""
    named = [("tenant", rule) for rule in tenant.rules] if tenant else []
    named += [("repository", rule) for rule in policy.rules]
    touched = {name for one in judged for name in one.rules}
    return tuple(name for name in names(named) if name not in touched)


def _differences(case: Case, verdict: Verdict) -> Iterator[str]:
    expect = case.expect
    if verdict.outcome != expect.outcome:
        yield f"Expected {expect.outcome}, and the verdict is {verdict.outcome}{_because(verdict)}."
    found = {result.name: result for result in verdict.results}
    for gate, status in expect.gates.items():
        result = found.get(gate)
        if result is None and status != "not-asked":
            yield f"Expected the gate {gate} to be {status}; it was not asked, only {listing(found, most=20)}."
        elif result is not None and result.status != status:
            yield f"Expected the gate {gate} to be {status}; it is {result.status}: {result.summary}"
    said = " ".join(_sentences(verdict.results))
    for text in expect.says:
        if _folded(text) not in said:
            yield f"Expected the verdict to say “{text}”; it does not."


def _because(verdict: Verdict) -> str:
    failing = verdict.failing()
    return f", because of {listing(failing)}" if failing else ""


def _sentences(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        yield _folded(f"{result.summary} {result.remedy}")
        yield from _sentences(result.children)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
