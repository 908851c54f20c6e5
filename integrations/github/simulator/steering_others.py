"""Steering over HTTP: labels, the checks of other Apps, statuses, roles and members of organisations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from integrations.github.simulator.others import Base, State

if TYPE_CHECKING:
    from integrations.github.simulator.steering import Steering

Values = tuple[str, ...]


class _By(msgspec.Struct):
    by: str = msgspec.field(name="as")


class _Label(_By):
    name: str


class _Check(msgspec.Struct):
    sha: str
    name: str
    conclusion: str | None = "success"
    app: str = "github-actions"


class _Conclusion(msgspec.Struct):
    conclusion: str


class _Status(_By):
    sha: str
    context: str
    state: State


class _Role(_By):
    login: str
    role: str
    base: Base | None = None


class _Member(msgspec.Struct):
    login: str
    by: str | None = msgspec.field(name="as", default=None)


def add_others(steering: Steering) -> None:
    simulator = steering.simulator

    def label(body: _Label, values: Values) -> None:
        simulator.label("/".join(values[:2]), int(values[2]), body.name, by=body.by)

    def unlabel(body: _Label, values: Values) -> None:
        simulator.unlabel("/".join(values[:2]), int(values[2]), body.name, by=body.by)

    def check(body: _Check, values: Values) -> object:
        return {"id": simulator.report_check("/".join(values), body.sha, body.name, body.conclusion, app=body.app).id}

    def finish(body: _Conclusion, values: Values) -> None:
        simulator.finish_check("/".join(values[:2]), int(values[2]), body.conclusion)

    def status(body: _Status, values: Values) -> None:
        simulator.set_status("/".join(values), body.sha, body.context, body.state, by=body.by)

    def role(body: _Role, values: Values) -> None:
        simulator.set_role("/".join(values), body.login, body.role, by=body.by, base=body.base)

    def add_member(body: _Member, values: Values) -> None:
        simulator.add_organisation_member(values[0], body.login, by=body.by)

    def remove_member(body: _Member, values: Values) -> None:
        simulator.remove_organisation_member(values[0], body.login, by=body.by)

    base = "repositories/{owner}/{repo}"
    steering.route("POST", "pulls/{owner}/{repo}/{number}/labels", _Label, label)
    steering.route("POST", "pulls/{owner}/{repo}/{number}/labels/remove", _Label, unlabel)
    steering.route("POST", base + "/checks", _Check, check)
    steering.route("POST", base + "/checks/{id}/finish", _Conclusion, finish)
    steering.route("POST", base + "/statuses", _Status, status)
    steering.route("POST", base + "/roles", _Role, role)
    steering.route("POST", "organisations/{org}/members", _Member, add_member)
    steering.route("POST", "organisations/{org}/members/remove", _Member, remove_member)
