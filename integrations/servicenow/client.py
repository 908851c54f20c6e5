"""Countersign's ServiceNow client: the port, over pysnow used safely."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from integrations.errors import InDoubtError, NotFoundError, RefusedError, UnavailableError
from integrations.observing import Observe
from integrations.servicenow import closing
from integrations.servicenow.address import parse_address
from integrations.servicenow.auth import BasicCredentials, Credentials
from integrations.servicenow.port import ApprovalRow, Change, ChangeState, NewChange, User, UserGroup
from integrations.servicenow.queries import equals, one_of, query
from integrations.servicenow.reading import listed, rows
from integrations.servicenow.records import (
    ApproverRow,
    AttachmentRow,
    ChangeRow,
    GroupRow,
    JournalRow,
    MemberRow,
    MembershipRow,
    UserRow,
    field_names,
    flag,
    read_row,
    to_approval,
    to_change,
    to_user,
)
from integrations.servicenow.transport import Transport
from integrations.servicenow.writing import change_body, check_kept, plain_fields, same_text

_TABLE = "change_request"
_GROUPS_AT_ONCE = 30
_SYS_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class PysnowServiceNow:
    """One instance and one integration user.

    ``base_url`` is https, or http on this machine; ``clock`` gives microseconds since 1970 UTC;
    ``timeout_s`` counts for each wait on the network; ``threads`` bounds the calls under way.
    ``refuse_simulator`` turns every answer of our simulator into RefusedError; ``observe`` is told of every call,
    on the thread that made it. ValueError for an address that cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        clock: Callable[[], int],
        timeout_s: float = 20.0,
        threads: int = 4,
        ca_file: str | None = None,
        refuse_simulator: bool = False,
        observe: Observe | None = None,
    ) -> None:
        self._address = parse_address(base_url)
        self._user_name = credentials.user if isinstance(credentials, BasicCredentials) else None
        self._transport = Transport(
            self._address,
            credentials,
            clock=clock,
            timeout_s=timeout_s,
            threads=threads,
            ca_file=ca_file,
            refuse_simulator=refuse_simulator,
            observe=observe,
        )

    def __repr__(self) -> str:
        return f"PysnowServiceNow({self._address.url!r})"

    async def whoami(self) -> User:
        found = await rows(
            self._transport,
            "sys_user",
            query("sys_id=javascript:gs.getUserID()"),
            UserRow,
            lambda row: self._user_name is None or row.user_name.casefold() == self._user_name.casefold(),
        )
        if len(found) != 1:
            raise UnavailableError(f"expected to find the integration user itself, found {len(found)} users")
        return to_user(found[0])

    async def open_change(self, change: NewChange) -> Change:
        group = None if change.assignment_group is None else (await self.group(change.assignment_group)).sys_id
        body = change_body(change, group)
        raw = await self._transport.create(_TABLE, body, field_names(ChangeRow))
        try:
            opened = to_change(read_row(ChangeRow, raw))
        except UnavailableError as error:
            raise InDoubtError(f"the change was sent, the answer cannot be read: {error}") from error
        check_kept(change, body, opened)
        return opened

    async def find_changes(self, correlation_id: str) -> tuple[Change, ...]:
        found = await rows(
            self._transport,
            _TABLE,
            query(equals("correlation_id", correlation_id)),
            ChangeRow,
            lambda row: row.correlation_id == correlation_id,
        )
        return tuple(to_change(row) for row in found)

    async def change(self, sys_id: str) -> Change:
        return await closing.read_change(self._transport, _key(sys_id))

    async def update_change(self, sys_id: str, fields: dict[str, str]) -> Change:
        wanted = plain_fields(fields)
        await self._transport.patch(_TABLE, _key(sys_id), wanted)
        change, kept = await closing.read_back(self._transport, sys_id, *wanted)
        lost = sorted(name for name, value in wanted.items() if not same_text(kept.get(name), value))
        if lost:
            raise RefusedError(f"{change.number}: ServiceNow answered 200 but did not keep {', '.join(lost)}")
        return change

    async def approvals(self, sys_id: str) -> tuple[ApprovalRow, ...]:
        key = _key(sys_id)
        found = await rows(
            self._transport,
            "sysapproval_approver",
            query(equals("sysapproval", key), order=("sys_created_on", "sys_id")),
            ApproverRow,
            lambda row: row.sysapproval == key,
        )
        members = await self._memberships(found)
        return tuple(to_approval(row, members) for row in found)

    async def advance(self, sys_id: str, target: ChangeState) -> Change:
        return await closing.advance(self._transport, _key(sys_id), target)

    async def close_change(
        self, sys_id: str, code: Literal["successful", "successful_issues", "unsuccessful"], notes: str
    ) -> Change:
        if not notes.strip():
            raise RefusedError("a change is closed with notes; found none")
        return await closing.close(self._transport, _key(sys_id), code, notes)

    async def cancel_change(self, sys_id: str, reason: str) -> Change:
        return await closing.cancel(self._transport, _key(sys_id), reason)

    async def add_work_note(self, sys_id: str, text: str) -> None:
        await self._transport.patch(_TABLE, _key(sys_id), {"work_notes": text})

    async def work_notes(self, sys_id: str) -> tuple[str, ...]:
        key = _key(sys_id)
        found = await rows(
            self._transport,
            "sys_journal_field",
            query(equals("element_id", key), "element=work_notes", order=("sys_created_on", "sys_id")),
            JournalRow,
            lambda row: row.element_id == key and row.element == "work_notes",
        )
        return tuple(row.value for row in found)

    async def attach(self, sys_id: str, name: str, content: bytes, content_type: str) -> str:
        raw = await self._transport.attach(_TABLE, _key(sys_id), name, content, content_type)
        try:
            kept = read_row(AttachmentRow, raw)
        except UnavailableError as error:
            reason = str(error)
        else:
            if (kept.table_sys_id, kept.file_name, kept.size_bytes) == (sys_id, name, str(len(content))):
                return kept.sys_id
            reason = f"kept {kept.size_bytes} bytes as {kept.file_name!r}, sent {len(content)} as {name!r}"
        raise InDoubtError(f"the attachment was sent: {reason}")

    async def attachments(self, sys_id: str) -> tuple[str, ...]:
        key = _key(sys_id)
        found = await listed(
            self._transport,
            "/attachment",
            query(equals("table_name", _TABLE), equals("table_sys_id", key)),
            AttachmentRow,
            lambda row: row.table_sys_id == key,
        )
        return tuple(row.file_name for row in found)

    async def user(self, user_name: str) -> User:
        found = await rows(
            self._transport,
            "sys_user",
            query(equals("user_name", user_name)),
            UserRow,
            lambda row: row.user_name == user_name,
        )
        if len(found) != 1:
            raise NotFoundError(f"expected one ServiceNow user named {user_name!r}, found {len(found)}")
        return to_user(found[0])

    async def group(self, group: str) -> UserGroup:
        field = "sys_id" if _SYS_ID.fullmatch(group) else "name"
        found = await rows(
            self._transport,
            "sys_user_group",
            query(equals(field, group)),
            GroupRow,
            lambda row: getattr(row, field) == group,
        )
        active = [row for row in found if flag(row.active)]
        if len(active) != 1:
            raise NotFoundError(f"expected one active ServiceNow group with the {field} {group!r}, found {len(active)}")
        return UserGroup(active[0].sys_id, active[0].name)

    async def group_members(self, group: str) -> tuple[User, ...]:
        key = (await self.group(group)).sys_id
        found = await rows(
            self._transport,
            "sys_user_grmember",
            query(equals("group", key)),
            MemberRow,
            lambda row: row.group == key,
        )
        people = {row.user: row for row in found if row.user and flag(row.active)}
        return tuple(User(row.user, row.user_name, row.name, row.email, True) for row in people.values())

    async def close(self) -> None:
        await self._transport.close()

    async def _memberships(self, asked: tuple[ApproverRow, ...]) -> frozenset[tuple[str, str]]:
        """(group, user) pairs. By group only: a list of people would outgrow what instances take as an address."""
        groups = sorted({row.group for row in asked if row.group})
        found: set[tuple[str, str]] = set()
        for start in range(0, len(groups), _GROUPS_AT_ONCE):
            found |= await self._members_of(groups[start : start + _GROUPS_AT_ONCE])
        return frozenset(found)

    async def _members_of(self, groups: list[str]) -> set[tuple[str, str]]:
        found = await rows(
            self._transport,
            "sys_user_grmember",
            query(one_of("group", groups)),
            MembershipRow,
            lambda row: row.group in groups,
        )
        return {(row.group, row.user) for row in found}


def _key(sys_id: str) -> str:
    if not _SYS_ID.fullmatch(sys_id):
        raise RefusedError(f"expected a sys_id of 32 lower-case hex digits, found {sys_id[:80]!r}")
    return sys_id
