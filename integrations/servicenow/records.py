"""Rows as the Table API sends them (every value a string, unset is "") and what they become in our words.

Field names of a struct are the fields that are asked for; a field that access rules hide is absent from the
answer and makes the row unreadable.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from integrations.errors import UnavailableError
from integrations.servicenow.port import ApprovalRow, Change, ChangeState, User
from integrations.servicenow.times import parse_instant

STATE_OF_NUMBER: dict[str, ChangeState] = {
    "-5": "new",
    "-4": "assess",
    "-3": "authorize",
    "-2": "scheduled",
    "-1": "implement",
    "0": "review",
    "3": "closed",
    "4": "canceled",
}
NUMBER_OF_STATE: dict[str, str] = {word: number for number, word in STATE_OF_NUMBER.items()}
RISK_NUMBERS = {"high": "2", "moderate": "3", "low": "4"}

Row = TypeVar("Row", bound=msgspec.Struct)


class ChangeRow(msgspec.Struct, frozen=True):
    sys_id: str
    number: str
    type: str
    state: str
    approval: str
    correlation_id: str
    sys_created_by: str
    start_date: str
    end_date: str
    on_hold: str
    short_description: str
    description: str
    sys_updated_on: str
    sys_mod_count: str


class ClosedRow(msgspec.Struct, frozen=True):
    sys_id: str
    close_code: str
    close_notes: str


class ApproverRow(msgspec.Struct, frozen=True):
    sys_id: str
    sysapproval: str
    approver: str
    state: str
    sys_updated_by: str
    sys_updated_on: str
    sys_created_on: str
    user_name: str = msgspec.field(name="approver.user_name")
    active: str = msgspec.field(name="approver.active")
    group: str = msgspec.field(name="group.assignment_group")
    group_name: str = msgspec.field(name="group.assignment_group.name")


class UserRow(msgspec.Struct, frozen=True):
    sys_id: str
    user_name: str
    name: str
    email: str
    active: str


class GroupRow(msgspec.Struct, frozen=True):
    sys_id: str
    name: str
    active: str


class MembershipRow(msgspec.Struct, frozen=True):
    sys_id: str
    group: str
    user: str


class MemberRow(msgspec.Struct, frozen=True):
    sys_id: str
    group: str
    user: str
    user_name: str = msgspec.field(name="user.user_name")
    name: str = msgspec.field(name="user.name")
    email: str = msgspec.field(name="user.email")
    active: str = msgspec.field(name="user.active")


class TaskRow(msgspec.Struct, frozen=True):
    sys_id: str
    number: str
    change_request: str
    state: str
    created_from: str


class JournalRow(msgspec.Struct, frozen=True):
    sys_id: str
    element_id: str
    element: str
    value: str


class AttachmentRow(msgspec.Struct, frozen=True):
    sys_id: str
    table_sys_id: str
    file_name: str
    size_bytes: str


def field_names(shape: type[msgspec.Struct]) -> list[str]:
    """The fields to ask for, as ServiceNow names them."""
    return [field.encode_name for field in msgspec.structs.fields(shape)]


def read_row(shape: type[Row], raw: object) -> Row:
    """The typed row; UnavailableError when a field is hidden, missing or not a string."""
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        reason = str(error)
    raise UnavailableError(
        f"a ServiceNow row cannot be read as {shape.__name__}: {reason}; may the integration user read this field?"
    )


def to_change(row: ChangeRow) -> Change:
    return Change(
        sys_id=row.sys_id,
        number=row.number,
        type=row.type,
        state=STATE_OF_NUMBER.get(row.state, row.state),
        approval=row.approval,
        correlation_id=row.correlation_id,
        created_by=row.sys_created_by,
        start=_optional_instant(row.start_date),
        end=_optional_instant(row.end_date),
        on_hold=flag(row.on_hold),
        short_description=row.short_description,
        description=row.description,
        updated_at=_instant(row.sys_updated_on),
        mod_count=_count(row.sys_mod_count),
    )


def to_approval(row: ApproverRow, memberships: frozenset[tuple[str, str]]) -> ApprovalRow:
    """``memberships`` are (group, user) pairs of sys_user_grmember, read together with the row."""
    return ApprovalRow(
        sys_id=row.sys_id,
        approver=row.approver,
        approver_active=bool(row.user_name) and flag(row.active),
        state=row.state,
        updated_by=row.sys_updated_by,
        updated_at=_instant(row.sys_updated_on),
        created_at=_instant(row.sys_created_on),
        approver_user_name=row.user_name,
        group=row.group or None,
        group_name=row.group_name or None,
        approver_in_group=(row.group, row.approver) in memberships,
    )


def to_user(row: UserRow) -> User:
    return User(row.sys_id, row.user_name, row.name, row.email, flag(row.active))


def flag(text: str) -> bool:
    """A ServiceNow boolean; unset counts as false, anything else is unreadable."""
    if text not in ("true", "false", "", "0", "1"):
        raise UnavailableError(f"expected true or false from ServiceNow, found {text[:40]!r}")
    return text in ("true", "1")


def _optional_instant(text: str) -> int | None:
    return _instant(text) if text else None


def _instant(text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise UnavailableError(f"a ServiceNow date cannot be read: {error}") from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UnavailableError(f"expected a number in sys_mod_count, found {text[:40]!r}")
    return int(text)
