"""The pages in a real browser at a phone's width."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.settings.model import ConsoleSettings, Settings
from app.tokens.model import Permission
from tests.console.halfway import Halfway
from tests.requirements import need

WIDTH = 360
PATIENCE_S = 20
LONG = "policy-" + "x" * 200 + ".bin"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    binary, driver = need("chromium"), need("chromedriver")
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = binary
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(service=Service(driver), options=options)
    try:
        found.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": WIDTH, "height": 780, "deviceScaleFactor": 1, "mobile": True},
        )
        yield found
    finally:
        found.quit()


def overflow(browser: Any) -> int:
    """Pixels by which the page is wider than the phone."""
    return int(browser.execute_script("return document.documentElement.scrollWidth")) - WIDTH


def complaints(browser: Any) -> list[str]:
    """What the browser refused or failed at, without our own answers that are errors by intent."""
    return [entry["message"] for entry in browser.get_log("browser") if "401" not in entry["message"]]


def until(browser: Any, script: str) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser, PATIENCE_S).until(lambda found: found.execute_script(f"return {script}"))


async def test_a_phone_shows_the_whole_release_copies_the_line_and_keeps_up(browser: Any, halfway: Halfway) -> None:
    release = await halfway.release()
    line = f"/approve {halfway.pull.head_sha} production"

    def look() -> str:
        for page in ("/releases", "/audit", "/audit?resource=change/*"):
            browser.get(halfway.address + page)
            assert overflow(browser) == 0
        browser.get(f"{halfway.address}/decisions/{release.verdicts['production'].decision_id}")
        assert overflow(browser) == 0
        browser.get(f"{halfway.address}/releases/{release.id}")
        assert overflow(browser) == 0
        browser.execute_cdp_cmd(
            "Browser.grantPermissions",
            {"origin": halfway.address, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
        )
        button = browser.find_element("css selector", "button[data-copy=approve-line]")
        assert button.is_displayed()
        button.click()
        until(browser, "document.querySelector('button[data-copy=approve-line]').textContent === 'Copied'")
        return str(
            browser.execute_async_script("navigator.clipboard.readText().then(arguments[0], e => arguments[0](`${e}`))")
        )

    assert await asyncio.to_thread(look) == line
    halfway.say("carol", line)
    await asyncio.to_thread(until, browser, "document.body.textContent.includes('Filled by carol.')")
    assert await asyncio.to_thread(complaints, browser) == []
    assert await asyncio.to_thread(overflow, browser) == 0


async def test_nothing_that_people_name_makes_a_page_wider_than_a_phone(browser: Any, halfway: Halfway) -> None:
    from sqlalchemy import text

    release = await halfway.release()

    def lengthen(tx: Any) -> None:
        tx.run(text("UPDATE releases SET name = :long, version = :long, path = :long"), long=LONG)
        tx.run(text("UPDATE accounts SET login = :long"), long=LONG)
        tx.run(text("UPDATE repositories SET name = :long"), long=f"acme/{LONG}")

    await halfway.service.database.write(lengthen)

    def look() -> list[int]:
        found = []
        for path in ("/releases", f"/releases/{release.id}"):
            browser.get(halfway.address + path)
            assert LONG in browser.page_source
            found.append(overflow(browser))
        return found

    assert await asyncio.to_thread(look) == [0, 0]


async def test_without_scripts_nothing_is_missing_but_the_copy_button(browser: Any, halfway: Halfway) -> None:
    release = await halfway.release()

    def look() -> tuple[str, bool]:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        browser.get(f"{halfway.address}/releases/{release.id}")
        body = browser.find_element("tag name", "body").text
        return body, browser.find_element("css selector", ".copy").is_displayed()

    body, copying = await asyncio.to_thread(look)
    assert "Filled by bob." in body
    assert f"/approve {halfway.pull.head_sha} production" in body
    assert not copying


async def test_a_person_logs_in_and_out_with_the_forms(browser: Any, tmp_path: Path) -> None:
    world = Halfway(tmp_path)
    world.configure = _closed
    await world.world.start(configure=_closed)
    try:
        token = await world.world.token(Permission.RELEASE_READ)

        def act() -> tuple[str, str, list[str]]:
            browser.get(f"{world.address}/releases")
            assert overflow(browser) == 0
            browser.find_element("name", "token").send_keys(token)
            browser.find_element("css selector", "main button[type=submit]").click()
            until(browser, "document.body.textContent.includes('No releases yet')")
            inside = browser.current_url
            assert token not in browser.page_source
            assert not browser.execute_script("return document.cookie")
            browser.find_element("css selector", "header button[type=submit]").click()
            until(browser, "location.pathname === '/login'")
            browser.get(f"{world.address}/releases")
            return inside, browser.find_element("tag name", "h1").text, complaints(browser)

        inside, heading, complained = await asyncio.to_thread(act)
        assert inside == f"{world.address}/releases"
        assert heading == "Log in"
        assert complained == []
    finally:
        await world.stop()


def _closed(settings: Settings) -> Settings:
    return settings.model_copy(update={"console": ConsoleSettings(open=False)})
