"""The dictionary of the simulated instance: tables, their fields, choices and labels.

Only what a change's journey touches. Source: Change Management and Table API reference.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["string", "integer", "boolean", "datetime", "journal", "choice", "reference"]


class Field(msgspec.Struct, frozen=True):
    """``choices`` maps stored values to labels; ``target`` is the referenced table."""

    name: str
    kind: Kind = "string"
    label: str = ""
    target: str = ""
    choices: dict[str, str] = {}
    default: str = ""
    longest: int = 0
    read_only: bool = False


class Table(msgspec.Struct, frozen=True):
    """``display`` is the field shown for a reference to the row; ``prefix`` starts its numbers."""

    name: str
    fields: dict[str, Field]
    display: str = "sys_id"
    prefix: str = ""


CHANGE_STATES = {
    "-5": "New",
    "-4": "Assess",
    "-3": "Authorize",
    "-2": "Scheduled",
    "-1": "Implement",
    "0": "Review",
    "3": "Closed",
    "4": "Canceled",
}
TASK_STATES = {"-5": "Pending", "1": "Open", "2": "In Progress", "3": "Closed", "4": "Canceled"}
APPROVAL_STATES = {
    "not requested": "Not Yet Requested",
    "requested": "Requested",
    "approved": "Approved",
    "rejected": "Rejected",
    "cancelled": "Cancelled",
    "not_required": "No Longer Required",
    "skipped": "Skipped",
    "duplicate": "Duplicate",
}
CLOSE_CODES = {
    "successful": "Successful",
    "successful_issues": "Successful with issues",
    "unsuccessful": "Unsuccessful",
}
_TYPES = {"standard": "Standard", "normal": "Normal", "emergency": "Emergency"}
_RISKS = {"1": "Very High", "2": "High", "3": "Moderate", "4": "Low"}

_SYSTEM = (
    Field("sys_id", label="Sys ID", read_only=True),
    Field("sys_created_on", "datetime", "Created", read_only=True),
    Field("sys_created_by", label="Created by", read_only=True),
    Field("sys_updated_on", "datetime", "Updated", read_only=True),
    Field("sys_updated_by", label="Updated by", read_only=True),
    Field("sys_mod_count", "integer", "Updates", read_only=True),
)


def _reference(name: str, target: str) -> Field:
    return Field(name, "reference", name.replace("_", " ").capitalize(), target)


def _texts(*names: str, longest: int = 0) -> tuple[Field, ...]:
    return tuple(Field(name, label=name.replace("_", " ").capitalize(), longest=longest) for name in names)


def _table(name: str, *fields: Field, display: str = "sys_id", prefix: str = "") -> Table:
    return Table(name, {field.name: field for field in (*_SYSTEM, *fields)}, display, prefix)


def _change_request() -> Table:
    return _table(
        "change_request",
        Field("number", label="Number", read_only=True),
        Field("type", "choice", "Type", choices=_TYPES, default="normal"),
        Field("state", "choice", "State", choices=CHANGE_STATES, default="-5"),
        Field("approval", "choice", "Approval", choices=APPROVAL_STATES, default="not requested"),
        Field("risk", "choice", "Risk", choices=_RISKS, default="3"),
        Field("priority", label="Priority", default="4"),
        *_texts("short_description", longest=160),
        *_texts("description", "implementation_plan", "backout_plan", longest=4000),
        *_texts("test_plan", "justification", longest=4000),
        *_texts("correlation_id", "correlation_display", longest=100),
        _reference("assignment_group", "sys_user_group"),
        _reference("assigned_to", "sys_user"),
        _reference("requested_by", "sys_user"),
        _reference("opened_by", "sys_user"),
        Field("start_date", "datetime", "Planned start date"),
        Field("end_date", "datetime", "Planned end date"),
        Field("on_hold", "boolean", "On hold", default="false"),
        *_texts("on_hold_reason", longest=4000),
        Field("close_code", "choice", "Close code", choices=CLOSE_CODES),
        Field("close_notes", label="Close notes", longest=4000),
        Field("active", "boolean", "Active", default="true", read_only=True),
        Field("conflict_status", label="Conflict status", default="Not Run"),
        Field("cab_required", "boolean", "CAB required", default="false"),
        Field("comments", "journal", "Additional comments"),
        Field("work_notes", "journal", "Work notes"),
        Field("approval_history", "journal", "Approval history"),
        display="number",
        prefix="CHG",
    )


def _change_task() -> Table:
    return _table(
        "change_task",
        Field("number", label="Number", read_only=True),
        _reference("change_request", "change_request"),
        Field("state", "choice", "State", choices=TASK_STATES, default="1"),
        *_texts("short_description", longest=160),
        Field("change_task_type", label="Type", default="implementation"),
        Field("created_from", label="Created from", default="manual", read_only=True),
        Field("close_code", "choice", "Close code", choices=CLOSE_CODES),
        Field("close_notes", label="Close notes", longest=4000),
        Field("work_notes", "journal", "Work notes"),
        display="number",
        prefix="CTASK",
    )


def _approvals() -> tuple[Table, Table]:
    row = _table(
        "sysapproval_approver",
        _reference("approver", "sys_user"),
        Field("state", "choice", "State", choices=APPROVAL_STATES, default="not requested"),
        _reference("sysapproval", "change_request"),
        _reference("document_id", "change_request"),
        Field("source_table", label="Source table", default="change_request"),
        _reference("group", "sysapproval_group"),
        Field("comments", "journal", "Comments"),
        Field("due_date", "datetime", "Due date"),
        Field("iteration", "integer", "Iteration"),
        Field("order", "integer", "Order"),
    )
    group = _table(
        "sysapproval_group",
        _reference("assignment_group", "sys_user_group"),
        _reference("parent", "change_request"),
        Field("approval", "choice", "Approval", choices=APPROVAL_STATES, default="not requested"),
        Field("wait_for", label="Wait for", default="any"),
    )
    return row, group


def _people() -> tuple[Table, ...]:
    return (
        _table(
            "sys_user",
            *_texts("user_name", "name", "email"),
            Field("active", "boolean", "Active", default="true"),
            display="name",
        ),
        _table(
            "sys_user_group",
            *_texts("name", "description"),
            Field("active", "boolean", "Active", default="true"),
            display="name",
        ),
        _table("sys_user_grmember", _reference("group", "sys_user_group"), _reference("user", "sys_user")),
    )


def _records() -> tuple[Table, ...]:
    attachment = _table(
        "sys_attachment",
        *_texts("file_name", "content_type", "table_name", "table_sys_id", "download_link", "hash"),
        Field("size_bytes", "integer", "Size"),
        Field("size_compressed", "integer", "Compressed size"),
        Field("compressed", "boolean", "Compressed", default="true"),
        display="file_name",
    )
    return (_table("sys_journal_field", *_texts("name", "element_id", "element", "value")), attachment)


TABLES: dict[str, Table] = {
    table.name: table for table in (_change_request(), _change_task(), *_approvals(), *_people(), *_records())
}
