"""Any table rewritten by somebody with every right on the database: what was not allowed stays so.

Releases are merged, each of which the gate answers for another reason. For every way to rewrite a table the service is
started on a rewritten copy of the database and asked about all of them. ``COUNTERSIGN_REWRITINGS`` says how many ways
are tried (0: all of them).
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.db.unguarded import unguarded
from tests.stateful.acts import ENDING, LETTING
from tests.stateful.histories import PEOPLE
from tests.stateful.lively import Lively
from tests.stateful.playground import REVIEW_WITHIN_S, Desk, Playground
from tests.stateful.powers import Powers

WAYS = int(os.environ.get("COUNTERSIGN_REWRITINGS", "10"))
FIXED = ("alembic_version", "sqlite_sequence", "sqlite_stat1", "sqlite_stat4")
BORNE_OUT = ("grants", "grant_voids", "policy_versions", "broken_glasses", "glass_reviews")
"""Tables whose rows an allow counts: where one differs from the log, the denial names it."""


class Way(NamedTuple):
    table: str
    sql: str


def merged(powers: Powers) -> Powers:
    powers.lively.settle()
    powers.merge("bob", "merge")
    powers.lively.settle()
    return powers


def played(desk: Desk, letting: str, ending: str = "nothing") -> Powers:
    powers = Powers(desk, "plain")
    LETTING[letting](powers)
    powers.lively.settle()
    ENDING[ending](powers)
    return merged(powers)


def used_up(desk: Desk) -> Powers:
    """The glass was broken for it, and one deployment took that up."""
    powers = played(desk, "two break the glass")
    powers.ask("production")
    powers.redeem(0)
    return powers


def owed(desk: Desk) -> Powers:
    """Approved, and stopped by the review that another release owes; that becomes due when time has passed."""
    powers = used_up(desk)
    powers.lively.settle()
    powers.propose("alice")
    powers.lively.settle()
    LETTING["two approve"](powers)
    return merged(powers)


def reviewed(desk: Desk) -> Powers:
    """The same, and somebody looked back on it in time."""
    powers = owed(desk)
    powers.review_glass("dana", 0)
    powers.lively.settle()
    assert powers.glasses[0].reviewed, powers.told()
    return powers


SCENES = {
    "allowed": lambda desk: played(desk, "one acts for another by signature"),
    "taken back": lambda desk: played(desk, "one acts for another", "bob revokes"),
    "held": lambda desk: played(desk, "two approve", "carol holds"),
    "rejected": lambda desk: played(desk, "two sign", "carol signs a rejection"),
    "pushed": lambda desk: played(desk, "two approve", "a push of the release"),
    "past the check": lambda desk: played(desk, "two approve", "a policy past the check"),
    "used up": used_up,
    "owed": owed,
    "reviewed": reviewed,
}
ALLOWED = {"allowed", "reviewed"}
FORGED = (
    Way(
        "glass_reviews",
        "INSERT INTO glass_reviews SELECT b.id, r.tenant, r.grant_id, r.at FROM broken_glasses b, glass_reviews r"
        " WHERE b.id NOT IN (SELECT glass_id FROM glass_reviews)",
    ),
    Way(
        "policy_versions",
        "INSERT OR IGNORE INTO policy_versions SELECT tenant, repository_id, base_ref, '{sha256}', state, by,"
        " release_id, at + 1 FROM policy_versions",
    ),
    Way(
        "redemptions",
        "DELETE FROM grant_voids; DELETE FROM broken_glasses; DELETE FROM redemptions; DELETE FROM glass_reviews",
    ),
    Way(
        "grants",
        "UPDATE grants SET decision = 'approve', consent_json = replace(replace(consent_json,"
        ' \'"decision":"hold"\', \'"decision":"approve"\'), \'"decision":"reject"\', \'"decision":"approve"\')',
    ),
    Way("grants", "DELETE FROM grants WHERE decision IN ('hold', 'reject'); DELETE FROM grant_artifacts"),
)
"""Rows made up from others, or taken out where they belong together. ``sha256``: a policy that nobody adopted."""


class Scenes:
    """A world in which the gate answers each release for its own reason, and copies of its database."""

    def __init__(self, folder: Path) -> None:
        self.lively = Lively(folder, Playground)
        self.desk = Desk(self.lively, PEOPLE)
        self.scenes = {name: make(self.desk) for name, make in SCENES.items()}
        self.lively.pass_time(REVIEW_WITHIN_S + 60)
        self.lively.settle()
        self.folder, self.copies = folder, 0
        self.kept = folder / "countersign.db"
        self.lively.run(self.lively.world.stop_service())
        self.untouched = self.rewrite(Way("", "")) or {}

    def ways(self) -> list[Way]:
        """What is forged; then, for each table, all rows or the newest gone, and each column altered."""
        sha256 = hashlib.sha256(self.scenes["allowed"].world.text("keep")).hexdigest()
        found = [Way(way.table, way.sql.replace("{sha256}", sha256)) for way in FORGED]
        with closing(sqlite3.connect(self.kept)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
            for (table,) in tables:
                shadow = table.startswith(("sqlite_", "search"))
                if shadow or table in FIXED or not connection.execute(f"SELECT 1 FROM {table}").fetchone():
                    continue
                newest = f"(SELECT max(rowid) FROM {table})" if self._has_rowid(connection, table) else ""
                found.append(Way(table, f"DELETE FROM {table}"))
                found += [Way(table, f"DELETE FROM {table} WHERE rowid = {newest}")] if newest else []
                for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
                    found += [Way(table, sql) for sql in self._rewritten(table, column, kind)]
        return found

    def _has_rowid(self, connection: sqlite3.Connection, table: str) -> bool:
        sql = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
        return "WITHOUT ROWID" not in sql

    def _rewritten(self, table: str, column: str, kind: str) -> Iterator[str]:
        if kind.upper().startswith(("INT", "BIGINT", "SMALLINT", "BOOL")):
            yield f"UPDATE OR IGNORE {table} SET {column} = {column} + 1"
            yield f"UPDATE OR IGNORE {table} SET {column} = 0"
        elif kind.upper() in ("BLOB",):
            yield f"UPDATE OR IGNORE {table} SET {column} = CAST({column} || x'20' AS BLOB)"
        else:
            yield f"UPDATE OR IGNORE {table} SET {column} = {column} || 'x'"
            yield f"UPDATE OR IGNORE {table} SET {column} = (SELECT max({column}) FROM {table})"
            yield f"UPDATE OR IGNORE {table} SET {column} = (SELECT min({column}) FROM {table})"

    def _answers(self) -> dict[str, tuple[str, str]]:
        """The gate's decision about each release, and all that it said."""
        try:
            self.lively.service = self.lively.run(self.lively.world.start_service())
            return {name: self._answer(powers) for name, powers in self.scenes.items()}
        finally:
            self.lively.run(self.lively.world.stop_service())

    def _answer(self, powers: Powers) -> tuple[str, str]:
        told = powers.ask("production")
        return ("undecided", "") if told is None else (told["decision"], str(told["verdict"]["results"]))

    def rewrite(self, way: Way) -> dict[str, tuple[str, str]] | None:
        """The answers on a rewritten copy; None where the service refuses to start on it."""
        self.copies += 1
        path = self.folder / f"copy-{self.copies}.db"
        shutil.copy(self.kept, path)
        with unguarded(path) as connection:
            connection.executescript(way.sql)
        self.lively.pass_time(1)
        world = self.lively.world
        assert isinstance(world, Playground)
        world.on(f"sqlite:///{path}")
        try:
            return self._answers()
        except Exception:  # whatever is the matter with it, nobody is told that anything is allowed
            return None
        finally:
            path.unlink()

    def close(self) -> None:
        self.lively.close()


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    found = Scenes(tmp_path_factory.mktemp("rewriting"))
    yield found
    found.close()


def test_every_scene_is_answered_as_it_has_to_be(scenes: Scenes) -> None:
    assert {name for name, (decision, _) in scenes.untouched.items() if decision == "allow"} == ALLOWED
    assert {decision for decision, _ in scenes.untouched.values()} == {"allow", "wait", "deny"}


def test_no_rewritten_table_makes_anything_laxer(scenes: Scenes) -> None:
    ways = scenes.ways()
    assert set(BORNE_OUT) <= {way.table for way in ways}
    others = ways[len(FORGED) :]
    chosen = [*ways[: len(FORGED)], *random.Random(0).sample(others, min(WAYS, len(others)))] if WAYS else ways
    for way in chosen:
        answers = scenes.rewrite(way) or {}
        laxer = {name for name, (decision, _) in answers.items() if name not in ALLOWED and decision == "allow"}
        assert not laxer, f"{way.sql}: {laxer}"
        for name in ALLOWED if way.table in BORNE_OUT else ():
            decision, said = answers.get(name, ("undecided", ""))
            named = any(word in said for word in ("record", "row", "log"))
            assert decision in ("allow", "undecided") or named, f"{way.sql}: {name}: {decision}, {said}"
