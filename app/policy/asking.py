"""From what a request says to assumptions: who is meant, when it would be; and what may not be asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from app.clock import SECOND
from app.policy.assumptions import Assumptions, Delegating, Pushed, Saying
from app.policy.errors import SimulationError
from app.policy.requests import Lending, Named, Push, SimulationRequest
from app.policy.said import reaches
from app.policy.situation import Situations
from app.tenants.registry import Tenant
from gates.groups import has_source
from gates.model import Policies
from gates.words import instant, listing
from manifests.errors import ManifestError
from manifests.located_yaml_scalars import parse_duration
from manifests.policy import Group
from manifests.times import from_rfc3339

MAX_AHEAD_S = 366 * 86_400


class Asking:
    def __init__(self, situations: Situations) -> None:
        self._situations = situations

    async def assumptions(self, tenant: Tenant, asked: SimulationRequest, now: int) -> Assumptions:
        """Raises SimulationError."""
        who = self._situations.who
        return Assumptions(
            at=_instant(asked.at, now) if asked.at else None,
            push=await self._push(tenant, asked.push),
            label=asked.labels.add,
            unlabel=asked.labels.remove,
            merged=asked.question == "deploy",
            revoke=tuple([await who(tenant, login) for login in asked.revoke]),
            lift=tuple([await who(tenant, login) for login in asked.lift]),
            delegate=tuple([await self._lent(tenant, one) for one in asked.delegate]),
            approve=tuple([await self._said(tenant, one) for one in asked.approve]),
            reject=tuple([await self._said(tenant, one) for one in asked.reject]),
            hold=tuple([await self._said(tenant, one) for one in asked.hold]),
        )

    async def _said(self, tenant: Tenant, one: Named) -> Saying:
        if bool(one.login) == bool(one.person):
            raise SimulationError(
                "simulation.who", "a login or a person, one of them", "both" if one.login else "none", "Name one."
            )
        if one.way is not None and one.strength is not None and not reaches(one.way, one.strength):
            raise SimulationError(
                "simulation.strength", f"a strength that {one.way} can have", one.strength,
                "Leave one of them out: it is then as the seats ask.",
            )  # fmt: skip
        return Saying(await self._situations.who(tenant, one.login, one.person), one.groups, one.strength, one.way)

    async def _lent(self, tenant: Tenant, one: Lending) -> Delegating:
        seconds = parse_duration(one.lasting) if one.lasting else None
        if one.lasting and not seconds:
            raise SimulationError("simulation.lasting", "a span such as 8h or 3d", one.lasting, "Write one.")
        who = self._situations.who
        return Delegating(await who(tenant, one.by), await who(tenant, one.to), one.groups, seconds)

    async def _push(self, tenant: Tenant, push: bool | Push) -> Pushed | None:
        if isinstance(push, bool):
            return Pushed() if push else None
        return Pushed(push.changed, await self._situations.who(tenant, push.by) if push.by else None)


def expect_known_groups(proposed: Policies, present: Policies) -> None:
    """Who may not see who is in which group may not have groups read that nobody has agreed to read: a verdict
    tells of everybody who is named whether they belong. Raises SimulationError."""
    known = _definitions(present)
    new = sorted(
        name for name, group in _named(proposed).items() if has_source(group) and group not in known
    )  # fmt: skip
    if new:
        raise SimulationError(
            "simulation.groups", "groups as the present policies define them, or a token with people.manage",
            f"a policy that asks who is in {listing(new)}",
            "Leave them as they are defined now, or ask with a token that may see people.", status=403,
        )  # fmt: skip


def expect_plain(policy: Policies) -> None:
    """Names are put into answers where marks stand for them; nobody may write one. Raises SimulationError."""
    if any("{n" in text for text in _texts(msgspec.to_builtins(policy.repository))):
        raise SimulationError("simulation.mark", "names without {n in them", "a policy with one", "Write another.")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (*_texts(key), *_texts(item))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _instant(text: str, now: int) -> int:
    seconds = parse_duration(text[1:]) if text.startswith("+") else None
    try:
        at = from_rfc3339(text) if seconds is None else now + seconds * SECOND
    except ManifestError as error:
        found = text[:40]
        expected = "an instant such as 2026-12-04T10:00:00Z, or a span such as +2d"
        raise SimulationError("simulation.at", expected, found, "Write one.") from error
    if not now <= at <= now + MAX_AHEAD_S * SECOND:
        raise SimulationError(
            "simulation.at", f"an instant from now ({instant(now)}) on, at most 366 days ahead", text[:40],
            "What was decided before now is in the log: `countersign explain` replays it.",
        )  # fmt: skip
    return at


def _named(policies: Policies) -> dict[str, Group]:
    return dict(policies.repository.groups) if policies.repository is not None else {}


def _definitions(policies: Policies) -> list[Group]:
    layers = (policies.tenant, policies.repository)
    return [group for layer in layers if layer is not None for group in layer.groups.values()]
