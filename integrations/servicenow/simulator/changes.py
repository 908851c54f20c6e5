"""The change desk: creates and moves change requests under the rules of the chosen profile."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.servicenow.simulator.answers import (
    ACL_INSERT,
    ACL_UPDATE,
    aborted,
    acl,
    mandatory,
)
from integrations.servicenow.simulator.approvals import SYSTEM, Approvals
from integrations.servicenow.simulator.flows import Flows
from integrations.servicenow.simulator.model import (
    ASSESS,
    AUTHORIZE,
    CANCELED,
    CLOSED,
    IMPLEMENT,
    NEW,
    REVIEW,
    SCHEDULED,
    Move,
    Need,
    after_approval,
    moves,
)
from integrations.servicenow.simulator.people import Caller
from integrations.servicenow.simulator.schema import CHANGE_STATES, TABLES
from integrations.servicenow.simulator.settings import Settings
from integrations.servicenow.simulator.store import Row, Store, stored_value

TABLE = "change_request"
STATE_RULE = ("Change Model: Check State Transition", "b6dae9e15317101034d1ddeeff7b1278")
_OTHER_RULE_ID = "5a2f1c7e9b3d4e608f1a2b3c4d5e6f70"
_OPEN_TASKS = frozenset({"-5", "1", "2"})
_TASKS = ("Implement", "Post implementation testing")


class ChangeDesk:
    def __init__(self, store: Store, flows: Flows, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self.approvals = Approvals(store, flows, settings, self._approved, self._rejected)

    def open(self, values: Mapping[str, str], caller: Caller) -> Row:
        """A new change request; Refusal where roles or the initial-state policy say no."""
        if not caller.may_write_changes():
            raise acl(ACL_INSERT)
        fields = dict(values)
        state = fields.get("state", NEW)
        if state not in CHANGE_STATES or (state != NEW and self._settings.initial() == "forced"):
            fields.pop("state", None)
        elif state != NEW and self._settings.initial() == "refused":
            raise aborted(*STATE_RULE)
        fields.setdefault("requested_by", caller.sys_id)
        fields["opened_by"] = caller.sys_id
        return self._store.insert(TABLE, fields, caller.user_name)

    def update(self, row: Row, values: Mapping[str, str], caller: Caller) -> None:
        """A write over REST, with all rules."""
        if not caller.may_write_changes():
            raise acl(ACL_UPDATE)
        known = TABLES[TABLE].fields
        fields = {name: stored_value(known[name], value) for name, value in values.items() if name != "state"}
        wanted = values.get("state", row["state"])
        # Text for a choice is not reliably coerced; this instance keeps the number it has.
        if wanted not in CHANGE_STATES or self._settings.profile == "silent_ignore":
            wanted = row["state"]
        self._check_type(row, fields)
        self._check_hold(row, fields, wanted)
        if wanted != row["state"]:
            self._check_move(row, {**row, **fields}, wanted)
            fields["state"] = wanted
            if wanted == NEW:
                fields["approval"] = "not requested"
        before = row["state"]
        held = row["on_hold"]
        self._store.update(TABLE, row, fields, caller.user_name)
        self._after(row, before, held)

    def move(self, row: Row, state: str, by: str, extra: Mapping[str, str] | None = None) -> None:
        """Moves without asking any rule, as flows and administrators do."""
        before = row["state"]
        self._store.update(TABLE, row, {**(extra or {}), "state": state}, by)
        self._after(row, before, row["on_hold"])

    def moves(self, row: Row) -> tuple[Move, ...]:
        return moves(row["type"], row["state"], tasks_block_review=self._settings.tasks_block_review)

    def is_automatic(self, move: Move) -> bool:
        """Only models know moves that the instance keeps to itself."""
        return move.automatic and self._settings.profile != "legacy_type"

    def met(self, row: Mapping[str, str], need: Need) -> bool:
        """Whether a row (or what a write would make of it) meets a condition of a move."""
        if need == "assignment_group":
            return bool(row["assignment_group"])
        if need == "outcome":
            return bool(row["close_code"] and row["close_notes"])
        if need == "off_hold":
            return row["on_hold"] != "true"
        tasks = self._store.find("change_task", change_request=row["sys_id"])
        return not any(task["state"] in _OPEN_TASKS for task in tasks)

    def _check_move(self, row: Row, future: Mapping[str, str], wanted: str) -> None:
        move = next((one for one in self.moves(row) if one.target == wanted), None)
        if move is None or self.is_automatic(move):
            raise aborted(*STATE_RULE)
        missing = [need for need in move.needs if not self.met(future, need)]
        if "assignment_group" in missing:
            raise mandatory("Assignment group")
        if "outcome" in missing:
            labels = {"close_code": "Close code", "close_notes": "Close notes"}
            raise mandatory(*(label for name, label in labels.items() if not future[name]))
        if missing:
            raise aborted(*STATE_RULE)

    def _check_type(self, row: Row, fields: Mapping[str, str]) -> None:
        if fields.get("type", row["type"]) != row["type"] and row["state"] != NEW:
            raise aborted("Change Type: Restrict changes outside New", _OTHER_RULE_ID)

    def _check_hold(self, row: Row, fields: Mapping[str, str], wanted: str) -> None:
        hold = fields.get("on_hold", row["on_hold"]).lower() in ("true", "1")
        if not hold or wanted == CANCELED:
            return
        if row["state"] in (NEW, CLOSED, CANCELED):
            raise aborted("Change: Restrict on hold", _OTHER_RULE_ID)
        if not fields.get("on_hold_reason", row["on_hold_reason"]):
            raise mandatory("On hold reason")

    def _after(self, row: Row, before: str, held: str) -> None:
        if row["on_hold"] != held:
            change_id = row["sys_id"]
            self.approvals.hold(change_id) if row["on_hold"] == "true" else self.approvals.release(change_id)
        if row["state"] != before:
            self._enter(row)

    def _enter(self, row: Row) -> None:
        state = row["state"]
        change_id = row["sys_id"]
        self.approvals.withdraw(change_id, "cancelled" if state in (NEW, CANCELED) else "not_required")
        if state in (ASSESS, AUTHORIZE):
            self.approvals.ask_later(row)
        elif state == SCHEDULED and row["type"] == "standard":
            self._store.update(TABLE, row, {"approval": "approved"}, SYSTEM)
        elif state == IMPLEMENT:
            self._open_tasks(change_id)
        elif state in (REVIEW, CANCELED):
            self._cancel_tasks(change_id)
        if state in (CLOSED, CANCELED):
            self._store.update(TABLE, row, {"active": "false", "on_hold": "false"}, SYSTEM)

    def _approved(self, row: Row) -> None:
        self._store.update(TABLE, row, {"approval": "approved"}, SYSTEM)
        self.move(row, after_approval(row["type"], row["state"]), SYSTEM)

    def _rejected(self, row: Row) -> None:
        self.move(row, NEW, SYSTEM, {"approval": "rejected"})

    def _open_tasks(self, change_id: str) -> None:
        for name in _TASKS:
            values = {"change_request": change_id, "short_description": name, "created_from": "workflow"}
            self._store.insert("change_task", values, SYSTEM)

    def _cancel_tasks(self, change_id: str) -> None:
        for task in self._store.find("change_task", change_request=change_id, created_from="workflow"):
            if task["state"] in _OPEN_TASKS:
                self._store.update("change_task", task, {"state": CANCELED}, SYSTEM)
