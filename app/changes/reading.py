"""From ServiceNow's rows to facts that a decision can use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.people.store import KnownAccount
from app.privacy.names import mark
from gates.model import ChangeApproval, ChangeFacts
from integrations.servicenow.port import ApprovalRow, Change
from manifests import canonical


def remote_content(change: Change) -> str:
    """Digest of everything in a change request that approvers judge it by."""
    return canonical.digest((change.type, change.short_description, change.description, change.start, change.end))


def facts_of(
    change: Change, rows: Sequence[ApprovalRow], known: Mapping[str, KnownAccount], linked: Mapping[str, str], url: str,
    content_at: int, seen_at: int,
) -> ChangeFacts:  # fmt: skip
    """``linked`` has the persons of the ServiceNow accounts whose link was confirmed; others are nobody's, and so are
    those that the registry now gives to somebody else."""

    def person(row: ApprovalRow) -> str | None:
        account = f"servicenow:{row.approver}"
        whose = linked.get(account)
        return whose if account in known and known[account].person == whose else None

    def name(row: ApprovalRow) -> str:
        """Nobody could put a name in for an account that the registry does not know."""
        account = f"servicenow:{row.approver}"
        return mark(account) if account in known and known[account].login else row.approver_user_name

    approvals = tuple(
        ChangeApproval(
            id=row.sys_id, approver=row.approver, person=person(row), name=name(row), state=row.state,
            own_hand=row.updated_by == row.approver_user_name, active=row.approver_active,
            group=row.group_name or row.group or "", in_group=row.approver_in_group, updated_at=row.updated_at,
        )
        for row in sorted(rows, key=lambda row: row.sys_id)
    )  # fmt: skip
    return ChangeFacts(
        number=change.number, url=f"{url}/nav/change/{change.number}" if url else "", type=change.type,
        state=change.state, start=change.start, end=change.end, on_hold=change.on_hold, content_at=content_at,
        approvals=approvals, seen_at=seen_at,
    )  # fmt: skip
