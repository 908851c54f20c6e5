"""An operator rewrites rows and blobs behind the triggers: the next decision is the same, or a denial that says why."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from app.sandbox.world import REPOSITORY
from tests.stateful.histories import History
from tests.stateful.lively import Lively

Rewrite = Callable[[sqlite3.Connection, History], None]


def behind_the_triggers(lively: Lively, history: History, rewrite: Rewrite) -> None:
    """With every right that the database gives: triggers dropped, rows rewritten, triggers back in place."""
    path = lively.world.folder / "countersign.db"
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as connection:
        triggers = list(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        rewrite(connection, history)
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()


def grants(history: History) -> str:
    return f"(SELECT id FROM grants WHERE number = {history.number})"


def run(sql: str) -> Rewrite:
    def rewrite(connection: sqlite3.Connection, history: History) -> None:
        changed = connection.execute(sql.format(grants=grants(history), number=history.number)).rowcount
        assert changed, "nothing was rewritten"

    return rewrite


APPROVED = {
    "a grant's row is deleted": run("DELETE FROM grants WHERE number = {number}"),
    "a grant names another person": run(
        "UPDATE grants SET consent_json = replace(consent_json, '\"person\":\"', '\"person\":\"f') WHERE id IN {grants}"
    ),
    "a grant lives for ever": run(
        "UPDATE grants SET consent_json = json_set(consent_json, '$.not_after', 4102444800000000) WHERE id IN {grants}"
    ),
    "a grant names another head": run(
        "UPDATE grants SET consent_json = json_set(consent_json, '$.head_sha', '{number}') WHERE id IN {grants}"
    ),
    "a grant is unreadable": run("UPDATE grants SET consent_json = 'gone' WHERE id IN {grants}"),
    "a grant cites another statement": run(
        "UPDATE grants SET statement = substr(statement, 2) || '0' WHERE id IN {grants}"
    ),
    "a grant's record is rewritten": run(
        "UPDATE records SET body = replace(CAST(body AS TEXT), 'approve', 'approvf') WHERE resource LIKE 'grant/%'"
        " AND substr(resource, 40) IN {grants}"
    ),
    "a grant's record is taken out": run(
        "DELETE FROM records WHERE resource LIKE 'grant/%' AND substr(resource, 40) IN {grants}"
    ),
}  # fmt: skip
VOID = {
    "a void is taken back": run("DELETE FROM grant_voids WHERE grant_id IN {grants}"),
}  # fmt: skip


def outcome(lively: Lively, history: History) -> tuple[str, str]:
    lively.pass_time(2)
    lively.github.comment(REPOSITORY, history.number, by="mallory", body="/recheck")
    lively.settle()
    found = lively.latest(history.pull)
    assert found is not None
    return str(found.conclusion), f"{found.title} {found.summary}"


def approved(lively: Lively) -> History:
    history = History(lively)
    lively.settle()
    for who in ("bob", "carol"):
        history.approve(who)
        lively.settle()
    return history


def closed(lively: Lively, history: History) -> None:
    lively.github.close_pull(REPOSITORY, history.number, by="mallory")
    lively.settle()


@pytest.mark.parametrize("name", APPROVED)
def test_a_rewritten_grant_denies_and_is_named(lively: Lively, name: str) -> None:
    history = approved(lively)
    assert outcome(lively, history)[0] == "success"
    behind_the_triggers(lively, history, APPROVED[name])
    try:
        conclusion, told = outcome(lively, history)
        assert conclusion == "failure"
        assert "rant" in told
    finally:
        closed(lively, history)


def test_a_revived_grant_denies(lively: Lively) -> None:
    history = approved(lively)
    history.spoil(0, "delete", "bob")
    lively.settle()
    assert outcome(lively, history)[0] == "action_required"
    behind_the_triggers(lively, history, VOID["a void is taken back"])
    try:
        assert outcome(lively, history)[0] == "failure"
    finally:
        closed(lively, history)


def test_a_forged_grant_denies(lively: Lively) -> None:
    """A row made up from somebody's real one, for a person who never said anything."""
    history = History(lively)
    lively.settle()
    history.approve("bob")
    lively.settle()

    def forge(connection: sqlite3.Connection, history: History) -> None:
        connection.row_factory = sqlite3.Row
        row: dict[str, Any] = dict(connection.execute(f"SELECT * FROM grants WHERE id IN {grants(history)}").fetchone())
        (carol,) = connection.execute("SELECT person FROM accounts WHERE login = 'carol'").fetchone()
        forged = "f" * 32
        consent = row["consent_json"].replace(row["person"], carol).replace("senior-developers", "risk-managers")
        row |= {"id": forged, "person": carol, "nonce": forged, "consent_json": consent.replace(row["id"], forged)}
        marks = ", ".join("?" for _ in row)
        connection.execute(f"INSERT INTO grants ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    behind_the_triggers(lively, history, forge)
    try:
        conclusion, told = outcome(lively, history)
        assert conclusion == "failure"
        assert "no record" in told
    finally:
        closed(lively, history)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE pulls SET outcome = 'allow', head_sha = '0', base_ref = 'develop' WHERE number = {number}",
        "DELETE FROM prompts WHERE number = {number}",
        "UPDATE releases SET state = 'merged', verdicts_json = '{{}}' WHERE number = {number}",
        "DELETE FROM decisions WHERE release_id IN (SELECT id FROM releases WHERE number = {number})",
        "UPDATE effects SET done = wanted, wanted = wanted || 'x' WHERE key LIKE 'c%'",
        "UPDATE accounts SET login = login || 'x'",
    ],
)
def test_a_rewritten_projection_changes_no_verdict(lively: Lively, sql: str) -> None:
    history = approved(lively)
    assert outcome(lively, history)[0] == "success"
    history.approve("mallory")
    behind_the_triggers(lively, history, run(sql))
    try:
        assert outcome(lively, history)[0] == "success"
        history.spoil(0, "delete", "bob")
        lively.settle()
        assert outcome(lively, history)[0] == "action_required"
    finally:
        closed(lively, history)
