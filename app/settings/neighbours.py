"""The service never talks to a simulator: what it would be told there is no fact about the world."""

from __future__ import annotations

import aiohttp

from app.settings.mistakes import SettingsError
from app.settings.model import Settings
from manifests.errors import Problem

SIMULATOR_HEADER = "X-Countersign-Simulator"
TIMEOUT_S = 5


async def refuse_simulators(settings: Settings) -> tuple[str, ...]:
    """Raises SettingsError when a neighbour says that it is a simulator, unless this is the sandbox.

    Returns the addresses that could not be asked, so that the caller asks again before trusting them.
    """
    if settings.sandbox:
        return ()
    asked = {"github.api_url": settings.github.api_url}
    for index, tenant in enumerate(settings.tenants):
        if tenant.servicenow is not None:
            asked[f"tenants.{index}.servicenow.url"] = tenant.servicenow.url
        if tenant.identity is not None:
            asked[f"tenants.{index}.identity.url"] = tenant.identity.url
    unanswered: list[str] = []
    problems: list[Problem] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
        for key, url in asked.items():
            simulated = await _says_it_is_one(session, url)
            if simulated is None:
                unanswered.append(url)
            elif simulated:
                problems.append(_refused(key, url))
    if problems:
        raise SettingsError(tuple(problems))
    return tuple(unanswered)


async def _says_it_is_one(session: aiohttp.ClientSession, url: str) -> bool | None:
    try:
        async with session.get(url, allow_redirects=False) as response:
            return SIMULATOR_HEADER in response.headers
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


def _refused(key: str, url: str) -> Problem:
    return Problem(
        "settings.simulator",
        f"expected the real system, found a simulator at {url}.",
        "Set the real address, or run `countersign sandbox`.",
        path=key,
    )
