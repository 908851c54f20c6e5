"""Rows of a version that wrote no records of them: adopted once, on record, and compared from then on."""

from __future__ import annotations

from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.db.database import Database
from app.db.tx import Tx
from app.people import store as people
from app.rebuild.adopting import BASELINE, adopt
from app.rebuild.memory import Memory
from app.rebuild.pull import pull_said, release_said
from app.rebuild.releases import ReleaseRow
from app.rebuild.service import examine
from manifests.keys import PrivateKey
from manifests.record import Draft, facts
from tests.db.opened import opened
from tests.rebuild.tampering import unguard

LOG = "acme"
SHA, ARTIFACT = "a" * 40, "b" * 64
OLD = (
    "INSERT INTO repositories (id, tenant, name, installation_id, seen_at) VALUES (7, 'acme', 'acme/models', 1, 1)",
    "INSERT INTO pulls (repository_id, number, tenant, state, base_ref, head_sha, author, title, outcome, notes_json,"
    f" updated_at) VALUES (7, 1, 'acme', 'merged', 'main', '{SHA}', 'github:1', 't', 'allow', '[]', 1)",
    "INSERT INTO heads (repository_id, number, sha, event, actor, received_at, delivery)"
    f" VALUES (7, 1, '{SHA}', 'arrived', 'github:1', 5, 'd')",
    f"INSERT INTO pushes (repository_id, sha, actor, before, received_at) VALUES (7, '{SHA}', 'github:2', '000', 4)",
    "INSERT INTO prompts (repository_id, number, head_sha, digest, environments_json, posted_at)"
    f" VALUES (7, 1, '{SHA}', 'e', '[\"production\"]', 6)",
    "INSERT INTO releases (id, tenant, repository_id, number, path, trace_id, requester, proposed_at, state, head_sha,"
    " revision, name, version, kind, environments_json, verdicts_json, updated_at) VALUES ('r1', 'acme', 7, 1,"
    f" 'releases/release.yaml', 'r1', 'github:1', 5, 'merged', '{SHA}', 'rev', 'model', '1', 'model', '[]', '{{}}', 5)"
    .replace("{{}}", "{}"),
    f"INSERT INTO release_artifacts (release_id, revision, name, sha256) VALUES ('r1', 'rev', 'm', '{ARTIFACT}')",
    "INSERT INTO release_contributors (release_id, account, person, role) VALUES ('r1', 'github:1', 'p1', 'author')",
    "INSERT INTO memberships (tenant, source, account, since, granted_by, until)"
    " VALUES ('acme', 'github-team:3', 'github:1', 2, 'github:2', NULL)",
    "INSERT INTO group_pins (tenant, team, team_id, at) VALUES ('acme', 'acme/risk', 3, 2)",
    "INSERT INTO accounts (tenant, account, login, kind, person, seen_at)"
    " VALUES ('acme', 'servicenow:9', 'erin', 'User', 'p9', 1)",
    "INSERT INTO account_links (id, tenant, account, person, state, by, at)"
    " VALUES ('l1', 'acme', 'servicenow:9', 'p9', 'proposed', 'token:1', 3),"
    " ('l1', 'acme', 'servicenow:9', 'p9', 'linked', 'token:2', 4)",
    "INSERT INTO tokens (digest, id, tenant, name, scope_json, created_at, expires_at, revoked_at) VALUES"
    " ('f', '1', 'acme', 'one', '{\"permissions\":[\"admin\"]}', 10, 20, NULL)",
)  # fmt: skip
"""As a version with schema 0003 left it."""


def old_records(tx: Tx) -> None:
    """Records of that version tell less."""
    data = {"expires_at": 20, "name": "one", "scope": {"permissions": ["admin"]}}
    _stage(tx, "token.created", "token/1", data, 10, "token:maker")
    _stage(tx, "release.proposed", "release/r1", {"head": SHA, "path": "p", "revision": "rev"}, 5, "service:x")
    _stage(tx, "membership.seen", "group/github-team:3", {"account": "github:1", "change": "joined"}, 2, "")


def _stage(tx: Tx, event: str, resource: str, data: object, at: int, by: str) -> None:
    draft = Draft(
        trace_id="t", ts=at, stage="system", event=event, component="old", resource=resource, actor_ref=by,  # type: ignore[arg-type]
        data=facts(data),
    )  # fmt: skip
    tx.stage(LOG, draft)


async def left_behind(database: Database) -> None:
    def unit(tx: Tx) -> None:
        for sql in OLD:
            tx.run(text(sql))
        old_records(tx)

    await database.write(unit)


async def test_rows_older_than_their_records_are_adopted_once(database_url: str) -> None:
    async with opened(database_url, LogSequencer([PrivateKey.generate("ed25519")])) as database:
        await left_behind(database)
        before = await database.read(lambda tx: examine(tx, LOG))
        assert {one.table for one in before.differences} == {
            "heads", "pushes", "prompts", "releases", "release_artifacts", "release_contributors", "memberships",
            "group_pins", "accounts", "account_links", "tokens",
        }  # fmt: skip
        await adopt(database, [LOG], lambda: 1000)
        assert (await database.read(lambda tx: examine(tx, LOG))).differences == ()
        size = await _size(database)
        await adopt(database, [LOG], lambda: 2000)
        assert await _size(database) == size
        row = await database.read(lambda tx: tx.first(text("SELECT made_by FROM tokens WHERE id = '1'")))
        assert row is not None
        assert row.made_by == "token:maker"


async def test_what_was_adopted_is_counted_and_compared(database_url: str) -> None:
    async with opened(database_url, LogSequencer([PrivateKey.generate("ed25519")])) as database:
        await left_behind(database)
        await adopt(database, [LOG], lambda: 1000)
        memory = Memory()
        said = await database.read(lambda tx: pull_said(tx, memory, LOG, 7, 1))
        assert ([head.sha for head in said.heads], said.differences, said.base_ref) == ([SHA], (), "main")
        other = ReleaseRow("r2", 7, 2, "p", "github:5", 1, "open", "", "model", "model")
        follows = await database.read(lambda tx: release_said(tx, memory, LOG, other, [ARTIFACT]))
        assert follows.differences == ()
        assert ([one.person for one in follows.elsewhere], dict(follows.others), follows.newer) == (
            ["p1"],
            {"r1": 1},
            1,
        )

        def later(tx: Tx) -> None:
            people.join(tx, LOG, "github-team:3", {"github:4": "github:1"}, 1500)
            unguard(tx, database.dialect)
            tx.run(text("UPDATE heads SET actor = 'github:3'"))
            tx.run(text("DELETE FROM release_contributors"))

        await database.write(later)
        found = (await database.read(lambda tx: examine(tx, LOG))).differences
        assert sorted((one.table, one.kind) for one in found) == [
            ("heads", "altered"), ("release_contributors", "missing"),
        ]  # fmt: skip


async def test_what_differs_from_an_old_record_is_not_adopted(database_url: str) -> None:
    async with opened(database_url, LogSequencer([PrivateKey.generate("ed25519")])) as database:
        await left_behind(database)
        await database.write(lambda tx: tx.run(text("UPDATE tokens SET expires_at = 99")))
        await adopt(database, [LOG], lambda: 1000)
        (found,) = (await database.read(lambda tx: examine(tx, LOG))).differences
        assert (found.table, found.kind) == ("tokens", "altered")
        assert "99" in found.found


async def test_a_log_that_lost_its_baseline_adopts_nothing(database_url: str) -> None:
    async with opened(database_url, LogSequencer([PrivateKey.generate("ed25519")])) as database:
        await left_behind(database)
        await adopt(database, [LOG], lambda: 1000)

        def tampered(tx: Tx) -> None:
            unguard(tx, database.dialect)
            tx.run(text("DELETE FROM records WHERE resource = :resource"), resource=BASELINE)
            tx.run(text("INSERT INTO group_pins (tenant, team, team_id, at) VALUES ('acme', 'acme/evil', 6, 6)"))

        await database.write(tampered)
        size = await _size(database)
        await adopt(database, [LOG], lambda: 2000)
        assert await _size(database) == size
        found = (await database.read(lambda tx: examine(tx, LOG))).differences
        assert [(one.table, one.kind) for one in found] == [("group_pins", "added")]


async def _size(database: Database) -> int:
    row = await database.read(lambda tx: tx.first(text("SELECT count(*) AS many FROM records")))
    assert row is not None
    return int(row.many)
