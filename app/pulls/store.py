"""What was seen of pull requests. Heads, observations and prompts are append-only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, text

from app.db.tx import Tx
from app.pulls.watches import Watches, decode
from app.rebuild.heads import HeadRow
from app.rebuild.prompts import PromptRow
from app.rebuild.pushes import PushRow, say_push

_REPOSITORY = text("SELECT id, tenant, name, installation_id FROM repositories WHERE id = :id")
_REPOSITORY_NAMED = text(
    "SELECT id, tenant, name, installation_id FROM repositories WHERE tenant = :tenant AND lower(name) = :name"
)
_REPOSITORIES = text("SELECT id, tenant, name, installation_id FROM repositories ORDER BY id")
_SEE_REPOSITORY = text(
    "INSERT INTO repositories (id, tenant, name, installation_id, seen_at)"
    " VALUES (:id, :tenant, :name, :installation_id, :at) ON CONFLICT (id) DO UPDATE SET"
    " tenant = excluded.tenant, name = excluded.name, installation_id = excluded.installation_id,"
    " seen_at = excluded.seen_at WHERE repositories.name <> excluded.name"
    " OR repositories.installation_id <> excluded.installation_id OR repositories.tenant <> excluded.tenant"
)
_PULL = text(
    "INSERT INTO pulls (repository_id, number, tenant, state, base_ref, head_sha, author, title, outcome, notes_json,"
    " watches_json, updated_at) VALUES (:repository_id, :number, :tenant, :state, :base_ref, :head_sha, :author,"
    " :title, :outcome, :notes_json, :watches_json, :at)"
    " ON CONFLICT (repository_id, number) DO UPDATE SET state = excluded.state, base_ref = excluded.base_ref,"
    " head_sha = excluded.head_sha, title = excluded.title, outcome = excluded.outcome,"
    " notes_json = excluded.notes_json, watches_json = excluded.watches_json,"
    " updated_at = excluded.updated_at"
)
_NOTES = text(
    "SELECT notes_json, base_ref, head_sha FROM pulls WHERE repository_id = :repository_id AND number = :number"
)
_TWINS = text(
    "SELECT number, outcome FROM pulls WHERE repository_id = :repository_id AND head_sha = :head_sha"
    " AND base_ref = :base_ref AND state = 'open' AND number <> :number ORDER BY number"
)
_OPEN = text("SELECT number, base_ref, head_sha FROM pulls WHERE repository_id = :repository_id AND state = 'open'")
_WATCHED = text("SELECT number, watches_json FROM pulls WHERE repository_id = :repository_id AND state = 'open'")
_AT_HEAD = text(
    # Also of a merged one: what it released may still be waiting to go live.
    "SELECT number, watches_json FROM pulls WHERE repository_id = :repository_id AND state <> 'closed'"
    " AND head_sha = :head_sha"
)
_WATCHES = text("SELECT watches_json FROM pulls WHERE repository_id = :repository_id AND number = :number")
_RETITLE = text(
    # An empty one belongs to somebody who was erased.
    "UPDATE pulls SET title = :title WHERE repository_id = :repository_id AND number = :number AND title <> ''"
)
_WAS_OBSERVED = text(
    "SELECT 1 AS found FROM observations WHERE repository_id = :repository_id AND number = :number"
    " AND object = :object LIMIT 1"
)
_HEADS = text(
    "SELECT sha, event, actor, received_at FROM heads WHERE repository_id = :repository_id AND number = :number"
)
_HEAD = text(
    "INSERT INTO heads (repository_id, number, sha, event, actor, received_at, delivery)"
    " VALUES (:repository_id, :number, :sha, :event, :actor, :received_at, :delivery)"
    " ON CONFLICT (repository_id, number, sha, event) DO NOTHING"
)
_OBSERVATION = text(
    "INSERT INTO observations (id, repository_id, number, kind, object, actor, received_at, delivery, body_json)"
    " VALUES (:id, :repository_id, :number, :kind, :object, :actor, :received_at, :delivery, :body_json)"
    " ON CONFLICT (id) DO NOTHING"
)
_OBSERVED = text(
    "SELECT id, kind, object, actor, received_at, delivery, body_json FROM observations"
    " WHERE repository_id = :repository_id AND number = :number ORDER BY received_at, id"
)
_COMMENTS_SINCE = text(
    "SELECT id, kind, object, actor, received_at, delivery, body_json FROM observations"
    " WHERE repository_id = :repository_id AND kind = 'comment.created' AND received_at >= :since"
    " ORDER BY received_at, id"
)
_PROMPT = text(
    "INSERT INTO prompts (repository_id, number, head_sha, digest, environments_json, posted_at, documents_json)"
    " VALUES (:repository_id, :number, :head_sha, :digest, :environments_json, :posted_at, :documents_json)"
    " ON CONFLICT (repository_id, number, head_sha, digest) DO NOTHING"
)
_PROMPTS = text(
    "SELECT head_sha, digest, environments_json, posted_at, documents_json FROM prompts"
    " WHERE repository_id = :repository_id AND number = :number ORDER BY posted_at"
)

_PUSH = text(
    "INSERT INTO pushes (repository_id, sha, actor, before, received_at)"
    " VALUES (:repository_id, :sha, :actor, :before, :received_at) ON CONFLICT DO NOTHING"
)

ARRIVED = "arrived"
LEFT = "left"
PUSHED = "pushed"


class Repository(msgspec.Struct, frozen=True):
    id: int
    tenant: str
    name: str
    installation_id: int


class Head(msgspec.Struct, frozen=True):
    """A commit that was the head (``arrived``, pushed by ``actor``), ceased to be (``left``), or was pushed to the
    branch by ``actor`` before the pull request was opened (``pushed``)."""

    sha: str
    event: str
    actor: str
    received_at: int
    delivery: str = ""


class Observation(msgspec.Struct, frozen=True):
    """Something said in a verified delivery. ``object`` is ``comment:<id>``, ``review:<id>`` or ``pull``."""

    id: str
    kind: str
    object: str
    actor: str
    received_at: int
    delivery: str
    body_json: str


class Prompt(msgspec.Struct, frozen=True):
    """Our comment as people saw it for a head: the environments it listed, its digest, since when, and the SHA-256 of
    the documents it listed."""

    head_sha: str
    digest: str
    environments: tuple[str, ...]
    posted_at: int
    documents: tuple[str, ...] = ()


def repository(tx: Tx, repository_id: int) -> Repository | None:
    row = tx.first(_REPOSITORY, id=repository_id)
    return None if row is None else Repository(*tuple(row))


def repository_named(tx: Tx, tenant: str, name: str) -> Repository | None:
    row = tx.first(_REPOSITORY_NAMED, tenant=tenant, name=name.lower())
    return None if row is None else Repository(*tuple(row))


def repositories(tx: Tx) -> tuple[Repository, ...]:
    return tuple(Repository(*tuple(row)) for row in tx.all(_REPOSITORIES))


def see_repository(tx: Tx, repository: Repository, at: int) -> None:
    tx.run(_SEE_REPOSITORY, at=at, **msgspec.structs.asdict(repository))


def save_pull(
    tx: Tx, *, repository_id: int, number: int, tenant: str, state: str, base_ref: str, head_sha: str, author: str,
    title: str, outcome: str, notes_json: str, at: int, watches_json: str = "",
) -> None:  # fmt: skip
    """PostgreSQL keeps no NUL in a text, and anybody may write one into a title."""
    tx.run(
        _PULL, repository_id=repository_id, number=number, tenant=tenant, state=state, base_ref=base_ref,
        head_sha=head_sha, author=author, title=_storable(title), outcome=outcome, notes_json=notes_json,
        watches_json=watches_json, at=at,
    )  # fmt: skip


def retitle(tx: Tx, repository_id: int, number: int, title: str) -> None:
    """What a pull request is called now, where its title is shown."""
    tx.run(_RETITLE, repository_id=repository_id, number=number, title=_storable(title))


def _storable(title: str) -> str:
    return title.replace("\0", "\ufffd")


def watched(tx: Tx, repository_id: int, head_sha: str = "") -> tuple[tuple[int, Watches | None], ...]:
    """(number, what its verdict depends on) of each open pull request, or of those open or merged with this head."""
    if head_sha:
        rows = tx.all(_AT_HEAD, repository_id=repository_id, head_sha=head_sha)
    else:
        rows = tx.all(_WATCHED, repository_id=repository_id)
    return tuple((row.number, decode(row.watches_json)) for row in rows)


def watches_of(tx: Tx, repository_id: int, number: int) -> Watches | None:
    """What the verdict on a pull request depends on; None where that is not known."""
    row = tx.first(_WATCHES, repository_id=repository_id, number=number)
    return None if row is None else decode(row.watches_json)


def was_observed(tx: Tx, repository_id: int, number: int, object: str) -> bool:
    """Whether something was seen in this comment or review before."""
    return tx.first(_WAS_OBSERVED, repository_id=repository_id, number=number, object=object) is not None


def pull_notes(tx: Tx, repository_id: int, number: int) -> tuple[str, str, str]:
    """The stored answers as JSON, and the base ref and the head as last seen."""
    row = tx.first(_NOTES, repository_id=repository_id, number=number)
    return ("[]", "", "") if row is None else (row.notes_json, row.base_ref, row.head_sha)


def twins(tx: Tx, repository_id: int, number: int, head_sha: str, base_ref: str) -> tuple[tuple[int, str], ...]:
    """(number, outcome) of other open pull requests that share head and base, and so the check run."""
    rows = tx.all(_TWINS, repository_id=repository_id, number=number, head_sha=head_sha, base_ref=base_ref)
    return tuple((row.number, row.outcome) for row in rows)


def open_pulls(tx: Tx, repository_id: int) -> tuple[tuple[int, str, str], ...]:
    """(number, base ref, head SHA)."""
    return tuple((r.number, r.base_ref, r.head_sha) for r in tx.all(_OPEN, repository_id=repository_id))


def heads(tx: Tx, repository_id: int, number: int) -> tuple[Head, ...]:
    rows = tx.all(_HEADS, repository_id=repository_id, number=number)
    return tuple(Head(row.sha, row.event, row.actor, row.received_at) for row in rows)


def heads_of(rows: Iterable[HeadRow]) -> tuple[Head, ...]:
    return tuple(Head(row.sha, row.event, row.actor, row.received_at, row.delivery) for row in rows)


def heads_before(rows: Iterable[PushRow]) -> tuple[Head, ...]:
    """Pushes to the branch before the pull request was opened, as heads."""
    found = {f"{row.sha} {row.actor}": row for row in rows}
    return tuple(Head(row.sha, f"{PUSHED} {row.actor}", row.actor, row.received_at) for row in found.values())


def add_push(tx: Tx, tenant: str, push: PushRow) -> None:
    """A push that brought a branch from ``before`` to ``sha``, and its record; once."""
    if tx.run(_PUSH, **msgspec.structs.asdict(push)).rowcount:
        say_push(tx, tenant, push)


def add_heads(tx: Tx, repository_id: int, number: int, heads: Sequence[Head]) -> None:
    rows = [{"repository_id": repository_id, "number": number, **msgspec.structs.asdict(head)} for head in heads]
    tx.run_many(_HEAD, rows)


def observations(tx: Tx, repository_id: int, number: int) -> tuple[Observation, ...]:
    return tuple(Observation(*tuple(row)) for row in tx.all(_OBSERVED, repository_id=repository_id, number=number))


def comments_since(tx: Tx, repository_id: int, since: int) -> tuple[Observation, ...]:
    """What was said in any pull request of the repository and received at ``since`` or later."""
    return tuple(Observation(*tuple(row)) for row in tx.all(_COMMENTS_SINCE, repository_id=repository_id, since=since))


def add_observations(tx: Tx, repository_id: int, number: int, observations: Sequence[Observation]) -> None:
    key = {"repository_id": repository_id, "number": number}
    tx.run_many(_OBSERVATION, [{**key, **msgspec.structs.asdict(seen)} for seen in observations])


def prompts_of(rows: Iterable[PromptRow]) -> tuple[Prompt, ...]:
    return tuple(map(_prompt, rows))


def prompts(tx: Tx, repository_id: int, number: int) -> tuple[Prompt, ...]:
    return tuple(map(_prompt, tx.all(_PROMPTS, repository_id=repository_id, number=number)))


def _prompt(row: PromptRow | Row[Any]) -> Prompt:
    environments, documents = (
        msgspec.json.decode(found, type=tuple[str, ...]) for found in (row.environments_json, row.documents_json)
    )
    return Prompt(row.head_sha, row.digest, environments, row.posted_at, documents)


def add_prompt(tx: Tx, repository_id: int, number: int, prompt: Prompt) -> None:
    tx.run(
        _PROMPT,
        repository_id=repository_id,
        number=number,
        head_sha=prompt.head_sha,
        digest=prompt.digest,
        environments_json=msgspec.json.encode(prompt.environments).decode(),
        posted_at=prompt.posted_at,
        documents_json=msgspec.json.encode(prompt.documents).decode(),
    )
