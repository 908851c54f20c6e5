"""Having releases judged anew that somebody's word elsewhere reaches."""

from __future__ import annotations

from app.db.tx import Tx
from app.pulls import store
from app.work import store as work


def judge_open(tx: Tx, repository_id: int, now: int) -> None:
    """Every open pull request of a repository."""
    work.mark_many(tx, {f"pull/{repository_id}/{number}": now for number, _, _ in store.open_pulls(tx, repository_id)})
