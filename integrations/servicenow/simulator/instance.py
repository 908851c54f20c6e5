"""One simulated instance: its rows, people, rules and what is hidden from whom."""

from __future__ import annotations

from collections.abc import Callable

from integrations.servicenow.simulator.changes import ChangeDesk
from integrations.servicenow.simulator.flows import Flows
from integrations.servicenow.simulator.people import Caller, People
from integrations.servicenow.simulator.settings import Settings
from integrations.servicenow.simulator.store import Row, Store

_CHANGE_TABLES = frozenset({"change_request", "change_task", "sysapproval_group", "sys_journal_field"})


class Instance:
    """``hidden_rows`` are (table, sys_id), ``hidden_fields`` (table, field): kept from all but admin."""

    def __init__(self, settings: Settings, clock: Callable[[], int], ids: Callable[[], str]) -> None:
        self.settings = settings
        self.clock = clock
        self.store = Store(clock, ids)
        self.flows = Flows(settings)
        self.people = People(self.store, clock)
        self.desk = ChangeDesk(self.store, self.flows, settings)
        self.hidden_rows: set[tuple[str, str]] = set()
        self.hidden_fields: set[tuple[str, str]] = set()
        self.base_url = ""

    def may_read(self, caller: Caller, table: str, row: Row) -> bool:
        """Row access; approvers without a change role see their own rows, not the change."""
        if "admin" in caller.roles:
            return True
        if (table, row["sys_id"]) in self.hidden_rows:
            return False
        if table in _CHANGE_TABLES:
            return caller.may_read_changes()
        if table == "sysapproval_approver":
            return caller.may_read_changes() or row["approver"] == caller.sys_id
        return True

    def hidden_from(self, caller: Caller) -> frozenset[tuple[str, str]]:
        return frozenset() if "admin" in caller.roles else frozenset(self.hidden_fields)
