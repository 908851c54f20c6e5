"""What the ServiceNow tests share: a clock set by hand, and a caller of the simulator's APIs."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from integrations.servicenow.port import NewChange
from integrations.servicenow.simulator import ServiceNowSimulator

START = 1_790_000_000_000_000
CHANGES = "/api/now/table/change_request"
CORRELATION = "c0ffee00" * 4
HTML = "<html><body>Your instance is hibernating</body></html>"


class HandClock:
    """Microseconds since 1970 UTC; stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: int) -> None:
        self.now += seconds * 1_000_000


class Answer(msgspec.Struct, frozen=True):
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def result(self) -> Any:
        return self.body["result"]

    @property
    def detail(self) -> str:
        return str(self.body["error"]["detail"])


class Rest:
    """Calls an API of the simulator as one user, without keeping cookies."""

    def __init__(self, simulator: ServiceNowSimulator, session: aiohttp.ClientSession) -> None:
        self._simulator = simulator
        self._session = session

    async def call(
        self,
        method: str,
        path: str,
        body: object | None = None,
        *,
        user: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        name, password = user or (self._simulator.user, self._simulator.password)
        secret = base64.b64encode(f"{name}:{password}".encode()).decode()
        async with self._session.request(
            method,
            self._simulator.base_url + path,
            params=params,
            json=body,
            headers={"Authorization": f"Basic {secret}", **(headers or {})},
        ) as answer:
            text = await answer.text()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return Answer(answer.status, json.loads(text) if is_json and text else text, dict(answer.headers))

    async def table(self, name: str, query: str = "", **params: str) -> list[dict[str, Any]]:
        answer = await self.call("GET", f"/api/now/table/{name}", params={"sysparm_query": query, **params})
        assert answer.status == 200
        rows: list[dict[str, Any]] = answer.result
        return rows


def new_change(**changed: Any) -> NewChange:
    change = NewChange(
        correlation_id=CORRELATION,
        type="normal",
        short_description="Release intraday-policy 3.2.0",
        description="What is released and why",
        implementation_plan="Swap the model",
        backout_plan="Swap it back",
        test_plan="Compare with the back-test",
        justification="Fewer breaches",
        risk="moderate",
        assignment_group="Change Management",
    )
    return msgspec.structs.replace(change, **changed)


def group_id(simulator: ServiceNowSimulator, name: str = "Change Management") -> str:
    return simulator.instance.store.find("sys_user_group", name=name)[0]["sys_id"]


async def open_row(rest: Rest, simulator: ServiceNowSimulator, kind: str = "normal", **fields: str) -> str:
    body = {"type": kind, "assignment_group": group_id(simulator), **fields}
    answer = await rest.call("POST", CHANGES, body)
    key: str = answer.result["sys_id"]
    return key


async def patch(rest: Rest, key: str, **fields: str) -> Answer:
    return await rest.call("PATCH", f"{CHANGES}/{key}", fields)
