"""Attachment API: ``/api/now/attachment``. Metadata are strings, the body is raw."""

from __future__ import annotations

import hashlib

from aiohttp import web

from integrations.servicenow.simulator.answers import ACL_INSERT, Refusal, acl, no_record
from integrations.servicenow.simulator.http import CALLER, number, result
from integrations.servicenow.simulator.instance import Instance
from integrations.servicenow.simulator.query import parse, select
from integrations.servicenow.simulator.render import Form, render
from integrations.servicenow.simulator.schema import TABLES
from integrations.servicenow.simulator.store import Row

_TABLE = "sys_attachment"


class AttachmentApi:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._store = instance.store

    def routes(self) -> list[web.RouteDef]:
        base = "/api/now/attachment"
        return [
            web.get(base, self.list_rows),
            web.post(f"{base}/file", self.create),
            web.get(f"{base}/{{sys_id}}", self.read),
            web.get(f"{base}/{{sys_id}}/file", self.content),
        ]

    async def create(self, request: web.Request) -> web.Response:
        asked = [request.query.get(name, "") for name in ("table_name", "table_sys_id", "file_name")]
        table, sys_id, name = asked
        if not all(asked) or table not in TABLES:
            raise Refusal(400, "Missing parameters", "table_name, table_sys_id and file_name are needed")
        target = self._store.get(table, sys_id)
        caller = request[CALLER]
        if target is None or not self._instance.may_read(caller, table, target):
            raise no_record()
        if not caller.may_write_changes():
            raise acl(ACL_INSERT)
        content = await request.read()
        row = self._keep(table, sys_id, name, content, request.content_type, caller.user_name)
        location = f"{self._instance.base_url}/api/now/attachment/{row['sys_id']}"
        return result(self._shown(row), 201, {"Location": location})

    def _keep(self, table: str, sys_id: str, name: str, content: bytes, kind: str, by: str) -> Row:
        values = {
            "file_name": name,
            "content_type": kind,
            "size_bytes": str(len(content)),
            "size_compressed": str(len(content)),
            "table_name": table,
            "table_sys_id": sys_id,
            "hash": hashlib.sha256(content).hexdigest(),
        }
        row = self._store.insert(_TABLE, values, by)
        row["download_link"] = f"{self._instance.base_url}/api/now/attachment/{row['sys_id']}/file"
        self._store.contents[row["sys_id"]] = content
        return row

    async def list_rows(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        query = parse(_TABLE, request.query.get("sysparm_query", ""), caller.sys_id)
        found = select(self._store, _TABLE, query)
        limit = number(request.query.get("sysparm_limit"), 1000)
        offset = number(request.query.get("sysparm_offset"), 0)
        page = [self._shown(row) for row in found[offset : offset + limit] if self._readable(request, row)]
        return result(page, headers={"X-Total-Count": str(len(found))})

    async def read(self, request: web.Request) -> web.Response:
        return result(self._shown(self._row(request)))

    async def content(self, request: web.Request) -> web.Response:
        row = self._row(request)
        return web.Response(body=self._store.contents[row["sys_id"]], headers={"Content-Type": row["content_type"]})

    def _row(self, request: web.Request) -> Row:
        row = self._store.get(_TABLE, request.match_info["sys_id"])
        if row is None or not self._readable(request, row):
            raise no_record()
        return row

    def _readable(self, request: web.Request, row: Row) -> bool:
        target = self._store.get(row["table_name"], row["table_sys_id"])
        return target is not None and self._instance.may_read(request[CALLER], row["table_name"], target)

    def _shown(self, row: Row) -> object:
        return render(self._store, _TABLE, row, Form(self._instance.base_url))
