"""The closed words of audit records: the stages of a release and what can happen."""

from __future__ import annotations

from typing import Final, Literal, get_args

Stage = Literal["propose", "verify", "approve", "authorise", "deploy", "close", "system"]

Event = Literal[
    "release.proposed",
    "release.revised",
    "release.closed",
    "release.superseded",
    "verdict.recorded",
    "grant.recorded",
    "grant.voided",
    "grant.refused",
    "change.opened",
    "change.updated",
    "change.closed",
    "change.canceled",
    "change.alarmed",
    "decision.recorded",
    "decision.redeemed",
    "deployment.recorded",
    "deployment.violated",
    "person.seen",
    "person.link_proposed",
    "person.linked",
    "person.unlinked",
    "key.proposed",
    "key.enrolled",
    "key.revoked",
    "key.created",
    "token.created",
    "token.revoked",
    "membership.seen",
    "group.pinned",
    "effect.delivered",
    "settings.loaded",
    "audit.verified",
    "sink.delivered",
    "sink.alarmed",
    "sink.recovered",
    "service.started",
    "service.stopped",
    "delivery.refused",
]

STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
EVENTS: Final[tuple[Event, ...]] = get_args(Event)
