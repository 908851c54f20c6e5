"""From a verified delivery to what it shows: heads that came and went, and what people said."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.inbox.store import StoredDelivery
from app.pulls.store import ARRIVED, LEFT, Head, Observation
from integrations.github.events import CommentEvent, Event, PullRequestEvent, ReviewEvent
from integrations.github.port import Account
from manifests.command import Command, parse_command

_ARRIVING = ("opened", "synchronize")


class Said(msgspec.Struct, frozen=True):
    """What an observation holds besides who and when. ``at`` is GitHub's own time, in microseconds since 1970
    UTC; ``sha`` the commit a review was given for; ``base_ref`` the base at that moment."""

    at: int
    account: Account | None = None
    sender_id: int | None = None
    sha: str = ""
    base_ref: str = ""
    body: str = ""
    via_app: bool = False


class Sighting(msgspec.Struct, frozen=True):
    heads: tuple[Head, ...] = ()
    observations: tuple[tuple[Observation, Said], ...] = ()


def sight(event: Event, delivery: StoredDelivery) -> Sighting:
    """What this delivery shows of its pull request; nothing for events that show nothing."""
    match event:
        case PullRequestEvent():
            return Sighting(_heads(event, delivery), _pull(event, delivery))
        case CommentEvent():
            return Sighting(observations=_comment(event, delivery))
        case ReviewEvent():
            return Sighting(observations=_review(event, delivery))
        case _:
            return Sighting()


def overtaken(
    before: Iterable[tuple[Observation, Said]], events: Iterable[Event | None]
) -> tuple[tuple[Observation, Said], ...]:
    """Approvals whose delivery came before that of the push they are about: to be heard again, now that it came.

    What was said before the push, of a commit that nobody could see there yet, is not among them.
    """
    pushed = {
        event.after or event.head_sha: event.updated_at
        for event in events
        if isinstance(event, PullRequestEvent) and event.action in _ARRIVING
    }
    return tuple((seen, said) for seen, said in before if said.at >= pushed.get(_approved(seen, said), said.at + 1))


def _approved(seen: Observation, said: Said) -> str:
    """The commit that an observation approves; empty for any other."""
    if seen.kind == "review.approved":
        return said.sha
    command = parse_command(said.body) if seen.kind == "comment.created" else None
    return (command.sha or "") if isinstance(command, Command) and command.verb == "approve" else ""


def actor(account: Account | None) -> str:
    return f"github:{account.id}" if account is not None else ""


def _heads(event: PullRequestEvent, delivery: StoredDelivery) -> tuple[Head, ...]:
    if event.action not in _ARRIVING:
        return ()
    came = Head(event.after or event.head_sha, ARRIVED, actor(event.sender), delivery.received_at, delivery.digest)
    if event.action == "opened" or event.before is None or event.before == came.sha:
        return (came,)
    return came, Head(event.before, LEFT, actor(event.sender), delivery.received_at, delivery.digest)


def _pull(event: PullRequestEvent, delivery: StoredDelivery) -> tuple[tuple[Observation, Said], ...]:
    if event.action == "closed" and not event.merged:
        said = Said(event.closed_at or event.updated_at, sender_id=_id(event.sender), sha=event.head_sha)
        return (_observation("pull.closed", "pull", event.sender, delivery, said),)
    if event.base_from is not None:
        said = Said(event.updated_at, sender_id=_id(event.sender), sha=event.head_sha, base_ref=event.base_from)
        return (_observation("pull.retargeted", "pull", event.sender, delivery, said),)
    return ()


def _comment(event: CommentEvent, delivery: StoredDelivery) -> tuple[tuple[Observation, Said], ...]:
    if not event.is_pull or event.action not in ("created", "edited", "deleted"):
        return ()
    if event.action == "created" and parse_command(event.body) is None:
        return ()
    said = Said(
        event.created_at, event.author, _id(event.sender), body=event.body if event.action == "created" else "",
        via_app=event.via_app,
    )  # fmt: skip
    kind = f"comment.{event.action}"
    return (_observation(kind, f"comment:{event.comment_id}", event.sender, delivery, said),)


def _review(event: ReviewEvent, delivery: StoredDelivery) -> tuple[tuple[Observation, Said], ...]:
    kind = event.state if event.action == "submitted" else event.action
    if kind not in ("approved", "changes_requested", "dismissed", "edited"):
        return ()
    said = Said(
        event.submitted_at or delivery.received_at, event.author, _id(event.sender), event.commit_sha or "",
        event.base_ref, event.body if event.action == "submitted" else "", event.via_app,
    )  # fmt: skip
    return (_observation(f"review.{kind}", f"review:{event.review_id}", event.sender, delivery, said),)


def _observation(
    kind: str, about: str, sender: Account | None, delivery: StoredDelivery, said: Said
) -> tuple[Observation, Said]:
    observation = Observation(
        id=f"{about}/{kind}/{delivery.digest}", kind=kind, object=about, actor=actor(sender),
        received_at=delivery.received_at, delivery=delivery.digest, body_json=msgspec.json.encode(_kept(said)).decode(),
    )  # fmt: skip
    return observation, said


def _kept(said: Said) -> Said:
    """Without the login: observations are never removed, and the account's number says whose they are."""
    if said.account is None:
        return said
    return msgspec.structs.replace(said, account=msgspec.structs.replace(said.account, login=""))


def _id(account: Account | None) -> int | None:
    return account.id if account is not None else None
