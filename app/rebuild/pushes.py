"""pushes: who brought a branch to which commit, whether or not there was a pull request yet."""

from __future__ import annotations

import msgspec
from sqlalchemy import bindparam, text

from app.db.tx import Tx
from app.rebuild.model import Projection, told
from app.rebuild.saying import say


class PushRow(msgspec.Struct, frozen=True):
    repository_id: int
    sha: str
    actor: str
    before: str
    received_at: int


_KEY = ("repository_id", "sha", "actor", "before")
_COLUMNS = "repository_id, sha, actor, before, received_at"
_WHERE = "repository_id = :repository_id AND sha = :sha AND actor = :actor AND before = :before"
PROJECTION = Projection(
    table="pushes", row=PushRow, key=_KEY, prefixes=("push",), derive=told("pushes", PushRow, _KEY, "head.seen"),
    adopt=lambda row: resource(row.repository_id, row.sha),
    select=text(
        "SELECT p.repository_id, p.sha, p.actor, p.before, p.received_at FROM pushes p"
        " LEFT JOIN repositories r ON r.id = p.repository_id WHERE coalesce(r.tenant, :log) = :log"
    ),
    add=text(f"INSERT INTO pushes ({_COLUMNS}) VALUES (:repository_id, :sha, :actor, :before, :received_at)"),
    change=text(f"UPDATE pushes SET received_at = :received_at WHERE {_WHERE}"),
    remove=text(f"DELETE FROM pushes WHERE {_WHERE}"),
)  # fmt: skip
_TO = text(
    f"SELECT {_COLUMNS} FROM pushes WHERE repository_id = :repository_id AND sha IN :shas"
).bindparams(bindparam("shas", expanding=True))  # fmt: skip


def resource(repository_id: int, sha: str) -> str:
    return f"push/{repository_id}/{sha}"


def rows(tx: Tx, repository_id: int, shas: list[str]) -> tuple[PushRow, ...]:
    return tuple(PushRow(*tuple(row)) for row in tx.all(_TO, repository_id=repository_id, shas=shas)) if shas else ()


def say_push(tx: Tx, log: str, push: PushRow) -> None:
    say(
        tx, log, "head.seen", resource(push.repository_id, push.sha), [push],
        trace_id=f"repository/{push.repository_id}", ts=push.received_at, component="repositories", stage="propose",
    )  # fmt: skip
