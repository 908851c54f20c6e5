"""Which approvals of a change request count: distinct, active, independent people, after its last change."""

from __future__ import annotations

from gates.excluded import Excluded, excluded
from gates.model import ChangeApproval, ChangeFacts, Result, Snapshot
from gates.words import count, instant, listing
from manifests.policy_terms import ChangeRule


def people(facts: ChangeFacts, rule: ChangeRule, snapshot: Snapshot) -> list[Result]:
    """What is missing of the human approvals that the rule asks for; nothing when all are there.

    With ``cab`` one more person has to approve, for another group than the assignment group: the approvals have to
    come from at least two groups.
    """
    rows = sorted(facts.approvals, key=lambda row: (row.id, row.approver, row.updated_at, row.state))
    if rejected := sorted({row.name or row.approver for row in rows if row.state == "rejected"}):
        remedy = "Settle the objection; the change then needs to be put up for approval again."
        summary = f"{facts.number} was rejected in ServiceNow by {listing(rejected)}."
        return [Result("rejected", "fail", summary, remedy)]
    barred = excluded(snapshot)
    counted: list[ChangeApproval] = []
    refused: list[str] = []
    for row in rows:
        if row.state == "approved":
            why = _objection(row, facts, barred, snapshot.at)
            if why:
                refused.append(f"{row.name or row.approver}'s approval does not count: {why}")
            else:
                counted.append(row)
    return _enough(facts, rule, counted, refused)


def _enough(facts: ChangeFacts, rule: ChangeRule, counted: list[ChangeApproval], refused: list[str]) -> list[Result]:
    persons = {row.person for row in counted}
    needed = max(rule.approvals, 0) + (1 if rule.cab else 0)
    children = tuple(
        Result("not counted", "wait", f"{sentence}.", "Ask another approver in ServiceNow.")
        for sentence in sorted(set(refused))
    )
    found = []
    if len(persons) < needed:
        found.append(
            Result(
                "approvals",
                "wait",
                f"{facts.number} has {len(persons)} of {count(needed, 'approval')} needed in ServiceNow.",
                f"Let its approvers{_asked(rule)} approve it in ServiceNow.",
                children,
            )
        )
    elif rule.cab and not _has_cab(counted):
        other = f"another group than {rule.assignment_group}" if rule.assignment_group else "a second group"
        found.append(
            Result(
                "cab",
                "wait",
                f"{facts.number} has no approval from {other}, such as the change advisory board.",
                "Let the change advisory board approve it in ServiceNow.",
                children,
            )
        )
    return found


def _has_cab(counted: list[ChangeApproval]) -> bool:
    """Of two groups one is another than the assignment group, however the rules name that one, if they do."""
    return len({row.group for row in counted if row.group}) > 1


def _asked(rule: ChangeRule) -> str:
    return f" of {rule.assignment_group}" if rule.assignment_group else ""


def _objection(row: ChangeApproval, facts: ChangeFacts, barred: Excluded, at: int) -> str:
    if not row.own_hand:
        return "somebody else made the last update of the row"
    if not row.active:
        return "the account is not active"
    if not row.in_group:
        return f"they are not a member of {row.group or 'the group that was asked'}"
    if row.updated_at <= facts.content_at:
        return f"the change was altered at {instant(facts.content_at)}, after the approval"
    if row.updated_at > at + 5_000_000:
        return f"it is dated {instant(row.updated_at)}, which is still to come"
    if not row.person:
        return "the ServiceNow account is not linked to a known person"
    if deed := barred.deed(row.approver, row.person) or barred.deed(f"servicenow:{row.approver}"):
        return f"they {deed}"
    return ""
