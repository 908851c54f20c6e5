"""Deliveries that most often change nothing: whether one does is told by what is stored, without asking GitHub.

What changes nothing is stored as ignored, and causes no work. In doubt it does: whatever was not judged yet, and
whatever comes of a kind not named here.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from app.db.tx import Tx
from app.inbox.store import StoredDelivery
from app.pulls import store as pulls
from app.work import store as work
from integrations.github.events import (
    CheckRunEvent,
    CommentEvent,
    EventError,
    PullRequestEvent,
    ReviewEvent,
    StatusEvent,
    parse_event,
)
from integrations.github.webhook import Delivery
from manifests.command import parse_command

_PASSING = frozenset(
    {
        "assigned", "unassigned", "review_requested", "review_request_removed", "locked", "unlocked", "milestoned",
        "demilestoned", "auto_merge_enabled", "auto_merge_disabled", "enqueued", "dequeued",
    }
)  # fmt: skip
"""What happens to a pull request and is no part of any question."""
_CHECKS = ("check_run", "status")


class Never(msgspec.Struct, frozen=True):
    """It changes nothing, whatever is stored."""


class IfHeard(msgspec.Struct, frozen=True):
    """It matters if something was made of this comment or review before."""

    number: int
    object: str


class IfLabels(msgspec.Struct, frozen=True):
    """It matters if a condition asks for labels."""

    number: int


class IfTitle(msgspec.Struct, frozen=True):
    """It matters if the title is the reason of a release; else only what is shown changes."""

    number: int
    title: str


class IfRequired(msgspec.Struct, frozen=True):
    """It matters if the check ``name`` of ``app`` is required at this head of a pull request that is not closed."""

    sha: str
    name: str
    app: str


Doubt: TypeAlias = Never | IfHeard | IfLabels | IfTitle | IfRequired


def doubt(delivery: Delivery, body: bytes, own_app: int | None = None) -> Doubt | None:
    """What has to be so for this delivery to matter; None where it always does."""
    if delivery.event == "pull_request" and delivery.action in _PASSING:
        return Never()
    if not (delivery.event in ("issue_comment", "pull_request_review", *_CHECKS) or _of_a_pull(delivery)):
        return None
    try:
        event = parse_event(delivery.event, body)
    except EventError:
        return None
    match event:
        case CommentEvent():
            return _comment(event)
        case ReviewEvent(action="submitted", state="commented"):
            return Never()
        case ReviewEvent(action="edited" | "dismissed"):
            return IfHeard(event.number, f"review:{event.review_id}")
        case PullRequestEvent(action="labeled" | "unlabeled"):
            return IfLabels(event.number)
        case PullRequestEvent(action="edited", base_from=None):
            return IfTitle(event.number, event.title)
        case CheckRunEvent(action="created" | "completed"):
            ours = own_app is not None and event.app_id == own_app
            return Never() if ours else IfRequired(event.head_sha, event.name, event.app)
        case StatusEvent():
            return IfRequired(event.sha, event.context, "status")
        case _:
            return None


def _of_a_pull(delivery: Delivery) -> bool:
    return delivery.event == "pull_request" and delivery.action in ("labeled", "unlabeled", "edited")


def _comment(event: CommentEvent) -> Doubt | None:
    if event.action == "created":
        return Never() if parse_command(event.body) is None else None
    return IfHeard(event.number, f"comment:{event.comment_id}")


def matters(tx: Tx, delivery: StoredDelivery, about: Doubt | None) -> bool:
    """Whether the delivery may change anything. What only changes how something is shown is changed here."""
    repository = delivery.repository_id
    if about is None or repository is None:
        return True
    if isinstance(about, Never):
        return False
    if isinstance(about, IfRequired):
        return any(
            _in_hand(tx, delivery, number) or found is None or found.requires(about.name, about.app)
            for number, found in pulls.watched(tx, repository, about.sha)
        )
    if _in_hand(tx, delivery, about.number):
        return True
    if isinstance(about, IfHeard):
        return pulls.was_observed(tx, repository, about.number, about.object)
    found = pulls.watches_of(tx, repository, about.number)
    if found is None or isinstance(about, IfLabels):
        return found is None or found.labels
    if not found.title:
        pulls.retitle(tx, repository, about.number, about.title)
    return found.title


def _in_hand(tx: Tx, delivery: StoredDelivery, number: int) -> bool:
    """Whether the pull request is being judged, or about to be: what it depends on then is not known yet."""
    return work.in_hand(tx, f"pull/{delivery.repository_id}/{number}", delivery.received_at)
