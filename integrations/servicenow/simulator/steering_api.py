"""The same levers over HTTP, for a process outside: ``/_sim/…`` with JSON bodies, and the page of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from integrations.servicenow.simulator.answers import Refusal
from integrations.servicenow.simulator.http import answer, refuse, result
from integrations.servicenow.simulator.pages import change_page
from integrations.servicenow.simulator.settings import InitialState, Profile

if TYPE_CHECKING:
    from integrations.servicenow.simulator.server import ServiceNowSimulator

Body = TypeVar("Body")


class _User(msgspec.Struct, forbid_unknown_fields=True):
    user_name: str
    name: str = ""
    email: str = ""
    password: str = ""
    active: bool = True
    roles: tuple[str, ...] = ("approver_user",)


class _Group(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    members: tuple[str, ...] = ()
    active: bool = True


class _Member(msgspec.Struct, forbid_unknown_fields=True):
    user_name: str


class _Active(msgspec.Struct, forbid_unknown_fields=True):
    active: bool


class _Planted(msgspec.Struct, forbid_unknown_fields=True):
    fields: dict[str, str]
    created_by: str = "mallory"


class _Move(msgspec.Struct, forbid_unknown_fields=True):
    state: str
    by: str = "admin"


class _Decision(msgspec.Struct, forbid_unknown_fields=True):
    user_name: str
    state: str
    comments: str = ""


class _Forced(msgspec.Struct, forbid_unknown_fields=True):
    table: str
    sys_id: str
    fields: dict[str, str]
    by: str = "system"


class _Fault(msgspec.Struct, forbid_unknown_fields=True):
    method: str
    path_regex: str
    status: int
    body: str = ""
    headers: dict[str, str] = {}
    commit_first: bool = False
    times: int = 1


class _Settings(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    profile: Profile | msgspec.UnsetType = msgspec.UNSET
    initial_state: InitialState | msgspec.UnsetType = msgspec.UNSET
    approval_delay_s: float | msgspec.UnsetType | None = msgspec.UNSET
    latency_s: float | msgspec.UnsetType = msgspec.UNSET
    hibernating: bool | msgspec.UnsetType = msgspec.UNSET
    rate_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    tasks_block_review: bool | msgspec.UnsetType = msgspec.UNSET
    assess_groups: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    authorize_groups: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class SteeringApi:
    def __init__(self, simulator: ServiceNowSimulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/_sim/changes", self.changes),
            ("POST", "/_sim/changes", self.plant),
            ("GET", "/_sim/changes/{key}", self.change),
            ("POST", "/_sim/changes/{key}/move", self.move),
            ("POST", "/_sim/changes/{key}/decide", self.decide_change),
            ("POST", "/_sim/approvals/{key}/decide", self.decide),
            ("POST", "/_sim/users", self.add_user),
            ("POST", "/_sim/users/{user_name}/active", self.set_active),
            ("POST", "/_sim/groups", self.add_group),
            ("POST", "/_sim/groups/{group}/members", self.add_member),
            ("DELETE", "/_sim/groups/{group}/members/{user_name}", self.remove_member),
            ("POST", "/_sim/force", self.force),
            ("POST", "/_sim/faults", self.fault),
            ("DELETE", "/_sim/faults", self.clear_faults),
            ("GET", "/_sim/settings", self.settings),
            ("PATCH", "/_sim/settings", self.change_settings),
            ("POST", "/_sim/run-flows", self.run_flows),
            ("GET", "/_sim/requests", self.requests),
            ("GET", "/nav/change/{key}", self.page),
        ]
        return [web.route(method, path, _guarded(handler)) for method, path, handler in table]

    async def changes(self, _request: web.Request) -> web.Response:
        return result(msgspec.to_builtins(self._simulator.changes()))

    async def change(self, request: web.Request) -> web.Response:
        return result(msgspec.to_builtins(self._simulator.change(request.match_info["key"])))

    async def plant(self, request: web.Request) -> web.Response:
        body = await _body(request, _Planted)
        return result(msgspec.to_builtins(self._simulator.plant_change(body.fields, body.created_by)), 201)

    async def move(self, request: web.Request) -> web.Response:
        body = await _body(request, _Move)
        moved = self._simulator.move(request.match_info["key"], body.state, body.by)
        return result(msgspec.to_builtins(moved))

    async def decide_change(self, request: web.Request) -> web.Response:
        body = await _body(request, _Decision)
        self._simulator.decide_change(request.match_info["key"], body.user_name, body.state, body.comments)
        return await self.change(request)

    async def decide(self, request: web.Request) -> web.Response:
        body = await _body(request, _Decision)
        self._simulator.decide(request.match_info["key"], body.user_name, body.state, body.comments)
        return result("done")

    async def add_user(self, request: web.Request) -> web.Response:
        body = await _body(request, _User)
        key = self._simulator.add_user(
            body.user_name,
            name=body.name,
            email=body.email,
            password=body.password,
            active=body.active,
            roles=body.roles,
        )
        return result({"sys_id": key}, 201)

    async def set_active(self, request: web.Request) -> web.Response:
        body = await _body(request, _Active)
        self._simulator.set_active(request.match_info["user_name"], body.active)
        return result("done")

    async def add_group(self, request: web.Request) -> web.Response:
        body = await _body(request, _Group)
        key = self._simulator.add_group(body.name, body.members, active=body.active)
        return result({"sys_id": key}, 201)

    async def add_member(self, request: web.Request) -> web.Response:
        body = await _body(request, _Member)
        key = self._simulator.add_member(request.match_info["group"], body.user_name)
        return result({"sys_id": key}, 201)

    async def remove_member(self, request: web.Request) -> web.Response:
        self._simulator.remove_member(request.match_info["group"], request.match_info["user_name"])
        return result("done")

    async def force(self, request: web.Request) -> web.Response:
        body = await _body(request, _Forced)
        self._simulator.force(body.table, body.sys_id, body.fields, body.by)
        return result("done")

    async def fault(self, request: web.Request) -> web.Response:
        body = await _body(request, _Fault)
        self._simulator.fail_next(
            body.method,
            body.path_regex,
            body.status,
            body.body,
            body.headers,
            commit_first=body.commit_first,
            times=body.times,
        )
        return result("done", 201)

    async def clear_faults(self, _request: web.Request) -> web.Response:
        self._simulator.clear_faults()
        return result("done")

    async def settings(self, _request: web.Request) -> web.Response:
        return result(msgspec.to_builtins(self._simulator.settings))

    async def change_settings(self, request: web.Request) -> web.Response:
        body = await _body(request, _Settings)
        for field in msgspec.structs.fields(_Settings):
            value = getattr(body, field.name)
            if value is not msgspec.UNSET:
                setattr(self._simulator.settings, field.name, value)
        return await self.settings(request)

    async def run_flows(self, _request: web.Request) -> web.Response:
        self._simulator.run_flows()
        return result("done")

    async def requests(self, _request: web.Request) -> web.Response:
        return result(msgspec.to_builtins(self._simulator.requests()))

    async def page(self, request: web.Request) -> web.Response:
        return change_page(self._simulator.change(request.match_info["key"]))


async def _body(request: web.Request, shape: type[Body]) -> Body:
    return msgspec.json.decode(await request.read(), type=shape)


def _guarded(handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return refuse(refusal)
        except msgspec.MsgspecError as error:
            return answer({"error": {"message": str(error), "detail": None}}, 400)
        except LookupError as error:
            return answer({"error": {"message": f"not found: {error}", "detail": None}}, 404)

    return guarded
