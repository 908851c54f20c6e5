"""What a person at the simulated instance sees of a change, as typed data."""

from __future__ import annotations

import msgspec

from integrations.servicenow.records import STATE_OF_NUMBER
from integrations.servicenow.simulator.query import value_of
from integrations.servicenow.simulator.store import Row, Store


class ApprovalView(msgspec.Struct, frozen=True):
    """``sys_id`` is the row to act on; ``approver`` and ``group`` are names."""

    sys_id: str
    approver: str
    group: str
    state: str
    updated_by: str


class ChangeView(msgspec.Struct, frozen=True):
    sys_id: str
    number: str
    type: str
    state: str
    approval: str
    correlation_id: str
    short_description: str
    description: str
    created_by: str
    close_code: str
    close_notes: str
    approvals: tuple[ApprovalView, ...]
    work_notes: tuple[str, ...]
    attachments: tuple[str, ...]


def view(store: Store, row: Row) -> ChangeView:
    key = row["sys_id"]
    notes = store.find("sys_journal_field", element_id=key, element="work_notes")
    files = store.find("sys_attachment", table_sys_id=key)
    return ChangeView(
        sys_id=key,
        number=row["number"],
        type=row["type"],
        state=STATE_OF_NUMBER.get(row["state"], row["state"]),
        approval=row["approval"],
        correlation_id=row["correlation_id"],
        short_description=row["short_description"],
        description=row["description"],
        created_by=row["sys_created_by"],
        close_code=row["close_code"],
        close_notes=row["close_notes"],
        approvals=tuple(_approval(store, one) for one in store.find("sysapproval_approver", sysapproval=key)),
        work_notes=tuple(note["value"] for note in notes),
        attachments=tuple(file["file_name"] for file in files),
    )


def _approval(store: Store, row: Row) -> ApprovalView:
    table = "sysapproval_approver"
    return ApprovalView(
        sys_id=row["sys_id"],
        approver=value_of(store, table, row, "approver.user_name"),
        group=value_of(store, table, row, "group.assignment_group.name"),
        state=row["state"],
        updated_by=row["sys_updated_by"],
    )
