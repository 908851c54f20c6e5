"""One gate asked about the passing case, under terms that are given and not merged from a policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gates.case import Case, Finding, Gate
from gates.model import Question, Result, Snapshot
from gates.terms import EffectiveRule, digest_of
from tests.gates.builders import POLICIES, alter, rule_of
from tests.gates.tables import Change, altered, nodes

Terms = dict[str, Any]


def case(terms: Terms, changes: Change | None = None, question: Question = "deploy") -> Case:
    """The passing case with these terms added to its rule, the facts at these paths altered, and every consent given
    under that rule unless it is altered itself."""
    policies, snapshot = altered(changes or {}, question)
    rule = alter(rule_of(POLICIES, altered({}, question)[1]), **terms)
    rule = alter(rule, digest=digest_of(rule))
    return Case(policies, consented(snapshot, rule), rule)


def consented(snapshot: Snapshot, rule: EffectiveRule) -> Snapshot:
    old = rule_of(POLICIES, altered({})[1]).digest
    given = tuple(
        alter(consent, effective_rule=rule.digest) if consent.effective_rule == old else consent
        for consent in snapshot.consents
    )
    return alter(snapshot, consents=given)


def ask(gate: Gate, terms: Terms, changes: Change | None = None, question: Question = "deploy") -> Finding:
    return gate(case(terms, changes, question))


def said(results: Sequence[Result]) -> str:
    return "\n".join(
        f"{node.status} {node.name}: {node.summary} [{node.remedy}] ({node.who}; {node.changes})"
        for node in nodes(tuple(results))
    )


def hold(finding: Finding, status: str, says: str = "") -> None:
    """The finding has the status, says the words, has a remedy where it does not hold, and looks no better than
    any of its parts."""
    words = said((finding.result,))
    assert finding.result.status == status, words
    assert says in words, words
    order = ("pass", "waived", "wait", "fail", "error")
    for node in nodes((finding.result,)):
        assert node.summary.strip(), words
        assert node.status in ("pass", "waived") or node.remedy, words
        assert all(order.index(node.status) >= order.index(child.status) for child in node.children), words
