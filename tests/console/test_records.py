"""The audit log's page: what it finds, whom it shows it to, and what it never shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from app.db.tx import Tx
from app.people import store as people
from app.people.store import KnownAccount
from app.search.indexer import Indexer
from app.tokens.model import Permission
from manifests.record import Draft
from tests.console.markup import Markup
from tests.console.opened import Console, console, release
from tests.search.made import draft, stage

SECRET = "ghp_" + "a1" * 18
AUDITOR = (Permission.RELEASE_READ, Permission.AUDIT_READ)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/log.db"


async def filled(opened: Console, *drafts: Draft, indexed: bool = True) -> None:
    await opened.login(await opened.token(*AUDITOR))
    await stage(opened.database, drafts)
    if indexed:
        await Indexer(opened.database).catch_up()


def numbers(page: str) -> list[int]:
    return [int(found) for found in re.findall(r"<summary>Record (\d+)</summary>", page)]


async def test_records_lead_to_their_release_and_to_more_like_them(database_url: str) -> None:
    async with console(database_url) as opened:
        await opened.add(release(1))
        await opened.login(await opened.token(*AUDITOR))
        before = (await opened.get("/audit"))[1]
        await filled(opened, draft(trace=f"{1:032x}", actor="service:countersign", outcome="deny", resource="a/b&c"))
        status, page = await opened.get("/audit?trace=" + f"{1:032x}")
        read = Markup(page)
        assert status == 200
        assert "Verdict recorded" in read.text
        assert "Countersign" in read.text
        assert f"/releases/{1:032x}" in read.links
        assert "intraday-policy 1.0.0" in read.text
        assert f"/audit?trace={1:032x}&outcome=deny" in read.links
        assert f"/audit?trace={1:032x}&resource=a%2Fb%26c" in read.links
        assert len(numbers((await opened.get("/audit"))[1])) > len(numbers(before))


async def test_a_login_finds_what_its_person_did(database_url: str) -> None:
    async with console(database_url) as opened:
        await opened.database.write(
            lambda tx: people.add(tx, "acme", KnownAccount("github:7", "Alice", "User", "f" * 32), 1)
        )
        await filled(opened, draft(actor="f" * 32), draft(actor="alice"), draft(actor="0" * 32))
        _, page = await opened.get("/audit?actor=alice")
        assert page.count("<details>") == 1
        assert "f" * 32 in page


async def test_pages_go_back_to_the_first_record_with_the_same_question(url: str) -> None:
    async with console(url) as opened:
        await filled(opened, *(draft(resource=f"x/{number}", actor="a") for number in range(120)))
        path, found = "/audit?resource=x/*&actor=a", []
        while True:
            page = Markup((await opened.get(path))[1])
            found += numbers((await opened.get(path))[1])
            older = [link for link in page.links if "before=" in link]
            if not older:
                break
            path = older[0]
            assert "resource=x%2F%2A" in path
        assert len(found) == 120
        assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("behind", [True, False])
async def test_a_lagging_index_is_told_and_hides_nothing(database_url: str, behind: bool) -> None:
    async with console(database_url) as opened:
        await filled(opened, *(draft(actor="a") for _ in range(1_100)), indexed=not behind)
        _, page = await opened.get("/audit?actor=a")
        assert ("records behind" in page) == behind
        assert len(numbers(page)) == 50


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/audit?since=yesterday", "Expected an instant such as"),
        ("/audit?resource=a*", "Expected a whole resource or x/*"),
        ("/audit?event=x", "Expected an event such as"),
        ("/audit?outcome=zzz", "Nothing here fits"),
        ("/audit?before=0", "No older record"),
    ],
)
async def test_what_cannot_be_answered_is_said_beside_the_form(url: str, path: str, says: str) -> None:
    async with console(url) as opened:
        await filled(opened, draft())
        status, page = await opened.get(path)
        assert status == 200
        assert says in Markup(page).text
        assert '<form class="search"' in page


async def test_secrets_and_markup_in_records_are_harmless(url: str) -> None:
    async with console(url) as opened:
        hostile = f"<script>alert(1)</script>{SECRET}"
        await filled(opened, draft(actor=hostile, outcome=hostile, resource=hostile, action=hostile, note=hostile))
        _, page = await opened.get("/audit")
        assert Markup(page).inline == []
        assert SECRET not in page
        assert "[scrubbed: GitHub token]" in page


async def test_an_altered_record_is_an_alarm_and_nothing_is_shown(url: str) -> None:
    async with console(url) as opened:
        await filled(opened, *(draft(actor="a", resource="kept/secret") for _ in range(5)))
        await opened.database.write(lambda tx: tx.run(text("UPDATE record_index SET outcome = 'x' WHERE log = 'acme'")))
        _, page = await opened.get("/audit?actor=a")
        assert "is not what was sealed" in page
        assert "kept/secret" not in page


@pytest.mark.parametrize(
    ("permissions", "repository", "status"),
    [
        (AUDITOR, None, 200),
        ((Permission.ADMIN,), None, 200),
        ((Permission.RELEASE_READ,), None, 403),
        (AUDITOR, "acme/models", 403),
    ],
)
async def test_only_those_who_may_read_the_whole_log_do(
    url: str, permissions: tuple[Permission, ...], repository: str | None, status: int
) -> None:
    async with console(url) as opened:
        await opened.login(await opened.token(*permissions, repository=repository))
        assert (await opened.get("/audit"))[0] == status
        assert ('href="/audit"' in (await opened.get("/releases"))[1]) == (status == 200)


async def test_nobody_reads_it_without_logging_in_or_of_another_tenant(url: str) -> None:
    async with console(url) as opened:
        assert (await opened.get("/audit"))[0] == 401
        await filled(opened, draft(resource="ours"))
        await opened.login(await opened.token(*AUDITOR, tenant="other"))
        assert "ours" not in Markup((await opened.get("/audit"))[1]).text
        assert (await opened.login(await opened.token(*AUDITOR), "/audit?resource=x%2F*"))[1] == "/audit?resource=x%2F*"


async def test_an_open_console_shows_it_to_this_machine(url: str) -> None:
    async with console(url, open_tenant="acme") as opened:
        await opened.database.write(_one)
        status, page = await opened.get("/audit")
        assert status == 200
        assert numbers(page) == [0]


def _one(tx: Tx) -> None:
    tx.stage("acme", draft())
