"""Titles of pull requests, which anybody may write."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.db.tx import Tx
from app.pulls import store
from tests.db.opened import opened


@pytest.mark.parametrize("title", ["a\0b", "", "\u202e", "x" * 10_000, "'; --"])
async def test_any_title_can_be_kept(database_url: str, title: str) -> None:
    def save(tx: Tx) -> None:
        store.save_pull(
            tx, repository_id=1, number=2, tenant="acme", state="open", base_ref="main", head_sha="0" * 40,
            author="github:1", title=title, outcome="wait", notes_json="[]", at=1,
        )  # fmt: skip

    async with opened(database_url) as database:
        await database.write(save)
        row = await database.read(lambda tx: tx.first(text("SELECT title FROM pulls")))
    assert row is not None
    assert row.title == title.replace("\0", "\ufffd")
