"""The evidence gate: for each type the rule asks for, a trusted report on these very artifacts that passed and says
what the rule requires."""

from __future__ import annotations

from gates import reports
from gates.case import Case, Finding, judged
from gates.comparisons import Judgement, compare
from gates.documents import untrusted
from gates.model import Result, SignedDocument
from gates.terms import EffectiveRule, NoRule
from gates.words import listing
from manifests.policy_terms import Comparison

_MEND = "Mend what it found and let the report be made again."


def evidence(case: Case) -> Finding:
    """Every report of a type has to satisfy every comparison: who adds a better report does not make a worse one
    go away."""
    types = _types(case.rule)
    if isinstance(case.rule, NoRule) or not types:
        return Finding(
            Result(
                "evidence",
                "fail",
                "No rule says which evidence this release needs.",
                "List the types of evidence in the rule of the policy that lists this gate.",
            )
        )
    results: list[Result] = []
    moments: set[int] = set()
    for type in types:
        found, changes = _type(type, case.rule, case)
        results += found
        moments.update(changes)
    asked = any(requirement.comparisons for requirement in case.rule.requirements)
    also = " and says what the rule requires" if asked else ""
    good = f"Trusted evidence of a passed {listing(types)} covers every artifact{also}."
    return Finding(judged("evidence", good, results), tuple(sorted(moments)))


def _types(rule: EffectiveRule | NoRule) -> tuple[str, ...]:
    if isinstance(rule, NoRule):
        return ()
    required = sorted({requirement.type for requirement in rule.requirements} - set(rule.evidence))
    return (*rule.evidence, *required)


def _type(type: str, rule: EffectiveRule, case: Case) -> tuple[list[Result], list[int]]:
    documents, results = reports.named(type, case)
    moments: list[int] = []
    for document in documents:
        trouble = untrusted(document, type, rule, case.snapshot)
        results += [trouble] if trouble is not None else _failed(document, type)
        if trouble is None:
            judgements = [(one, compare(one, document.fields, case.snapshot.at)) for one in _asked(type, rule)]
            results += [_required(document, type, one, said) for one, said in judgements if said.trouble]
            moments += [moment for _, said in judgements for moment in said.changes_at]
    if documents and not results:
        results += reports.coverage(documents, type, case)
    return results, moments


def _asked(type: str, rule: EffectiveRule) -> list[Comparison]:
    return [one for requirement in rule.requirements if requirement.type == type for one in requirement.comparisons]


def _failed(document: SignedDocument, type: str) -> list[Result]:
    if document.result == "PASSED":
        return []
    said = f"says {document.result}" if document.result else "gives no result"
    return [Result(type, "fail", f"The report {document.path} {said}, and only PASSED counts.", _MEND)]


def _required(document: SignedDocument, type: str, comparison: Comparison, said: Judgement) -> Result:
    if comparison.kind == "age":
        remedy, changes = "Let a new report be made on the same artifacts.", "a report of the age that is asked for"
    else:
        remedy, changes = _MEND, f"a report in which {comparison.field} is as asked"
    return Result(type, "fail", f"In {document.path}, {said.trouble}.", remedy, changes=changes)
