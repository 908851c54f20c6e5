"""The App itself at the real GitHub: the port ``GitHubApp`` over REST, version 2022-11-28."""

from __future__ import annotations

import asyncio
import re
import urllib.parse
from collections.abc import Mapping, Sequence

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from integrations.github import parse
from integrations.github.auth import AppCredentials, Clock, InstallationCredentials, Token, load_key
from integrations.github.calls import UNPACED, Caller, Lane, Pacing
from integrations.github.channel import MAX_PAGES, PAGE, Channel, nothing
from integrations.github.installation import RestGitHub
from integrations.github.transport import Sleep, Transport
from integrations.github.writes import TokenBody
from integrations.observing import Observe

DOT_COM = "https://api.github.com"
# GitHub: comments on pull requests need issues or pull_requests, answers to protection rules deployments.
PERMISSIONS: Mapping[str, str] = {
    "actions": "read",
    "checks": "write",
    "contents": "read",
    "deployments": "write",
    "issues": "read",
    "members": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "read",
}

_token = msgspec.json.Decoder(parse.RestToken).decode
_id = msgspec.json.Decoder(parse.Id).decode
_ids = msgspec.json.Decoder(list[parse.Id]).decode
_repositories = msgspec.json.Decoder(parse.Repositories)
_deliveries = msgspec.json.Decoder(list[parse.RestDelivery]).decode
_LINK = re.compile(r'<([^>]*)>;\s*rel="next"')


class RestGitHubApp:
    """The port ``GitHubApp``.

    ``app_id``: the App's id or client id. ``private_key``: a loaded RSA key or its PEM. ``base_url``: for an
    Enterprise Server ``https://host/api/v3``. ``session``: closed by whoever made it; without one, its own.
    ``clock``: microseconds since 1970 UTC. ``pacing``: True for github.com's limits, False for a server that
    has none. ``permissions``: what a token is asked for, never more. ``observe`` is told of every call.
    """

    def __init__(
        self,
        app_id: str,
        private_key: RSAPrivateKey | bytes | str,
        *,
        clock: Clock,
        base_url: str = DOT_COM,
        session: aiohttp.ClientSession | None = None,
        pacing: bool | Pacing = True,
        timeout_s: float = 10,
        permissions: Mapping[str, str] = PERMISSIONS,
        sleep: Sleep = asyncio.sleep,
        observe: Observe | None = None,
    ) -> None:
        self._clock = clock
        self._permissions = dict(permissions)
        self._configured_id = str(app_id)
        rules = pacing if isinstance(pacing, Pacing) else Pacing() if pacing else UNPACED
        self._transport = Transport(session, base_url=base_url, timeout_s=timeout_s, sleep=sleep)
        self._caller = Caller(self._transport, clock, rules, observe)
        credentials = AppCredentials(self._configured_id, load_key(private_key), clock)
        self._app = Channel(self._caller, Lane(credentials))
        self._known_number = int(app_id) if str(app_id).isdecimal() else None
        self._installations: dict[tuple[int, tuple[int, ...]], RestGitHub] = {}
        self._channels: dict[tuple[int, tuple[int, ...]], Channel] = {}

    def installation(self, installation_id: int, repository_ids: Sequence[int] = ()) -> RestGitHub:
        """The client of an installation; with ``repository_ids`` its token reaches these only."""
        key = (installation_id, tuple(sorted(repository_ids)))
        if key not in self._installations:
            self._installations[key] = RestGitHub(self._channel(*key), self._number)
        return self._installations[key]

    async def app_id(self) -> int:
        return (await self._app.get("/app", {}, _id)).id

    async def _number(self) -> int:
        if self._known_number is None:  # the App is known by its client id
            self._known_number = await self.app_id()
        return self._known_number

    async def installation_ids(self) -> tuple[int, ...]:
        found = await self._app.pages("/app/installations{?per_page,page}", {}, _ids)
        return tuple(installation.id for installation in found)

    async def repositories(self, installation_id: int) -> tuple[tuple[int, str], ...]:
        channel = self._channel(installation_id, ())
        found = await channel.pages("/installation/repositories{?per_page,page}", {}, _read_repositories)
        return tuple((repository.id, repository.full_name) for repository in found)

    async def failed_deliveries(self, since: int) -> tuple[int, ...]:
        """The newest failed attempt of each guid, oldest guid first; of the newest 20,000 deliveries."""
        newest: dict[str, parse.RestDelivery] = {}
        arrived: set[str] = set()
        for delivery in await self._deliveries(since):
            newest.setdefault(delivery.guid, delivery)
            if 200 <= delivery.status_code < 300:
                arrived.add(delivery.guid)
        return tuple(found.id for guid, found in reversed(newest.items()) if guid not in arrived)

    async def _deliveries(self, since: int) -> list[parse.RestDelivery]:
        """Newest first. GitHub keeps them for three days and pages them by cursor."""
        found: list[parse.RestDelivery] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            url_vars: dict[str, str | list[str]] = {"per_page": str(PAGE), "cursor": cursor or []}
            page, link = await self._app.page_after("/app/hook/deliveries{?per_page,cursor}", url_vars, _deliveries)
            recent = [delivery for delivery in page if parse.micros(delivery.delivered_at) >= since]
            found.extend(recent)
            cursor = _cursor(link)
            if cursor is None or len(recent) < len(page):
                return found
        # An attempt that succeeded is newer than those that failed, so what was read is right as far as it goes.
        return found

    async def redeliver(self, delivery_id: int) -> None:
        url = "/app/hook/deliveries/{id}/attempts"
        await self._app.write("POST", url, {"id": str(delivery_id)}, None, nothing)

    async def close(self) -> None:
        await self._transport.close()

    def _channel(self, installation_id: int, repository_ids: tuple[int, ...]) -> Channel:
        key = (installation_id, repository_ids)
        if key not in self._channels:

            async def mint() -> Token:
                return await self._mint(installation_id, repository_ids)

            self._channels[key] = Channel(self._caller, Lane(InstallationCredentials(mint, self._clock)))
        return self._channels[key]

    async def _mint(self, installation_id: int, repository_ids: tuple[int, ...]) -> Token:
        """Minting twice is harmless, so it is repeated like a read."""
        url = "/app/installations/{id}/access_tokens"
        body = TokenBody(self._permissions, repository_ids)
        made = await self._app.write("POST", url, {"id": str(installation_id)}, body, _token, repeatable=True)
        return Token(made.token, parse.micros(made.expires_at))


def _read_repositories(body: bytes) -> list[parse.RestRepository]:
    return _repositories.decode(body).repositories


def _cursor(link: str) -> str | None:
    """The cursor of the next page. Only this value is taken from the link, never its address."""
    match = _LINK.search(link)
    if match is None:
        return None
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(match.group(1)).query)
    return query.get("cursor", [None])[0]
