"""Steering over HTTP: faults of the API, trouble with deliveries, and what happened so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from integrations.github.simulator.render import iso

if TYPE_CHECKING:
    from integrations.github.simulator.steering import Steering


class _Fault(msgspec.Struct):
    path: str
    method: str = "*"
    status: int = 500
    body: str = '{"message":"Server Error"}'
    headers: dict[str, str] | None = None
    commit_first: bool = False
    drop: bool = False
    hang_s: float = 0.0
    times: int = 1


class _RateLimit(msgspec.Struct):
    times: int = 1
    retry_after_s: int | None = None
    status: int = 403
    primary: bool = False


class _Deliveries(msgspec.Struct):
    lose: int = 0
    logged: bool = True
    double: int = 0
    delay: int = 0
    delay_s: float = 0.0
    reorder: int = 0
    paused: bool | None = None


class _Latency(msgspec.Struct):
    seconds: float


class _Nothing(msgspec.Struct):
    pass


def add_trouble(steering: Steering) -> None:
    simulator = steering.simulator

    def fault(body: _Fault, values: tuple[str, ...]) -> object:
        simulator.fail_next(
            body.method,
            body.path,
            body.status,
            body.body.encode(),
            body.headers,
            commit_first=body.commit_first,
            drop=body.drop,
            hang_s=body.hang_s,
            times=body.times,
        )
        return None

    def no_faults(body: _Nothing, values: tuple[str, ...]) -> None:
        simulator.faults.clear()

    def rate_limit(body: _RateLimit, values: tuple[str, ...]) -> object:
        simulator.limit_rate(body.times, retry_after_s=body.retry_after_s, status=body.status, primary=body.primary)
        return None

    def deliveries(body: _Deliveries, values: tuple[str, ...]) -> object:
        simulator.lose_next(body.lose, logged=body.logged)
        simulator.double_next(body.double)
        simulator.delay_next(body.delay_s, body.delay)
        if body.reorder:
            simulator.reorder_next(body.reorder)
        if body.paused is not None:
            (simulator.deliveries.pause if body.paused else simulator.deliveries.resume)()
        return None

    def log(body: _Nothing, values: tuple[str, ...]) -> object:
        return [
            {
                "id": one.id,
                "guid": one.guid,
                "event": one.event,
                "action": one.action,
                "status": one.status,
                "status_code": one.status_code,
                "redelivery": one.redelivery,
                "delivered_at": iso(one.delivered_at),
            }
            for one in simulator.deliveries.log
        ]

    def latency(body: _Latency, values: tuple[str, ...]) -> object:
        simulator.faults.latency_s = body.seconds
        return None

    def calls(body: _Nothing, values: tuple[str, ...]) -> object:
        return [{"method": method, "path": path, "status": status} for method, path, status in simulator.calls]

    async def settle(body: _Nothing, values: tuple[str, ...]) -> None:
        await simulator.settle()

    steering.route("POST", "faults", _Fault, fault)
    steering.route("POST", "faults/clear", _Nothing, no_faults)
    steering.route("POST", "rate-limit", _RateLimit, rate_limit)
    steering.route("POST", "latency", _Latency, latency)
    steering.route("POST", "deliveries", _Deliveries, deliveries)
    steering.route("GET", "deliveries", _Nothing, log)
    steering.route("GET", "calls", _Nothing, calls)
    steering.route("POST", "settle", _Nothing, settle)
