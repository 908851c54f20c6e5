"""Change Management API: ``/api/sn_chg_rest[/v1]/change``.

Typed values, 200 on create, the text of a refusal in ``message``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from integrations.servicenow.simulator.answers import Refusal, no_record
from integrations.servicenow.simulator.changes import TABLE
from integrations.servicenow.simulator.http import CALLER, fields_of, json_of, number, result
from integrations.servicenow.simulator.instance import Instance
from integrations.servicenow.simulator.model import NEED_NAMES, Move
from integrations.servicenow.simulator.query import parse, select
from integrations.servicenow.simulator.render import display_value
from integrations.servicenow.simulator.schema import CHANGE_STATES, TABLES, Field
from integrations.servicenow.simulator.store import Row

_TYPES = ("normal", "standard", "emergency")
_NUMBERS = frozenset({"state"})


class ChangeApi:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._store = instance.store

    def routes(self) -> list[web.RouteDef]:
        found: list[web.RouteDef] = []
        for version in ("", "/v1"):
            base = f"/api/sn_chg_rest{version}/change"
            one = f"{base}/{{sys_id:[0-9a-f]{{32}}}}"
            found += [
                web.get(base, self.list_changes),
                web.post(base, self.create),
                web.post(f"{base}/{{type:normal|emergency}}", self.create),
                web.get(one, self.read),
                web.patch(one, self.update),
                web.get(f"{one}/nextstates", self.nextstates),
                web.patch(f"{one}/approvals", self.approve),
            ]
        return found

    async def list_changes(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        found = select(self._store, TABLE, parse(TABLE, request.query.get("sysparm_query", ""), caller.sys_id))
        limit = number(request.query.get("sysparm_limit"), 500)
        page = [row for row in found[:limit] if self._instance.may_read(caller, TABLE, row)]
        return result([self._typed(row) for row in page])

    async def create(self, request: web.Request) -> web.Response:
        values = await fields_of(request)
        if "type" in request.match_info:
            values["type"] = request.match_info["type"]
        ignored = _ignored(values)
        with _in_message("created"):
            row = self._instance.desk.open(_known(values), request[CALLER])
        return result({**self._typed(row), "__meta": {"ignoredFields": ignored}})

    async def read(self, request: web.Request) -> web.Response:
        return result(self._typed(self._row(request)))

    async def update(self, request: web.Request) -> web.Response:
        row = self._row(request)
        values = await fields_of(request)
        ignored = _ignored(values)
        with _in_message("updated"):
            self._instance.desk.update(row, _known(values), request[CALLER])
        return result({**self._typed(row), "__meta": {"ignoredFields": ignored}})

    async def nextstates(self, request: web.Request) -> web.Response:
        row = self._row(request)
        desk = self._instance.desk
        moves = desk.moves(row)
        strict = self._instance.settings.profile != "legacy_type"
        offered = [move.target for move in moves if strict or not desk.is_automatic(move)]
        transitions = [[self._transition(row, move)] for move in moves] if strict else []
        return result(
            {
                "available_states": [row["state"], *offered],
                "state_transitions": transitions,
                "state_label": {state: CHANGE_STATES[state] for state in (row["state"], *offered)},
            }
        )

    async def approve(self, request: web.Request) -> web.Response:
        """Answers for the caller only."""
        row = self._row(request)
        caller = request[CALLER]
        body = await json_of(request)
        state, comments = str(body.get("state", "")), str(body.get("comments", ""))
        mine = self._store.find(
            "sysapproval_approver", sysapproval=row["sys_id"], approver=caller.sys_id, state="requested"
        )
        if not mine or state not in ("approved", "rejected"):
            raise Refusal(400, "Change Request approval could not be updated: no authority to approve", "")
        if state == "rejected" and not comments:
            raise Refusal(400, "Change Request approval could not be updated: comments are required", "")
        self._instance.desk.approvals.respond(mine[0], state, comments, caller)
        return result(self._typed(row))

    def _transition(self, row: Row, move: Move) -> object:
        desk = self._instance.desk
        met = {need: desk.met(row, need) for need in move.needs}
        return {
            "sys_id": f"{row['state']}>{move.target}",
            "display_value": f"{CHANGE_STATES[row['state']]} to {CHANGE_STATES[move.target]}",
            "from_state": row["state"],
            "to_state": move.target,
            "transition_available": all(met.values()),
            "automatic_transition": desk.is_automatic(move),
            "conditions": [
                {"passed": passed, "condition": {"name": NEED_NAMES[need], "description": "", "sys_id": need}}
                for need, passed in met.items()
            ],
        }

    def _row(self, request: web.Request) -> Row:
        row = self._store.get(TABLE, request.match_info["sys_id"])
        if row is None or not self._instance.may_read(request[CALLER], TABLE, row):
            raise no_record()
        return row

    def _typed(self, row: Row) -> dict[str, object]:
        return {
            name: {
                "display_value": display_value(self._store, field, row.get(name, "")),
                "value": _typed_value(field, row.get(name, "")),
            }
            for name, field in TABLES[TABLE].fields.items()
        }


@contextmanager
def _in_message(verb: str) -> Iterator[None]:
    """This API puts the text of a refusal into ``message`` and leaves ``detail`` empty."""
    try:
        yield
    except Refusal as refusal:
        text = f"Change Request record could not be {verb}. {refusal.detail}"
        raise Refusal(refusal.status, text, "") from None


def _typed_value(field: Field, value: str) -> object:
    if field.kind == "boolean":
        return value == "true"
    if (field.kind == "integer" or field.name in _NUMBERS) and value:
        return float(value)
    return value


def _known(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name not in _ignored(values)}


def _ignored(values: dict[str, str]) -> list[str]:
    fields = TABLES[TABLE].fields
    return [name for name in values if name not in fields or fields[name].read_only]
