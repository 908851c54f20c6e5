"""What Countersign asks of ServiceNow, in its own words.

Instants are microseconds since 1970 UTC (ServiceNow keeps whole seconds). Every method raises
integrations.errors.NeighbourError.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

ChangeState = Literal["new", "assess", "authorize", "scheduled", "implement", "review", "closed", "canceled"]


class NewChange(msgspec.Struct, frozen=True):
    """A change request to be opened. ``correlation_id`` is our random 128 bits as 32 hex digits."""

    correlation_id: str
    type: Literal["standard", "normal", "emergency"]
    short_description: str
    description: str
    implementation_plan: str
    backout_plan: str
    test_plan: str
    justification: str
    risk: Literal["high", "moderate", "low"]
    assignment_group: str | None = None
    start: int | None = None
    end: int | None = None


class Change(msgspec.Struct, frozen=True):
    sys_id: str
    number: str
    type: str
    state: ChangeState | str
    approval: str
    correlation_id: str
    created_by: str
    start: int | None
    end: int | None
    on_hold: bool
    short_description: str
    description: str
    updated_at: int
    mod_count: int


class ApprovalRow(msgspec.Struct, frozen=True):
    """One row of sysapproval_approver. ``group`` is the sys_user_group asked, where one was."""

    sys_id: str
    approver: str
    approver_active: bool
    state: str
    updated_by: str
    updated_at: int
    created_at: int
    approver_user_name: str
    group: str | None = None
    group_name: str | None = None
    approver_in_group: bool = False


class User(msgspec.Struct, frozen=True):
    sys_id: str
    user_name: str
    name: str
    email: str
    active: bool


class UserGroup(msgspec.Struct, frozen=True):
    """A group of sys_user_group."""

    sys_id: str
    name: str


class ServiceNow(Protocol):
    async def whoami(self) -> User:
        """The integration user itself; also proves that address and password work."""
        ...

    async def open_change(self, change: NewChange) -> Change:
        """Create it; InDoubtError when the answer was lost (look with find_changes before trying again)."""
        ...

    async def find_changes(self, correlation_id: str) -> tuple[Change, ...]:
        """Every change that carries this correlation id, whoever made it."""
        ...

    async def change(self, sys_id: str) -> Change: ...
    async def update_change(self, sys_id: str, fields: dict[str, str]) -> Change:
        """Set plain fields (short_description, description, start_date, …), read back and compared."""
        ...

    async def approvals(self, sys_id: str) -> tuple[ApprovalRow, ...]: ...
    async def advance(self, sys_id: str, target: ChangeState) -> Change:
        """Move towards ``target`` by one of the moves the instance offers now.

        RefusedError names the state it is in and what was offered, when none leads there.
        """
        ...

    async def close_change(
        self, sys_id: str, code: Literal["successful", "successful_issues", "unsuccessful"], notes: str
    ) -> Change: ...
    async def cancel_change(self, sys_id: str, reason: str) -> Change: ...
    async def add_work_note(self, sys_id: str, text: str) -> None: ...
    async def work_notes(self, sys_id: str) -> tuple[str, ...]: ...
    async def attach(self, sys_id: str, name: str, content: bytes, content_type: str) -> str: ...
    async def attachments(self, sys_id: str) -> tuple[str, ...]:
        """Names of what is attached."""
        ...

    async def user(self, user_name: str) -> User: ...
    async def group(self, group: str) -> UserGroup:
        """The only active group of this name, or the active group of this sys_id; else NotFoundError."""
        ...

    async def group_members(self, group: str) -> tuple[User, ...]:
        """Active members of the group of this name or sys_id (sys_user_grmember)."""
        ...

    async def close(self) -> None: ...
