"""What stands beside GitHub in the world of the cases: the service's API, people's keys, and links of accounts."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from app.sandbox.world import TENANT
from app.tokens.model import Permission, Scope
from manifests import sshsig, statement
from manifests.keys import PrivateKey
from tests.cases.stage import CaseWorld
from tests.stateful.lively import Lively

DAYS = 360
Found = tuple[int, Any]


class Desk(Lively):
    """The world of the cases. Two stewards hold a token each; who was ``met`` has an account that the service knows."""

    world: CaseWorld

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, CaseWorld)
        self.keys: dict[str, PrivateKey] = {}
        self.linked: set[str] = set()
        self.met: set[str] = set()
        self._http = self.run(_session())
        self._tokens = [self.run(self._token(name, permission)) for name, permission in _TOKENS]

    def close(self) -> None:
        self.run(self._http.close())
        super().close()

    async def _token(self, name: str, permission: Permission) -> str:
        scope = Scope(permissions=(permission,))
        return (await self.service.tokens.create(TENANT, name, scope, by="service:cases", days=DAYS)).text

    def call(self, method: str, path: str, body: object = None, *, token: int = 0) -> Found:
        """The status and what is answered; ``token`` 0 may do everything, 1 and 2 are the stewards'."""
        return self.run(self._call(method, path, body, self._tokens[token]))

    async def _call(self, method: str, path: str, body: object, token: str) -> Found:
        headers = {"Authorization": f"Bearer {token}"}
        async with self._http.request(method, self.service.address + path, json=body, headers=headers) as answer:
            found = await answer.read()
            return answer.status, msgspec.json.decode(found) if found else None

    # Keys

    def enrol(self, login: str) -> PrivateKey:
        """The person's own key, enrolled by two stewards when it is first asked for."""
        if login not in self.keys:
            key = PrivateKey.generate("ed25519")
            line = key.public.to_openssh()
            status, found = self.call(
                "POST", "/api/v1/people/keys", {"person_account": login, "public_key": line}, token=1
            )
            assert status == 201, found
            path = f"/api/v1/people/keys/{quote(key.public.fingerprint, safe='')}/confirmation"
            status, found = self.call("POST", path, token=2)
            assert status == 200, found
            self.keys[login] = key
        return self.keys[login]

    def sign(self, login: str, release: str, said: dict[str, str]) -> Found:
        """What the service answers to a statement that it serves and the person signs; or why it serves none."""
        key = self.enrol(login)
        asked = {"key": key.public.fingerprint, **said}
        status, prepared = self.call("GET", f"/api/v1/releases/{release}/statement?{urlencode(asked)}")
        if status != 200:
            return status, prepared
        payload = base64.b64decode(prepared["payload"])
        signature = sshsig.sign(key, statement.signed_message(payload))
        words = {name: said[name] for name in said if name in ("reason", "control")}
        sent = {"payload": prepared["payload"], "signature": signature, **words}
        return self.call("POST", "/api/v1/statements", sent)

    # Accounts elsewhere

    def link(self, account: str, login: str | None = None) -> None:
        """Two stewards say whose account ``servicenow:<name>`` or ``idp:<name>`` is; None: of nobody on GitHub."""
        if account in self.linked:
            return
        status, found = self.call(
            "POST", "/api/v1/people/links", {"account": account, "person_account": login}, token=1
        )
        assert status == 201, found
        status, found = self.call("POST", f"/api/v1/people/links/{found['id']}/confirmation", token=2)
        assert status == 200, found
        self.linked.add(account)

    def forget_groups(self) -> None:
        """Groups of neighbours are asked for anew."""
        tenant = self.service.tenants.get(TENANT)
        assert tenant is not None
        tenant.groups.forget()


_TOKENS = (
    ("everything", Permission.ADMIN),
    ("first steward", Permission.PEOPLE_MANAGE),
    ("second steward", Permission.PEOPLE_MANAGE),
)


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()
