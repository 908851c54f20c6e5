"""Which deliveries can change nothing, told from what is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from app.db.database import Database
from app.inbox.doubts import IfHeard, IfLabels, IfRequired, IfTitle, matters
from app.inbox.service import CHANGES_NOTHING, Inbox
from app.inbox.store import StoredDelivery
from app.pulls import store as pulls
from app.pulls.store import Observation
from app.pulls.watches import Watches, decode, encode
from app.work import store as work
from manifests.policy_terms import RequiredCheck
from tests.db.opened import opened

SHA = "a" * 40
NOW = 100
ANY, ONE = Watches((RequiredCheck("tests", "any"),)), Watches((RequiredCheck("tests", "ci"),))
DELIVERY = StoredDelivery("one", "pull_request", "d", b"{}", NOW, 3, 1, "pull/1/2")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as found:
        yield found


async def judged(database: Database, watches: Watches | None, state: str = "open") -> None:
    """Pull request #2 of repository 1, judged once."""
    await database.write(
        lambda tx: pulls.save_pull(
            tx, repository_id=1, number=2, tenant="acme", state=state, base_ref="main", head_sha=SHA,
            author="github:1", title="Old", outcome="wait", notes_json="[]", at=1,
            watches_json="" if watches is None else encode(watches),
        )
    )  # fmt: skip


CASES = [
    (IfRequired(SHA, "tests", "ci"), ANY, True),
    (IfRequired(SHA, "tests", "ci"), ONE, True),
    (IfRequired(SHA, "tests", "other"), ONE, False),
    (IfRequired(SHA, "tests", "other"), ANY, True),
    (IfRequired(SHA, "lint", "ci"), ONE, False),
    (IfRequired("b" * 40, "tests", "ci"), ONE, False),
    (IfRequired(SHA, "lint", "ci"), None, True),
    (IfLabels(2), Watches(labels=True), True),
    (IfLabels(2), Watches(), False),
    (IfLabels(2), None, True),
    (IfLabels(3), Watches(), True),
    (IfTitle(2, "New"), Watches(title=True), True),
    (IfTitle(2, "New"), Watches(), False),
    (IfTitle(2, "New"), None, True),
    (IfHeard(2, "comment:7"), Watches(), True),
    (IfHeard(2, "comment:8"), Watches(), False),
    (IfHeard(3, "comment:7"), Watches(), False),
]


@pytest.mark.parametrize(("about", "watches", "expected"), CASES)
async def test_what_matters_is_told_by_what_is_stored(
    database: Database, about: IfRequired | IfLabels | IfTitle | IfHeard, watches: Watches | None, expected: bool
) -> None:
    await judged(database, watches)
    seen = Observation("o", "comment.created", "comment:7", "github:1", 1, "d", "{}")
    await database.write(lambda tx: pulls.add_observations(tx, 1, 2, [seen]))
    assert await database.write(lambda tx: matters(tx, DELIVERY, about)) is expected
    row = await database.read(lambda tx: tx.first(text("SELECT title FROM pulls")))
    assert row is not None
    assert row.title == ("New" if isinstance(about, IfTitle) and not expected else "Old")


@pytest.mark.parametrize("state", ["merged", "closed"])
async def test_checks_of_what_was_merged_matter_and_of_what_was_closed_do_not(database: Database, state: str) -> None:
    await judged(database, ONE, state)
    about = IfRequired(SHA, "tests", "ci")
    assert await database.write(lambda tx: matters(tx, DELIVERY, about)) is (state == "merged")


@pytest.mark.parametrize("due", [NOW - 1, NOW, NOW + 1])
async def test_while_a_pull_request_is_about_to_be_judged_everything_matters(database: Database, due: int) -> None:
    await judged(database, Watches())
    await database.write(lambda tx: work.mark(tx, "pull/1/2", due))
    for about in (IfLabels(2), IfHeard(2, "comment:8"), IfRequired(SHA, "lint", "ci")):
        assert await database.write(lambda tx, about=about: matters(tx, DELIVERY, about)) is (due <= NOW)  # type: ignore[misc]


async def test_while_a_pull_request_is_being_judged_everything_matters(database: Database) -> None:
    await judged(database, Watches())
    await database.write(lambda tx: work.mark(tx, "pull/1/2", 1))
    (lease,) = await database.write(lambda tx: work.claim(tx, NOW, NOW + 50, 1))
    assert await database.write(lambda tx: matters(tx, DELIVERY, IfLabels(2)))
    await database.write(lambda tx: work.finish(tx, lease, NOW + 1000))
    assert not await database.write(lambda tx: matters(tx, DELIVERY, IfLabels(2)))


async def test_what_changes_nothing_is_stored_as_ignored_and_causes_no_work(database: Database) -> None:
    await judged(database, Watches())
    await Inbox(database, lambda: None).accept(DELIVERY, IfLabels(2))
    row = await database.read(lambda tx: tx.first(text("SELECT status, note, work_key FROM deliveries")))
    assert row is not None
    assert tuple(row) == ("ignored", CHANGES_NOTHING, "")
    assert await database.read(lambda tx: work.count_due(tx, NOW + 1)) == 0


def test_what_was_judged_before_this_was_kept_is_not_known() -> None:
    assert decode("") is None
    assert decode(encode(ONE)) == ONE
