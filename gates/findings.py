"""The findings gate: no serious finding in the scans of these artifacts, except where somebody answers for it."""

from __future__ import annotations

from gates import reports
from gates.case import Case, Finding, judged
from gates.documents import untrusted
from gates.exceptions import Excepted, Exceptions, exceptions
from gates.model import FoundIssue, Result, SignedDocument
from gates.standing import standing
from gates.terms import EffectiveRule, NoRule
from gates.words import instant, listing
from manifests.policy_terms import SEVERITIES, FindingsRule


def findings(case: Case) -> Finding:
    """The scans have to be there, trusted, about every artifact, and list what they found: silence is no clean
    bill."""
    if isinstance(case.rule, NoRule) or not case.rule.findings:
        why = "No rule says which findings stop this release."
        remedy = "Say it under findings in the rule of the policy that lists this gate."
        return Finding(Result("findings", "fail", why, remedy))
    by = standing(case.snapshot, case.rule)
    results: list[Result] = []
    moments: set[int] = set()
    for terms in case.rule.findings:
        given = exceptions(terms, case.rule, case.snapshot, by)
        moments.update(given.changes_at)
        for type in terms.types:
            results += _type(type, terms, given, case, case.rule)
    types = sorted({type for terms in case.rule.findings for type in terms.types})
    good = f"No finding in {listing(types)} is as severe as the rule stops."
    return Finding(judged("findings", good, dict.fromkeys(results)), tuple(sorted(moments)))


def _type(type: str, terms: FindingsRule, given: Exceptions, case: Case, rule: EffectiveRule) -> list[Result]:
    documents, results = reports.named(type, case)
    for document in documents:
        trouble = untrusted(document, type, rule, case.snapshot)
        if trouble is not None:
            results.append(trouble)
        elif document.findings is None:
            results.append(_silent(document, type))
        else:
            serious = {issue for issue in document.findings if rank(issue.severity) >= rank(terms.severity)}
            issues = sorted(serious, key=lambda issue: (-rank(issue.severity), issue.id, issue.severity, issue.about))
            results += [_issue(issue, document, terms, given, case) for issue in issues]
    if documents and all(result.status == "waived" for result in results):
        results += reports.coverage(documents, type, case)
    return results


def rank(severity: str) -> int:
    """The place among the severities; a word that is not known counts as the worst."""
    known = [str(one) for one in SEVERITIES]
    return known.index(severity) if severity in known else len(known) - 1


def _issue(issue: FoundIssue, document: SignedDocument, terms: FindingsRule, given: Exceptions, case: Case) -> Result:
    key = (document.type, issue.id)
    what = f"{document.path} has the {issue.severity or 'unrated'} finding {issue.id or '(without an id)'}"
    about = f" ({issue.about})" if issue.about else ""
    if issue.id and case.artifacts() and key in given.granted:
        return _excepted(issue, f"{what}{about}", given.granted[key])
    who = terms.exceptions_by or ""
    refused = f" {'. '.join(given.refused[key])}." if key in given.refused else ""
    except_it = (
        f", or let somebody from {who} who had no hand in this release grant an exception with countersign except"
        if who
        else ""
    )
    return Result(
        issue.id or document.type,
        "fail",
        f"{what}{about}, and {terms.severity} or worse stops a release.{refused}",
        f"Mend it and let a new report be made{except_it}.",
        who=who,
        changes=f"a report without it{f', or an exception by {who}' if who else ''}",
    )


def _excepted(issue: FoundIssue, what: str, given: Excepted) -> Result:
    consent = given.consent
    control = consent.exception.control if consent.exception else ""
    return Result(
        issue.id,
        "waived",
        f"{what}; {consent.name or consent.account} excepts it until {instant(given.until)}, because of: {control}",
        changes=f"the end of the exception at {instant(given.until)}",
    )


def _silent(document: SignedDocument, type: str) -> Result:
    return Result(
        type,
        "fail",
        f"The report {document.path} has no list of findings that can be read.",
        f"Let it be made in a form of {type} whose findings Countersign reads; see the policy reference.",
    )
