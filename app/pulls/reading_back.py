"""What people said, as GitHub shows it now: only what still stands as it was delivered grants anything."""

from __future__ import annotations

from collections.abc import Sequence

from app.clock import SECOND
from app.facts.gather import LaggingError
from app.pulls.observe import Said
from app.pulls.store import Observation, Repository
from integrations.errors import NotFoundError
from integrations.github.port import Comment, GitHub, Review
from manifests.command import Command, parse_command

LAG_S = 60
"""How long something that GitHub told us of may be missing from its API."""


async def read_back(
    github: GitHub, repository: Repository, number: int, fresh: Sequence[tuple[Observation, Said]], now: int
) -> dict[str, Comment | Review | None]:
    """What GitHub shows now of everything that would grant or lift something.

    Raises LaggingError while it may only be too new: GitHub's API lags behind its own webhooks.
    """
    found: dict[str, Comment | Review | None] = {}
    deleted = {observation.object for observation, _ in fresh if observation.kind == "comment.deleted"}
    for observation, said in fresh:
        about, _, identity = observation.object.partition(":")
        command = parse_command(said.body) if observation.kind == "comment.created" else None
        granting = isinstance(command, Command) and command.verb in ("approve", "unhold", "delegate")
        try:
            if about == "comment" and granting:
                found[observation.object] = await github.comment(repository.name, int(identity))
            elif observation.kind == "review.approved":
                found[observation.object] = await github.review(repository.name, number, int(identity))
        except NotFoundError as error:
            if observation.object not in deleted and now - observation.received_at < LAG_S * SECOND:
                raise LaggingError(f"expected {observation.object}, found nothing there yet") from error
            found[observation.object] = None
    return found


def not_as_told(found: Comment | Review | None, said: Said) -> str:
    """Why what was said grants nothing as GitHub shows it now; empty where it still stands as it was delivered."""
    author = found.author.id if found is not None and found.author is not None else None
    if found is None or said.account is None or author != said.account.id:
        return "What you said is no longer there, so it does not count."
    if isinstance(found, Comment):
        same = found.body == said.body and found.updated_at == found.created_at and found.by_app is None
        return "" if same else "Your comment was edited, so it never counts. Write a new one."
    return "" if found.state.upper() == "APPROVED" else "Your review is no longer an approval, so it does not count."
