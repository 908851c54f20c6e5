"""Groups that ServiceNow knows."""

from __future__ import annotations

from app.facts.group_source import Scope, Source, SourceError
from app.facts.outside_groups import Found, OutsideGroups
from app.people.service import servicenow_account
from gates.model import Member
from integrations.servicenow.port import ServiceNow
from manifests.policy import Group


def servicenow_source(groups: OutsideGroups, servicenow: ServiceNow | None) -> Source:
    """``servicenow_group``: the name or sys_id of a group. Without a ServiceNow nobody can tell who is in it."""

    async def read(_: Scope, group: Group) -> tuple[Member, ...]:
        name = group.servicenow_group or ""
        if servicenow is None:
            raise SourceError(f"The group {name} is one of ServiceNow, and this tenant's settings name none")

        async def ask() -> Found:
            found = await servicenow.group(name)
            members = await servicenow.group_members(found.sys_id)
            return Found(found.sys_id, tuple(servicenow_account(user.sys_id) for user in members), name == found.sys_id)

        return await groups.read(name, ask)

    return Source(lambda _, group: group.servicenow_group, lambda group: f"Group {group.servicenow_group}", read)
