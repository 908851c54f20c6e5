"""The list: filters, pages, and what a newcomer sees."""

from __future__ import annotations

import re

import pytest

from app.console.listing import PAGE
from app.db.tx import Tx
from app.decisions import store as decisions
from app.decisions.store import StoredDecision, StoredDeployment
from tests.console.markup import Markup
from tests.console.opened import Console, console, release


async def listed(opened: Console, query: str = "") -> list[int]:
    status, page = await opened.get(f"/releases{query}")
    assert status == 200
    Markup(page)
    return [int(found, 16) for found in re.findall(r'class="name" href="/releases/([0-9a-f]{32})"', page)]


async def test_an_empty_list_says_what_to_do(database_url: str) -> None:
    async with console(database_url, open_tenant="acme") as opened:
        _, page = await opened.get("/releases")
        for words in ("No releases yet", ".github/countersign.yaml", "releases/&lt;name&gt;/release.yaml", "doctor"):
            assert words in page


async def test_a_filter_that_finds_nothing_says_so(database_url: str) -> None:
    async with console(database_url, open_tenant="acme") as opened:
        await opened.add(release(1))
        _, page = await opened.get("/releases?name=elsewhere")
        assert "Nothing here fits" in page
        assert 'value="elsewhere"' in page


async def test_pages_follow_each_other_without_gap_or_repetition(database_url: str) -> None:
    async with console(database_url, open_tenant="acme") as opened:
        # Many were changed at the same instant, so that the id has to decide.
        total = 2 * PAGE + 3
        await opened.add(*(release(number, updated_at=1 + number // 20) for number in range(1, total + 1)))
        seen: list[int] = []
        query: str | None = ""
        while query is not None:
            seen += await listed(opened, query)
            _, page = await opened.get(f"/releases{query}")
            following = re.search(r'href="/releases(\?[^"]+)" [^>]*>Older', page)
            query = following[1].replace("&amp;", "&") if following else None
        assert seen == list(range(total, 0, -1))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("?state=wait", [8, 2]),
        ("?state=deny", [3]),
        ("?state=allow", [1]),
        ("?state=merged", [7, 4]),
        ("?state=closed", [6, 5]),
        ("?name=INTRADAY", [4, 3, 2, 1]),
        ("?name=100%25", [8]),
        ("?name=_", [7]),
        ("?name=!", [6]),
        ("?name=in%25a", []),
        ("?name=&state=", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("?name=intraday&state=deny", [3]),
    ],
)
async def test_filters_show_what_they_say(database_url: str, query: str, found: list[int]) -> None:
    async with console(database_url, open_tenant="acme") as opened:
        await opened.add(
            release(1, outcome="allow"),
            release(2, outcome="wait"),
            release(3, outcome="deny"),
            release(4, outcome="allow", state="merged"),
            release(5, name="other", state="closed"),
            release(6, name="urgent!", state="closed"),
            release(7, name="snake_case", state="merged"),
            release(8, name='100% "outcome":"deny"', outcome="wait"),
        )
        assert await listed(opened, query) == found


@pytest.mark.parametrize("query", ["?state=perhaps", "?before=x", "?before=-1", "?name=a&name=b", "?name=" + "x" * 101])
async def test_a_query_of_another_form_is_a_problem_page(database_url: str, query: str) -> None:
    async with console(database_url, open_tenant="acme") as opened:
        status, page = await opened.get(f"/releases{query}")
        assert status == 400
        assert "What to do:" in Markup(page).text


async def test_a_merged_release_tells_of_its_deployment_not_of_its_merge(database_url: str) -> None:
    async with console(database_url, open_tenant="acme") as opened:
        await opened.add(*(release(number, outcome="deny", state="merged") for number in (1, 2, 3, 4)))
        asked = [_decision(2, "wait"), _decision(3, "allow"), _decision(4, "allow")]
        ended = [_deployment(3, "success"), _deployment(4, "failure")]

        def unit(tx: Tx) -> None:
            for decision in asked:
                decisions.insert(tx, decision)
            for deployment in ended:
                decisions.add_deployment(tx, deployment)

        await opened.database.write(unit)
        text = Markup((await opened.get("/releases"))[1]).text
        for words in (
            "production: not deployed", "production: waiting", "production: deployed", "production: deployment failed",
        ):  # fmt: skip
            assert words in text
        assert "denied" not in text.partition("Filter")[2]


def _decision(number: int, outcome: str) -> StoredDecision:
    return StoredDecision(
        f"d{number}", "acme", f"{number:032x}", "deploy", "production", outcome, "e" * 64, "f" * 64, "a" * 40, 1, 0, ""
    )


def _deployment(number: int, outcome: str) -> StoredDeployment:
    return StoredDeployment(f"x{number}", "acme", f"{number:032x}", "production", "d", "a" * 40, outcome, 2, "")
