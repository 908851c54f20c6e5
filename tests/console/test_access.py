"""Who may look: sessions, tokens, tenants, and forms of other sites."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from app.tokens.model import Permission
from tests.console.markup import Markup
from tests.console.opened import OURS, console, release


async def test_a_stranger_gets_the_login_form_and_nothing_else(database_url: str) -> None:
    async with console(database_url) as opened:
        await opened.add(release(1))
        for path in ("/releases", f"/releases/{1:032x}", f"/releases/{1:032x}/verdicts", "/decisions/1"):
            status, page = await opened.get(path)
            assert status == 401
            assert 'action="/login"' in page
            assert "intraday" not in page


async def test_a_token_becomes_a_session_that_ends_with_the_logout(database_url: str) -> None:
    async with console(database_url) as opened:
        await opened.add(release(1))
        token = await opened.token()
        assert await opened.login(token, f"/releases/{1:032x}") == (303, f"/releases/{1:032x}", "")
        status, page = await opened.get("/releases")
        assert status == 200
        assert "intraday-policy" in page
        assert token not in page
        assert (await opened.client.post("/logout", headers=OURS, allow_redirects=False)).status == 303
        assert (await opened.get("/releases"))[0] == 401


async def test_a_session_of_before_the_logout_is_over_for_every_browser(database_url: str) -> None:
    async with console(database_url) as opened:
        await opened.login(await opened.token())
        cookie = {"Cookie": f"countersign={_cookie(opened.client)}"}
        await opened.client.post("/logout", headers=OURS, allow_redirects=False)
        assert (await opened.get("/releases", cookie))[0] == 401


async def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_http(database_url: str) -> None:
    async with console(database_url, public_url="https://countersign.example") as opened:
        answer = await opened.client.post(
            "/login", data={"token": await opened.token()}, headers=OURS, allow_redirects=False
        )
        cookie = answer.headers["Set-Cookie"]
        assert re.match(r"__Host-countersign=[A-Za-z0-9_-]{43};", cookie)
        for attribute in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=28800"):
            assert attribute in cookie
        assert "Domain" not in cookie


async def test_the_database_holds_only_the_digest_of_a_session(database_url: str) -> None:
    async with console(database_url) as opened:
        await opened.login(await opened.token())
        rows = await opened.database.read(lambda tx: tx.all(text("SELECT * FROM console_sessions")))
        assert len(rows) == 1
        assert _cookie(opened.client) not in repr(rows)


async def test_a_session_lasts_eight_hours(database_url: str) -> None:
    async with console(database_url) as opened:
        await opened.login(await opened.token())
        opened.clock.forward(8 * 3600 - 1)
        assert (await opened.get("/releases"))[0] == 200
        opened.clock.forward(1)
        assert (await opened.get("/releases"))[0] == 401
        await opened.login(await opened.token())
        rows = await opened.database.read(lambda tx: tx.all(text("SELECT * FROM console_sessions")))
        assert len(rows) == 1, "sessions that are over are forgotten"


async def test_a_session_ends_with_its_token(database_url: str) -> None:
    async with console(database_url) as opened:
        token = await opened.token()
        await opened.login(token)
        assert (await opened.get("/releases"))[0] == 200
        await opened.tokens.revoke("acme", token.split("_")[1], by="service:test")
        assert (await opened.get("/releases"))[0] == 401


async def test_a_session_does_not_outlive_an_expiring_token(database_url: str) -> None:
    async with console(database_url) as opened:
        token = await opened.token()
        opened.clock.forward(30 * 86_400 - 60)
        await opened.login(token)
        assert (await opened.get("/releases"))[0] == 200
        opened.clock.forward(60)
        assert (await opened.get("/releases"))[0] == 401


@pytest.mark.parametrize("token", ["", "cs_0123456789abcdef_" + "x" * 43, "<script>alert(1)</script>", "\x00"])
async def test_a_wrong_token_is_refused_and_not_repeated(database_url: str, token: str) -> None:
    async with console(database_url) as opened:
        status, _, page = await opened.login(token)
        assert status == 401
        assert "unknown, expired or revoked" in page
        assert not token or token not in page
        assert (await opened.get("/releases"))[0] == 401


async def test_a_token_that_may_not_read_releases_opens_nothing(database_url: str) -> None:
    async with console(database_url) as opened:
        token = await opened.token(Permission.GATE_DECIDE)
        assert (await opened.login(token))[0] == 403
        assert (await opened.get("/releases"))[0] == 401
        assert (await opened.get("/releases", {"Authorization": f"Bearer {token}"}))[0] == 403


async def test_tools_may_send_the_token_itself(database_url: str) -> None:
    async with console(database_url) as opened:
        assert (await opened.get("/releases", {"Authorization": f"Bearer {await opened.token()}"}))[0] == 200
        assert (await opened.get("/releases", {"Authorization": "Bearer nobody"}))[0] == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
    ],
)
async def test_forms_of_other_sites_neither_log_in_nor_out(database_url: str, headers: dict[str, str]) -> None:
    async with console(database_url) as opened:
        token = await opened.token()
        assert (await opened.login(token, headers=headers))[0] == 403
        await opened.login(token)
        assert (await opened.client.post("/logout", headers=headers, allow_redirects=False)).status == 403
        assert (await opened.get("/releases"))[0] == 200


async def test_older_browsers_say_where_a_form_comes_from_by_origin(database_url: str) -> None:
    async with console(database_url) as opened:
        origin = str(opened.client.make_url("")).rstrip("/")
        assert (await opened.login(await opened.token(), headers={"Origin": origin}))[0] == 303


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/releases?name=intraday&state=wait", "/releases?name=intraday&state=wait"),
        ("/decisions/" + "a" * 32, "/decisions/" + "a" * 32),
        ("https://evil.example/releases", "/releases"),
        ("//evil.example/releases", "/releases"),
        ("/releases/../../evil", "/releases"),
        ("/releases\r\nSet-Cookie: a=b", "/releases"),
        ("/\\evil.example", "/releases"),
        ("/logout", "/releases"),
        ("", "/releases"),
    ],
)
async def test_a_login_leads_only_to_pages_of_the_console(database_url: str, wanted: str, location: str) -> None:
    async with console(database_url) as opened:
        assert (await opened.login(await opened.token(), wanted))[:2] == (303, location)


async def test_the_login_form_remembers_where_somebody_wanted_to_go(database_url: str) -> None:
    async with console(database_url) as opened:
        _, page = await opened.get("/releases?name=x&state=wait")
        assert '<input type="hidden" name="next" value="/releases?name=x&amp;state=wait">' in page


async def test_a_link_of_another_site_is_followed_again_so_that_the_strict_cookie_comes_along(
    database_url: str,
) -> None:
    async with console(database_url) as opened:
        _, page = await opened.get("/releases", {"Sec-Fetch-Site": "cross-site"})
        assert '<meta http-equiv="refresh" content="0">' in page
        _, page = await opened.get("/releases", {"Sec-Fetch-Site": "same-origin"})
        assert "refresh" not in page


async def test_a_tenant_sees_its_own_releases_only(database_url: str) -> None:
    async with console(database_url) as opened:
        await opened.add(release(1, name="ours"))
        await opened.add(release(2, name="theirs", tenant="other", repository_id=8), repository="other/models")
        await opened.login(await opened.token())
        _, page = await opened.get("/releases")
        assert "ours" in page
        assert "theirs" not in page
        foreign = await opened.get(f"/releases/{2:032x}")
        none = await opened.get(f"/releases/{3:032x}")
        assert foreign[0] == none[0] == 404
        assert _without_ids(foreign[1]) == _without_ids(none[1])


async def test_a_token_of_one_repository_shows_that_repository_only(database_url: str) -> None:
    async with console(database_url) as opened:
        await opened.add(release(1, name="inside"))
        await opened.add(release(2, name="outside", repository_id=8), repository="acme/other")
        await opened.login(await opened.token(repository="Acme/Models"))
        _, page = await opened.get("/releases")
        assert "inside" in page
        assert "outside" not in page
        assert (await opened.get(f"/releases/{1:032x}"))[0] == 200
        assert (await opened.get(f"/releases/{2:032x}"))[0] == 404


@pytest.mark.parametrize(("name", "status"), [("127.0.0.1", 200), ("localhost:80", 200), ("rebound.example", 421)])
async def test_an_open_console_has_no_other_name(database_url: str, name: str, status: int) -> None:
    async with console(database_url, open_tenant="acme") as opened:
        found, page = await opened.get("/releases", {"Host": name})
        assert found == status
        assert ("open to this machine only" in page) == (status == 200)


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
async def test_an_open_console_is_closed_behind_a_proxy(database_url: str, header: str) -> None:
    async with console(database_url, open_tenant="acme") as opened:
        assert (await opened.get("/releases", {header: "1.2.3.4"}))[0] == 401


async def test_a_form_that_is_too_large_or_not_a_form_is_refused(database_url: str) -> None:
    async with console(database_url) as opened:
        assert (await opened.client.post("/login", data=b"x" * 10_000, headers=OURS)).status == 413
        assert (await opened.client.post("/login", data=b"\xff\xfe=1", headers=OURS)).status == 400


async def test_the_login_page_is_well_formed(database_url: str) -> None:
    async with console(database_url) as opened:
        assert Markup((await opened.get("/login"))[1]).inline == []


def _cookie(client: object) -> str:
    cookies = {cookie.key: cookie.value for cookie in client.session.cookie_jar}  # type: ignore[attr-defined]
    return str(cookies["countersign"])


def _without_ids(page: str) -> str:
    return re.sub(r"[0-9a-f]{32}", "…", page)
