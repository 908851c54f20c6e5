"""The REST API: routing, authentication, permissions. The operations are in api_app, api_code and api_work."""

from __future__ import annotations

import dataclasses

from integrations.github.simulator.access import Access
from integrations.github.simulator.model import Pull, Repository
from integrations.github.simulator.operating import OperationActions
from integrations.github.simulator.wire import Call, Handle, Problem, Reply, Router

Needs = tuple[str, str]


@dataclasses.dataclass
class Operation:
    """``needs`` None: called with a JWT, else with a token that holds this permission."""

    handle: Handle
    needs: Needs | None


class Api:
    """Answers API calls on a stage."""

    def __init__(self, stage: OperationActions) -> None:
        self.stage = stage
        self.access = Access(stage.world)
        self._router: Router[Operation] = Router()

    def route(self, method: str, template: str, handle: Handle, needs: Needs | None) -> None:
        self._router.add(method, template, Operation(handle, needs))

    def answer(self, call: Call, raw_path: str) -> Reply:
        try:
            found = self._router.find(call.method, raw_path)
            if found is None:
                raise Problem(404, "Not Found")
            operation, call.values = found
            if operation.needs is None:
                call.app = self.access.app(call)
            else:
                call.token = self.access.token(call)
                self.access.permit(call, *operation.needs)
            return operation.handle(call)
        except Problem as problem:
            return problem.reply()

    def repository(self, call: Call) -> Repository:
        """The repository named by the first two variables of the path."""
        name = f"{call.values[0]}/{call.values[1]}".lower()
        found = self.stage.world.repositories.get(name) or self.stage.world.moved.get(name)
        if found is None or call.token is None or not self.access.sees(call.token, found):
            raise Problem(404, "Not Found")
        if found.full_name.lower() != name:
            raise Problem(301, "Moved Permanently")
        return found

    def pull(self, call: Call) -> tuple[Repository, Pull]:
        """The pull request named by the third variable of the path."""
        repository = self.repository(call)
        pull = repository.pulls.get(number(call.values[2]))
        if pull is None:
            raise Problem(404, "Not Found")
        return repository, pull

    def url(self, call: Call) -> str:
        return self.stage.render.base + call.path


def number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise Problem(404, "Not Found")
    return int(text)
