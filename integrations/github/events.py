"""Reading a verified delivery: from raw bytes to one frozen event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from integrations.github import payloads, payloads_operations
from integrations.github.event_types import (
    CheckRunEvent,
    CheckSuiteEvent,
    CommentEvent,
    DeploymentStatusEvent,
    Event,
    InstallationEvent,
    MembershipEvent,
    MergeGroupEvent,
    OrganisationEvent,
    Other,
    ProtectionRuleEvent,
    PullRequestEvent,
    PushEvent,
    RepositoryEvent,
    ReviewEvent,
    RoleEvent,
    StatusEvent,
)

__all__ = [
    "CheckRunEvent",
    "CheckSuiteEvent",
    "CommentEvent",
    "DeploymentStatusEvent",
    "Event",
    "EventError",
    "InstallationEvent",
    "MembershipEvent",
    "MergeGroupEvent",
    "OrganisationEvent",
    "Other",
    "ProtectionRuleEvent",
    "PullRequestEvent",
    "PushEvent",
    "RepositoryEvent",
    "ReviewEvent",
    "RoleEvent",
    "StatusEvent",
    "parse_event",
]


class EventError(ValueError):
    """A verified body lacks a field that we use, or has it in another form."""

    code = "webhook.unreadable_event"


class _Payload(Protocol):
    def read(self, event: str) -> Event: ...


class _Decoder(Protocol):
    def decode(self, body: bytes, /) -> _Payload: ...


_DECODERS: Mapping[str, _Decoder] = {
    "check_run": msgspec.json.Decoder(payloads_operations.CheckRunPayload),
    "check_suite": msgspec.json.Decoder(payloads_operations.CheckSuitePayload),
    "deployment_protection_rule": msgspec.json.Decoder(payloads_operations.ProtectionRulePayload),
    "deployment_status": msgspec.json.Decoder(payloads_operations.DeploymentStatusPayload),
    "installation": msgspec.json.Decoder(payloads_operations.InstallationPayload),
    "installation_repositories": msgspec.json.Decoder(payloads_operations.InstallationPayload),
    "issue_comment": msgspec.json.Decoder(payloads.CommentPayload),
    "member": msgspec.json.Decoder(payloads_operations.RolePayload),
    "membership": msgspec.json.Decoder(payloads_operations.MembershipPayload),
    "organization": msgspec.json.Decoder(payloads_operations.OrganisationPayload),
    "merge_group": msgspec.json.Decoder(payloads_operations.MergeGroupPayload),
    "pull_request": msgspec.json.Decoder(payloads.PullRequestPayload),
    "pull_request_review": msgspec.json.Decoder(payloads.ReviewPayload),
    "push": msgspec.json.Decoder(payloads_operations.PushPayload),
    "repository": msgspec.json.Decoder(payloads_operations.RepositoryPayload),
    "status": msgspec.json.Decoder(payloads_operations.StatusPayload),
}
_OTHER: _Decoder = msgspec.json.Decoder(payloads.OtherPayload)


def parse_event(event: str, body: bytes) -> Event:
    """The event in a verified body; EventError when a field that we use is missing or of another form."""
    problem = ""
    try:
        return _DECODERS.get(event, _OTHER).decode(body).read(event)
    except RecursionError:
        problem = "nesting too deep"
    except (msgspec.MsgspecError, ValueError) as error:
        problem = str(error)[:200]
    raise EventError(f"expected a payload of {event[:64]} with the fields that we use, found: {problem}")
