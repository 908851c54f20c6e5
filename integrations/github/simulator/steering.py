"""The steering interface over HTTP, under ``/_sim/``: what people and trouble do, for another process.

Bodies are JSON objects; ``as`` names who acts. Answers are JSON; 404 for an unknown name, 4xx in GitHub's form
where GitHub would refuse. ``GET /_sim/`` lists the addresses.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from integrations.github.simulator.wire import Call, Problem, Reply, Router
from integrations.github.simulator.world import UnknownNameError

if TYPE_CHECKING:
    from integrations.github.simulator.server import GitHubSimulator

Act = Callable[[Any, tuple[str, ...]], object | Awaitable[object]]


class Nothing(msgspec.Struct):
    pass


@dataclasses.dataclass
class _Route:
    body: type[msgspec.Struct]
    act: Act


class Steering:
    """Routes of the steering interface; the acts are in steering_people, steering_work and steering_trouble."""

    def __init__(self, simulator: GitHubSimulator) -> None:
        from integrations.github.simulator.steering_others import add_others
        from integrations.github.simulator.steering_people import add_people
        from integrations.github.simulator.steering_trouble import add_trouble
        from integrations.github.simulator.steering_work import add_work

        self.simulator = simulator
        self._router: Router[_Route] = Router()
        self._known: list[str] = []
        self.route("GET", "", Nothing, lambda body, values: {"addresses": self._known})
        add_people(self)
        add_work(self)
        add_others(self)
        add_trouble(self)

    def route(self, method: str, template: str, body: type[msgspec.Struct], act: Act) -> None:
        """``act`` gets the decoded body and the variable parts of the path."""
        address = f"/_sim/{template}"
        fields = " ".join(field.encode_name for field in msgspec.structs.fields(body))
        self._known.append(f"{method} {address} {fields}".rstrip())
        self._router.add(method, address, _Route(body, act))

    async def answer(self, method: str, raw_path: str, query: str, body: bytes) -> Reply:
        found = self._router.find(method, raw_path)
        if found is None:
            return Problem(404, f"no steering address {method} {raw_path}; GET /_sim/ lists them").reply()
        route, values = found
        try:
            asked = Call(method, raw_path, values, {}, {}, body).read(route.body)
            result = route.act(asked, values)
            if inspect.isawaitable(result):
                result = await result
        except Problem as problem:
            return problem.reply()
        except (UnknownNameError, KeyError, ValueError) as error:
            return Problem(404, str(error)).reply()
        return Reply(200, {} if result is None else result)
