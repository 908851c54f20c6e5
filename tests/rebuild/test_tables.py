"""Every table that decisions count, with a row removed, altered or added, or a record altered: what the rebuild shows
and mends. On both databases; each rewriting is undone before the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.clock import now
from app.db.tx import Tx
from app.people import store as people
from app.rebuild import glasses
from app.rebuild.all import PROJECTIONS
from app.rebuild.compare import Difference
from app.rebuild.glasses import GlassRow, ReviewRow
from app.rebuild.model import Projection
from app.rebuild.service import Rebuilt, apply, examine
from app.sandbox.world import TENANT, World
from manifests.keys import PrivateKey
from tests.db.opened import opened
from tests.journey.played import GREEN, Played
from tests.rebuild import tampering

KEY = PrivateKey.generate("ed25519")
APPEND_ONLY = {
    "account_links", "person_keys", "heads", "prompts", "grants", "grant_voids", "grant_artifacts", "decisions",
    "redemptions", "policy_versions", "broken_glasses", "glass_reviews",
}  # fmt: skip
ALTERED = {
    "accounts": "person", "account_links": "person", "person_keys": "person", "tokens": "scope_json",
    "memberships": "since", "group_pins": "team_id", "pushes": "received_at", "heads": "actor",
    "prompts": "environments_json", "releases": "proposed_at", "grants": "consent_json", "grant_voids": "reason",
    "decisions": "outcome", "redemptions": "by", "policy_versions": "by",
    "broken_glasses": "due_at", "glass_reviews": "grant_id",
}  # fmt: skip
"""A column of each table that a decision counts; the others are keys throughout."""

REMOVED = [p for p in PROJECTIONS if not p.may_lack]
_RECORD = text(
    "UPDATE records SET leaf = :leaf WHERE log = :log AND seq = (SELECT min(seq) FROM records WHERE log = :log"
    " AND resource >= :first AND resource < :last AND event <> 'audit.rebuilt')"
)


async def played(folder: Path, url: str, key: rsa.RSAPrivateKey) -> None:
    """A history that leaves a row in every table."""
    world = World(folder, database_url=url, change=False, github_key=key)
    await world.start()
    one = Played(world)
    try:
        await one.link("erin")
        pull = await one.propose()
        one.comment(pull, "bob", "/hold\n\nwait for the new data")
        await one.says(pull, "failure", "hold")
        await one.next_second()
        await one.approve(pull)
        await one.says(pull, GREEN)
        answer = await one.ask(await one.merge(pull))
        await one.call("POST", f"/api/v1/decisions/{answer.decision_id}/redemption", {})
        (carol,) = await one.service.database.read(lambda tx: people.by_login(tx, TENANT, "carol"))
        line = PrivateKey.generate("ed25519").public.to_openssh()
        await one.service.person_keys.propose(TENANT, carol.account, line, "steward:one")
        await one.settled()
        await one.service.database.write(_broken)
    finally:
        await one.close()
        await world.stop()


def _broken(tx: Tx) -> None:
    """A glass that was broken and reviewed."""
    glass = GlassRow("d" * 32, 1, "r" * 32, "production", '["g1","g2"]', "leads", now() + 1, now())
    glasses.add_broken(tx, TENANT, glass, trace_id="trace", by="token:pipeline")
    review = ReviewRow(glass.id, "g3", now())
    assert glasses.add_review(tx, TENANT, glass, review, trace_id="trace", person="somebody")


async def test_each_difference_is_shown_and_mended_where_it_can_be(
    tmp_path: Path, new_url: Callable[[], str], github_key: rsa.RSAPrivateKey
) -> None:
    url = new_url()
    await played(tmp_path, url, github_key)
    async with opened(url, LogSequencer([KEY])) as database:
        untouched = await database.read(lambda tx: examine(tx, TENANT))
        assert untouched.differences == ()
        for projection in PROJECTIONS:
            for unit in (_removed, _altered, _added, _record_altered):
                await tampering.undone(database, lambda tx, p=projection, unit=unit: unit(tx, p))  # type: ignore[misc]
        assert await database.read(lambda tx: examine(tx, TENANT)) == untouched


def _removed(tx: Tx, projection: Projection[Any]) -> None:
    row = _row(tx, projection)
    if projection.table == "release_artifacts":
        tx.run(text("DELETE FROM release_artifacts WHERE sha256 = :sha256"), sha256=row.sha256)
    else:
        tampering.remove(tx, projection, row)
    found = examine(tx, TENANT).differences
    expected = () if projection.may_lack else ("missing",)
    assert _kinds(found, projection) == expected, (projection.table, found)
    _expect_mended(tx, projection)


def _altered(tx: Tx, projection: Projection[Any]) -> None:
    column = ALTERED.get(projection.table)
    if column is None:
        return
    row = _row(tx, projection)
    if column == "consent_json":
        tx.run(text("UPDATE grants SET consent_json = consent_json || ' ' WHERE id = :id"), id=row.id)
    else:
        tampering.alter(tx, projection, row, column)
    found = examine(tx, TENANT).differences
    assert _kinds(found, projection) == ("altered",), (projection.table, found)
    assert found[0].record is not None, found
    if projection.table in APPEND_ONLY:
        _expect_left(tx, projection, "append-only")
    else:
        _expect_mended(tx, projection)


def _added(tx: Tx, projection: Projection[Any]) -> None:
    if projection.add is None:
        return
    tampering.add(tx, projection, _row(tx, projection), TENANT)
    found = examine(tx, TENANT).differences
    assert _kinds(found, projection) == ("added",), (projection.table, found)
    if projection.table in APPEND_ONLY:
        _expect_left(tx, projection, "append-only")
    else:
        _expect_mended(tx, projection)


def _record_altered(tx: Tx, projection: Projection[Any]) -> None:
    prefix = projection.prefixes[0]
    changed = tx.run(_RECORD, leaf=b"\0" * 32, log=TENANT, first=prefix + "/", last=prefix + "0")
    assert changed.rowcount == 1, prefix
    found = [one for one in examine(tx, TENANT).differences if one.table == projection.table]
    assert "unreadable" in {one.kind for one in found}, (projection.table, found)
    done = apply(tx, TENANT, now)
    assert projection.table not in {one.difference.table for one in done.left} or done.applied == 0
    assert all("altered" in left.why for left in done.left if left.difference.table == projection.table)
    tx.staged.clear()


def _row(tx: Tx, projection: Projection[Any]) -> Any:
    rows = projection.rows(tx, TENANT)
    assert rows, f"the history leaves no row in {projection.table}"
    return rows[0]


def _kinds(found: tuple[Difference, ...], projection: Projection[Any]) -> tuple[str, ...]:
    assert {one.table for one in found} <= {projection.table}, found
    return tuple(one.kind for one in found)


def _expect_mended(tx: Tx, projection: Projection[Any]) -> None:
    done = _apply(tx)
    assert done.left == (), (projection.table, done.left)
    assert examine(tx, TENANT).differences == (), projection.table


def _expect_left(tx: Tx, projection: Projection[Any], why: str) -> None:
    done = _apply(tx)
    assert [why in left.why for left in done.left] == [True], (projection.table, done.left)
    assert done.left[0].remedy


def _apply(tx: Tx) -> Rebuilt:
    done = apply(tx, TENANT, now)
    said = [draft for _, draft in tx.staged]
    assert len(said) == (1 if done.differences else 0)
    tx.staged.clear()
    return done
