"""Approval rounds: whom the instance asks, and what it makes of the answers.

One row per member of each asked group, a person in two groups only once; the first answer of a group decides it; a
rejection sends the change back to New. Source: "Ask for approval" of Workflow Studio, "Approval - Group" activity.
"""

from __future__ import annotations

from collections.abc import Callable

from integrations.servicenow.simulator.answers import ACL_UPDATE, acl
from integrations.servicenow.simulator.flows import Flows
from integrations.servicenow.simulator.model import ASSESS
from integrations.servicenow.simulator.people import Caller
from integrations.servicenow.simulator.settings import Settings
from integrations.servicenow.simulator.store import Row, Store

SYSTEM = "system"
_ROWS = "sysapproval_approver"
_GROUPS = "sysapproval_group"


class Approvals:
    """``approved`` and ``rejected`` tell the change desk how a round ended."""

    def __init__(
        self,
        store: Store,
        flows: Flows,
        settings: Settings,
        approved: Callable[[Row], None],
        rejected: Callable[[Row], None],
    ) -> None:
        self._store = store
        self._flows = flows
        self._settings = settings
        self._approved = approved
        self._rejected = rejected
        self._rounds: dict[str, list[Row]] = {}
        self._held: dict[str, list[Row]] = {}

    def ask_later(self, change: Row) -> None:
        """A flow will ask; a poll right after the move sees no rows yet."""
        state = change["state"]
        self._flows.later(lambda: self._ask(change, state))

    def respond(self, row: Row, state: str, comments: str, caller: Caller) -> None:
        """A person's answer; Refusal 403 unless the row is theirs and still asks."""
        mine = row["approver"] == caller.sys_id or "approval_admin" in caller.roles
        if not mine or row["state"] != "requested" or state not in ("approved", "rejected"):
            raise acl(ACL_UPDATE)
        self._store.update(_ROWS, row, {"state": state, "comments": comments}, caller.user_name)
        self.settle_later(row["sysapproval"])

    def settle_later(self, change_id: str) -> None:
        self._flows.later(lambda: self._settle(change_id))

    def withdraw(self, change_id: str, state: str) -> None:
        """Rows that still ask become ``state`` (cancelled, not_required) and the round is over."""
        self._rounds.pop(change_id, None)
        self._held.pop(change_id, None)
        for row in self._asking(change_id):
            self._store.update(_ROWS, row, {"state": state}, SYSTEM)

    def hold(self, change_id: str) -> None:
        self._held[change_id] = self._asking(change_id)
        for row in self._held[change_id]:
            self._store.update(_ROWS, row, {"state": "not_required"}, SYSTEM)

    def release(self, change_id: str) -> None:
        for row in self._held.pop(change_id, []):
            self._store.update(_ROWS, row, {"state": "requested"}, SYSTEM)

    def _asking(self, change_id: str) -> list[Row]:
        return self._store.find(_ROWS, sysapproval=change_id, state="requested")

    def _group_names(self, state: str) -> tuple[str, ...]:
        if state == ASSESS:
            return self._settings.assess_groups
        return (self._settings.cab_group, *self._settings.authorize_groups)

    def _ask(self, change: Row, state: str) -> None:
        change_id = change["sys_id"]
        if change["state"] != state or change_id in self._rounds:
            return
        groups = [change["assignment_group"]] if state == ASSESS and change["assignment_group"] else []
        for name in self._group_names(state):
            groups.extend(row["sys_id"] for row in self._store.find("sys_user_group", name=name))
        iteration = 1 + max(
            (int(row["iteration"] or "0") for row in self._store.find(_ROWS, sysapproval=change_id)), default=0
        )
        asked: set[str] = set()
        self._rounds[change_id] = [
            self._ask_group(change_id, group, iteration, asked) for group in dict.fromkeys(groups)
        ]
        self._store.update("change_request", change, {"approval": "requested"}, SYSTEM)
        self._settle(change_id)

    def _ask_group(self, change_id: str, group: str, iteration: int, asked: set[str]) -> Row:
        """``asked`` are people who have a row in this round; it grows."""
        members = [row["user"] for row in self._store.find("sys_user_grmember", group=group)]
        values = {"parent": change_id, "assignment_group": group, "approval": "requested"}
        group_row = self._store.insert(_GROUPS, values, SYSTEM)
        for person in dict.fromkeys(members):
            if person in asked:
                continue
            asked.add(person)
            self._store.insert(
                _ROWS,
                {
                    "approver": person,
                    "state": "requested",
                    "sysapproval": change_id,
                    "document_id": change_id,
                    "source_table": "change_request",
                    "group": group_row["sys_id"],
                    "iteration": str(iteration),
                },
                SYSTEM,
            )
        return group_row

    def _settle(self, change_id: str) -> None:
        change = self._store.get("change_request", change_id)
        groups = self._rounds.get(change_id)
        if change is None or groups is None or change["on_hold"] == "true":
            return
        states = [self._decide_group(change_id, group) for group in groups]
        if "rejected" in states:
            self.withdraw(change_id, "not_required")
            self._rejected(change)
        elif "requested" not in states:
            del self._rounds[change_id]
            self._approved(change)

    def _decide_group(self, change_id: str, group: Row) -> str:
        rows = self._store.find(_ROWS, sysapproval=change_id, group=group["sys_id"])
        states = {row["state"] for row in rows}
        # Nobody to ask (an empty group, or all its members asked for another) counts as approved.
        decided = "rejected" if "rejected" in states else "approved" if "approved" in states or not rows else ""
        if not decided:
            return "requested"
        self._store.update(_GROUPS, group, {"approval": decided}, SYSTEM)
        for row in rows:
            if row["state"] == "requested":
                self._store.update(_ROWS, row, {"state": "not_required"}, SYSTEM)
        return decided
