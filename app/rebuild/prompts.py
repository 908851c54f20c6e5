"""prompts: our comments as people were shown them, and so what a review grants.

The log says what was composed; whether it was ever shown, only the row: one that is missing grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import text

from app.clock import SECOND
from app.db.tx import Tx
from app.rebuild.model import Derived, Key, Projection, Rows, adopted, read
from app.rebuild.saying import say
from manifests.record import Record

CLOCKS_APART = 15 * 60 * SECOND
"""A comment is composed before it is posted; but we tell the one time and GitHub the other."""


class PromptRow(msgspec.Struct, frozen=True):
    """``posted_at`` is GitHub's time, of which the log says only that it cannot be before ``composed_at``.
    ``documents_json`` are the SHA-256 of the documents that were listed."""

    repository_id: int
    number: int
    head_sha: str
    digest: str
    environments_json: str
    posted_at: int = 0
    documents_json: str = "[]"


_KEY = ("repository_id", "number", "head_sha", "digest")
_decoder = msgspec.json.Decoder(Rows[PromptRow])


def derive(records: Iterable[Record]) -> dict[Key, Derived[PromptRow]]:
    """As first composed: with the time of the record where the log tells no other."""
    found: dict[Key, Derived[PromptRow]] = {}
    for record in records:
        if record.event == "prompt.composed" or adopted(record, "prompts"):
            for row in read(_decoder, record).rows:
                told = row if row.posted_at else msgspec.structs.replace(row, posted_at=record.ts)
                found.setdefault(PROJECTION.key_of(row), Derived(told, record.seq))
    return found


_COLUMNS = "repository_id, number, head_sha, digest, environments_json, posted_at, documents_json"
PROJECTION = Projection(
    table="prompts", row=PromptRow, key=_KEY, prefixes=("prompt",), derive=derive,
    compared=("environments_json", "documents_json"),
    select=text(
        "SELECT p.repository_id, p.number, p.head_sha, p.digest, p.environments_json, p.posted_at, p.documents_json"
        " FROM prompts p LEFT JOIN repositories r ON r.id = p.repository_id WHERE coalesce(r.tenant, :log) = :log"
    ),
    may_lack=True, adopt=lambda row: resource(row.repository_id, row.number),
)  # fmt: skip
_OF_PULL = text(f"SELECT {_COLUMNS} FROM prompts WHERE repository_id = :repository_id AND number = :number")


def resource(repository_id: int, number: int) -> str:
    return f"prompt/{repository_id}/{number}"


def rows(tx: Tx, repository_id: int, number: int) -> tuple[PromptRow, ...]:
    return tuple(PromptRow(*tuple(row)) for row in tx.all(_OF_PULL, repository_id=repository_id, number=number))


def say_prompt(tx: Tx, log: str, prompt: PromptRow, ts: int) -> None:
    say(
        tx, log, "prompt.composed", resource(prompt.repository_id, prompt.number), [prompt],
        trace_id=f"pull/{prompt.repository_id}/{prompt.number}", ts=ts, component="pulls", stage="approve",
    )  # fmt: skip
