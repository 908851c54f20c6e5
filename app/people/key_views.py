"""People's keys over HTTP: proposed with one token, confirmed with another, revoked with any."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from aiohttp import web

from app.db.database import Database
from app.http.auth import caller_of
from app.http.body import answer, decode
from app.http.problem import Problem
from app.http.route import Route
from app.people import store
from app.people.errors import KeyRefusedError
from app.people.key_service import KeyRegistry
from app.people.key_store import KeyStep
from app.tenants.registry import Tenant, Tenants
from app.tokens.model import Permission
from manifests.errors import ManifestError
from manifests.times import from_rfc3339

_Line = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class KeyProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``person_account`` is a GitHub login or ``github:<id>``; ``public_key`` an OpenSSH public key line."""

    person_account: _Line
    public_key: _Line


class KeyRevocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``since`` (RFC 3339) is when a compromise began; left out: all that the key ever signed is void."""

    reason: Literal["superseded", "compromised"]
    since: str | None = None


class KeySteps(msgspec.Struct, frozen=True):
    keys: tuple[KeyStep, ...]


class PersonKeyViews:
    def __init__(self, keys: KeyRegistry, database: Database, tenants: Tenants) -> None:
        self._keys = keys
        self._database = database
        self._tenants = tenants

    def routes(self) -> tuple[Route, ...]:
        path, manage = "/api/v1/people/keys", Permission.PEOPLE_MANAGE
        return (
            Route(
                method="POST", path=path, handler=self.propose, permission=manage, request=KeyProposal,
                response=KeyStep, status=201, summary="Propose that a key belongs to a person",
            ),
            Route(
                method="POST", path=path + "/{fingerprint}/confirmation", handler=self.confirm, permission=manage,
                response=KeyStep, summary="Enrol a key that somebody else proposed",
            ),
            Route(
                method="POST", path=path + "/{fingerprint}/revocation", handler=self.revoke, permission=manage,
                request=KeyRevocation, response=KeyStep, summary="End the use of a key",
            ),
            Route(
                method="GET", path=path, handler=self.list, permission=manage, response=KeySteps,
                summary="Every step of every key",
            ),
        )  # fmt: skip

    async def propose(self, request: web.Request) -> web.Response:
        asked = await decode(request, KeyProposal)
        tenant = self._tenant(request)
        try:
            account = await self._account(tenant, asked.person_account)
            step = await self._keys.propose(tenant.id, account, asked.public_key, caller_of(request).actor)
        except (KeyRefusedError, ManifestError) as error:
            raise _refused(error) from error
        return answer(step, 201)

    async def confirm(self, request: web.Request) -> web.Response:
        tenant, fingerprint = self._tenant(request), request.match_info["fingerprint"]
        cooldown = tenant.policy.people.key_cooldown
        try:
            step = await self._keys.confirm(tenant.id, fingerprint, caller_of(request).actor, cooldown)
        except KeyRefusedError as error:
            raise _refused(error) from error
        return answer(step)

    async def revoke(self, request: web.Request) -> web.Response:
        asked = await decode(request, KeyRevocation)
        tenant, fingerprint = self._tenant(request), request.match_info["fingerprint"]
        try:
            since = from_rfc3339(asked.since) if asked.since is not None else None
            step = await self._keys.revoke(tenant.id, fingerprint, caller_of(request).actor, asked.reason, since)
        except (KeyRefusedError, ManifestError) as error:
            raise _refused(error) from error
        return answer(step)

    async def list(self, request: web.Request) -> web.Response:
        return answer(KeySteps(await self._keys.steps(self._tenant(request).id)))

    async def _account(self, tenant: Tenant, text: str) -> str:
        if text.startswith("github:"):
            return text
        found = await self._database.read(lambda tx: store.by_login(tx, tenant.id, text))
        github = [known.account for known in found if known.account.startswith("github:")]
        if len(github) != 1:
            raise KeyRefusedError(
                "people.login_unclear", "one known GitHub account", f"{len(github)} of login {text}",
                "Give github:<id> instead, once the person has acted in a pull request or is in a group.",
            )  # fmt: skip
        return github[0]

    def _tenant(self, request: web.Request) -> Tenant:
        tenant = self._tenants.get(caller_of(request).tenant)
        if tenant is None:
            raise Problem(403, "auth.tenant", "No such tenant", expected="a token of a tenant that is set up")
        return tenant


def _refused(error: KeyRefusedError | ManifestError) -> Problem:
    if isinstance(error, ManifestError):
        first = error.problems[0]
        return Problem(
            400, first.code, "The request is refused", detail=first.message, found=first.message, remedy=first.remedy
        )
    return Problem(
        error.status, error.code, "The key is refused", expected=error.expected, found=error.found,
        remedy=error.remedy,
    )  # fmt: skip
