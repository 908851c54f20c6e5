"""Reports that count as evidence: test results, vulnerability scans, and a form of our own for everything else.

Sources: in-toto attestation predicates test-result/v0.1 and vulns/v0.1 and v0.2. Ours, ``report/v1``, says of what
``type`` of evidence it is (the word that the manifest uses), its ``result``, its ``findings``, and whatever values
rules are to compare.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final, Literal

import msgspec

from manifests import attestation, strict_json, test_results
from manifests.attestation import FileDigest, InTotoStatement
from manifests.lineage_people import named_people
from manifests.refusal import refusal

PREDICATE_TYPE: Final = "https://countersign.dev/report/v1"
SCANS: Final = ("https://in-toto.io/attestation/vulns/v0.1", "https://in-toto.io/attestation/vulns/v0.2")
READABLE: Final = (test_results.PREDICATE_TYPE, *SCANS, PREDICATE_TYPE)

_WORDS = {
    "critical": "critical", "high": "high", "important": "high", "medium": "medium", "moderate": "medium",
    "low": "low", "minor": "low", "negligible": "low", "informational": "low", "info": "low", "none": "low",
}  # fmt: skip
_WORST_FIRST = ("", "critical", "high", "medium", "low")
_CVSS = ((Decimal(9), "critical"), (Decimal(7), "high"), (Decimal(4), "medium"), (Decimal(0), "low"))
"""The qualitative rating of a score, CVSS v3.1 specification, section 5."""


class Issue(msgspec.Struct, frozen=True):
    """A finding by its id, with ``severity`` low, medium, high or critical, or empty where it cannot be told."""

    id: str
    severity: str
    about: str = ""


class Report(msgspec.Struct, frozen=True):
    """What a report says. ``result`` is empty where it gives none, ``findings`` None where it lists none."""

    subjects: tuple[FileDigest, ...]
    predicate_type: str
    result: str = ""
    findings: tuple[Issue, ...] | None = None
    named_people: tuple[str, ...] = ()


class _Finding(msgspec.Struct, frozen=True):
    id: str
    severity: str
    about: str = ""


class _Own(msgspec.Struct, frozen=True):
    type: str
    result: Literal["PASSED", "WARNED", "FAILED"] | None = None
    findings: tuple[_Finding, ...] | None = None


class _Rating(msgspec.Struct, frozen=True):
    method: str = ""
    score: str | int | float = ""


class _Vulnerability(msgspec.Struct, frozen=True):
    id: str
    severity: tuple[_Rating, ...] = ()


class _Scanner(msgspec.Struct, frozen=True):
    result: tuple[_Vulnerability, ...]


class _Scan(msgspec.Struct, frozen=True):
    scanner: _Scanner


def read(payload: bytes, type: str) -> Report:
    """The report in a statement's payload, named as evidence of ``type``. Raises ManifestError, also for a predicate
    that is none of ``READABLE``."""
    statement = attestation.parse(payload)
    if statement.predicate_type == test_results.PREDICATE_TYPE:
        result = test_results.read(payload)
        return Report(result.subjects, statement.predicate_type, result.result, None, result.named_people)
    if statement.predicate_type in SCANS:
        return _scan(statement)
    if statement.predicate_type == PREDICATE_TYPE:
        return _own(statement, type)
    raise refusal(
        "report.predicate_type",
        f"expected one of the predicate types {', '.join(READABLE)}, found {statement.predicate_type[:200]}.",
        f"Let the report be made as {PREDICATE_TYPE}.",
    )


def _own(statement: InTotoStatement, type: str) -> Report:
    said = strict_json.convert(statement.predicate, _Own, "report")
    if said.type != type:
        raise refusal(
            "report.type",
            f"expected a report of the type {type}, found one of the type {said.type[:100]}.",
            "Name it in the manifest as what it is.",
        )
    findings = None if said.findings is None else tuple(map(_finding, said.findings))
    people = named_people((statement.predicate,))
    return Report(statement.artifacts(), statement.predicate_type, said.result or "", findings, people)


def _finding(said: _Finding) -> Issue:
    return Issue(said.id, _WORDS.get(said.severity.strip().lower(), ""), said.about)


def _scan(statement: InTotoStatement) -> Report:
    said = strict_json.convert(statement.predicate, _Scan, "vulnerability scan")
    findings = tuple(Issue(found.id, _worst(found.severity)) for found in said.scanner.result)
    return Report(statement.artifacts(), statement.predicate_type, "", findings, named_people((statement.predicate,)))


def _worst(ratings: tuple[_Rating, ...]) -> str:
    """The worst of all ratings; where any cannot be told, or there is none, it cannot be told."""
    found = {_rated(str(rating.score)) for rating in ratings}
    return next((severity for severity in _WORST_FIRST if severity in found), "")


def _rated(score: str) -> str:
    word = _WORDS.get(score.strip().lower())
    if word is not None:
        return word
    try:
        number = Decimal(score.strip())
    except InvalidOperation:
        return ""
    if not number.is_finite() or not 0 <= number <= 10:
        return ""
    return next(severity for least, severity in _CVSS if number >= least)
