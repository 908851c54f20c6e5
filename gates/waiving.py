"""What a broken glass does to the other gates: those that an emergency can do without are waived."""

from __future__ import annotations

from collections.abc import Sequence

from gates.case import Finding, holds
from gates.model import Result

WAIVABLE = frozenset(
    {
        "approvals", "evidence", "findings", "required_checks", "change", "freeze", "windows", "review_time",
        "rationale", "retrospective",
    }
)  # fmt: skip
"""That it is this very release, unaltered, as it is now and held by nobody, is never waived."""


def needs_waiving(findings: Sequence[Finding]) -> bool:
    return any(_is_waivable(finding) for finding in findings)


def waive(findings: Sequence[Finding]) -> list[Finding]:
    """The findings under a broken glass. Who filled seats is left out: others are answerable now."""
    return [
        Finding(
            _waived(one.result, "Waived by breaking the glass: ") if _is_waivable(one) else one.result, one.changes_at
        )
        for one in findings
    ]


def unused(glass: Finding) -> Finding:
    """The finding about the glass where nothing has to be waived, so that nobody's word is used up."""
    result = glass.result
    summary = f"Not needed, because all that it could waive holds. {result.summary}"
    return Finding(Result(result.name, "waived", summary), glass.changes_at)


def _is_waivable(finding: Finding) -> bool:
    return finding.result.name in WAIVABLE and not holds(finding.result)


def _waived(result: Result, prefix: str = "") -> Result:
    """What was missing stays to be read, and no longer stands against anything."""
    if result.status == "pass":
        return result
    children = tuple(_waived(child) for child in result.children)
    return Result(result.name, "waived", prefix + result.summary, children=children)
