"""Table API: ``/api/now[/v1|/v2]/table/{table}[/{sys_id}]``."""

from __future__ import annotations

from typing import get_args
from urllib.parse import urlencode

from aiohttp import web

from integrations.servicenow.simulator.answers import (
    ACL_INSERT,
    ACL_UPDATE,
    acl,
    invalid_table,
    mandatory,
    no_record,
)
from integrations.servicenow.simulator.http import CALLER, fields_of, is_true, number, result
from integrations.servicenow.simulator.instance import Instance
from integrations.servicenow.simulator.people import Caller
from integrations.servicenow.simulator.query import Query, known_field, parse, select
from integrations.servicenow.simulator.render import Display, Form, render
from integrations.servicenow.simulator.schema import TABLES
from integrations.servicenow.simulator.store import Row

_PAGE = 10_000


class TableApi:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._store = instance.store

    def routes(self) -> list[web.RouteDef]:
        found: list[web.RouteDef] = []
        for version in ("", "/v1", "/v2"):
            table = f"/api/now{version}/table/{{table}}"
            found += [
                web.get(table, self.list_rows),
                web.post(table, self.create),
                web.get(f"{table}/{{sys_id}}", self.read),
                web.patch(f"{table}/{{sys_id}}", self.update),
                web.put(f"{table}/{{sys_id}}", self.update),
                web.delete(f"{table}/{{sys_id}}", self.remove),
            ]
        return found

    async def list_rows(self, request: web.Request) -> web.Response:
        table = _table(request)
        caller = request[CALLER]
        found = self._select(request, table, caller)
        limit = number(request.query.get("sysparm_limit"), _PAGE)
        offset = number(request.query.get("sysparm_offset"), 0)
        # The limit counts before access rules do, so a page may be short while later ones are not.
        page = [row for row in found[offset : offset + limit] if self._instance.may_read(caller, table, row)]
        if not page and request.path.startswith("/api/now/v1/"):
            raise no_record()
        headers = {} if is_true(request.query.get("sysparm_no_count")) else {"X-Total-Count": str(len(found))}
        if not is_true(request.query.get("sysparm_suppress_pagination_header")):
            headers["Link"] = self._links(request, len(found), limit, offset)
        form = self._form(request, caller)
        return result([render(self._store, table, row, form) for row in page], headers=headers)

    async def read(self, request: web.Request) -> web.Response:
        table = _table(request)
        return self._one(request, table, self._row(request, table))

    async def create(self, request: web.Request) -> web.Response:
        table = _table(request)
        caller = request[CALLER]
        values = self._writable(table, await fields_of(request))
        if table == "change_request":
            row = self._instance.desk.open(values, caller)
        elif (table == "change_task" and caller.may_write_changes()) or "admin" in caller.roles:
            row = self._store.insert(table, values, caller.user_name)
        else:
            raise acl(ACL_INSERT)
        location = f"{self._instance.base_url}/api/now/table/{table}/{row['sys_id']}"
        return self._one(request, table, row, 201, {"Location": location})

    async def update(self, request: web.Request) -> web.Response:
        table = _table(request)
        row = self._row(request, table)
        self._write(table, row, self._writable(table, await fields_of(request)), request[CALLER])
        return self._one(request, table, row)

    async def remove(self, request: web.Request) -> web.Response:
        table = _table(request)
        row = self._row(request, table)
        if "admin" not in request[CALLER].roles:
            raise acl("ACL Exception Delete Failed due to security constraints")
        self._store.delete(table, row["sys_id"])
        return web.Response(status=204)

    def _write(self, table: str, row: Row, values: dict[str, str], caller: Caller) -> None:
        if table == "change_request":
            self._instance.desk.update(row, values, caller)
        elif table == "sysapproval_approver" and values.get("state", row["state"]) != row["state"]:
            self._instance.desk.approvals.respond(row, values["state"], values.get("comments", ""), caller)
        elif table == "change_task" and caller.may_write_changes():
            self._close_task(row, values, caller)
        elif "admin" in caller.roles:
            self._store.update(table, row, values, caller.user_name)
        else:
            raise acl(ACL_UPDATE)

    def _close_task(self, row: Row, values: dict[str, str], caller: Caller) -> None:
        future = {**row, **values}
        if future["state"] == "3" and not (future["close_code"] and future["close_notes"]):
            raise mandatory("Close code", "Close notes")
        self._store.update("change_task", row, values, caller.user_name)

    def _row(self, request: web.Request, table: str) -> Row:
        row = self._store.get(table, request.match_info["sys_id"])
        if row is None or not self._instance.may_read(request[CALLER], table, row):
            raise no_record()
        return row

    def _select(self, request: web.Request, table: str, caller: Caller) -> list[Row]:
        text = request.query.get("sysparm_query", "")
        if not text:
            return self._filter(request, table)
        if table in self._instance.settings.ignore_conditions_on:
            return list(self._store.rows(table))
        query: Query = parse(table, text, caller.sys_id)
        if query.dropped and self._instance.settings.invalid_query_returns_no_rows:
            return []
        return select(self._store, table, query)

    def _filter(self, request: web.Request, table: str) -> list[Row]:
        """Parameters that are not sysparm_ are conditions; choices may be given by label."""
        conditions = []
        for name, value in request.query.items():
            if name.startswith("sysparm_") or not known_field(table, name):
                continue
            field = TABLES[table].fields.get(name)
            labels = {} if field is None else {label.lower(): key for key, label in field.choices.items()}
            conditions.append(f"{name}={labels.get(value.lower(), value)}")
        return select(self._store, table, parse(table, "^".join(conditions), ""))

    def _one(
        self,
        request: web.Request,
        table: str,
        row: Row,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> web.Response:
        form = self._form(request, request[CALLER])
        return result(render(self._store, table, row, form), status, headers)

    def _form(self, request: web.Request, caller: Caller) -> Form:
        asked = request.query.get("sysparm_display_value", "false").lower()
        display: Display = next((word for word in get_args(Display) if word == asked), "false")
        names = request.query.get("sysparm_fields", "")
        return Form(
            base=self._instance.base_url,
            display=display,
            links=not is_true(request.query.get("sysparm_exclude_reference_link")),
            fields=tuple(name.strip() for name in names.split(",") if name.strip()),
            hidden=self._instance.hidden_from(caller),
        )

    def _writable(self, table: str, values: dict[str, str]) -> dict[str, str]:
        fields = TABLES[table].fields
        kept = self._instance.settings.unwritable_fields if table == "change_request" else ()
        return {
            name: value
            for name, value in values.items()
            if name in fields and not fields[name].read_only and name not in kept
        }

    def _links(self, request: web.Request, total: int, limit: int, offset: int) -> str:
        last = max(0, (total - 1) // limit * limit) if limit else 0
        wanted = {"first": 0, "prev": offset - limit, "next": offset + limit, "last": last}
        others = {name: value for name, value in request.query.items() if name != "sysparm_offset"}
        shown = []
        for name, start in wanted.items():
            if 0 <= start < max(total, 1):
                rest = urlencode({**others, "sysparm_offset": start})
                shown.append(f'<{self._instance.base_url}{request.path}?{rest}>;rel="{name}"')
        return ",".join(shown)


def _table(request: web.Request) -> str:
    table = request.match_info["table"]
    if table not in TABLES:
        raise invalid_table(table)
    return table
