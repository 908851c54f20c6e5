"""People over HTTP: links between accounts, proposed by one and confirmed by another."""

from __future__ import annotations

import msgspec
from aiohttp import web

from app.db.database import Database
from app.http.auth import caller_of
from app.http.body import answer, decode
from app.http.problem import Problem
from app.http.route import Route
from app.people import store
from app.people.errors import LinkError
from app.people.service import idp_account, servicenow_account
from app.people.store import LinkEvent
from app.tenants.registry import Tenant, Tenants
from app.tokens.model import Permission


class LinkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``account`` is ``servicenow:<user name>`` or ``idp:<user name>``; ``person_account`` a GitHub login or
    ``github:<id>``, or null for somebody who has no GitHub account."""

    account: str
    person_account: str | None = None


class Links(msgspec.Struct, frozen=True):
    links: tuple[LinkEvent, ...]


class PeopleViews:
    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    def routes(self) -> tuple[Route, ...]:
        path = "/api/v1/people/links"
        manage = Permission.PEOPLE_MANAGE
        return (
            Route(
                method="POST", path=path, handler=self.propose, permission=manage, request=LinkRequest,
                response=LinkEvent, status=201, summary="Propose that an account belongs to a person",
            ),
            Route(
                method="POST", path=path + "/{id}/confirmation", handler=self.confirm, permission=manage,
                response=LinkEvent, summary="Confirm a link that somebody else proposed",
            ),
            Route(
                method="GET", path=path, handler=self.links, permission=manage, response=Links,
                summary="Every step of every link",
            ),
        )  # fmt: skip

    async def propose(self, request: web.Request) -> web.Response:
        asked = await decode(request, LinkRequest)
        tenant = self._tenant(request)
        account, login = await _outside(tenant, asked.account)
        person_account = await self._github(tenant, asked.person_account) if asked.person_account else None
        try:
            event = await tenant.people.propose_link(account, login, person_account, caller_of(request).actor)
        except LinkError as error:
            raise _refused(error) from error
        return answer(event, 201)

    async def confirm(self, request: web.Request) -> web.Response:
        tenant = self._tenant(request)
        try:
            event = await tenant.people.confirm_link(request.match_info["id"], caller_of(request).actor)
        except LinkError as error:
            raise _refused(error) from error
        tenant.groups.forget()
        return answer(event)

    async def links(self, request: web.Request) -> web.Response:
        tenant = self._tenant(request)
        return answer(Links(await self._database.read(lambda tx: store.link_events(tx, tenant.id))))

    async def _github(self, tenant: Tenant, text: str) -> str:
        if text.startswith("github:"):
            return text
        found = await self._database.read(lambda tx: store.by_login(tx, tenant.id, text))
        github = [known for known in found if known.account.startswith("github:")]
        if len(github) != 1:
            raise Problem(
                409, "people.login_unclear", "No single account of that login", expected="one known GitHub account",
                found=f"{len(github)} of login {text}", remedy="Give github:<id> instead.",
            )  # fmt: skip
        return github[0].account

    def _tenant(self, request: web.Request) -> Tenant:
        tenant = self._tenants.get(caller_of(request).tenant)
        if tenant is None:
            raise Problem(403, "auth.tenant", "No such tenant", expected="a token of a tenant that is set up")
        return tenant


async def _outside(tenant: Tenant, text: str) -> tuple[str, str]:
    """Account key and user name; a user name is looked up where it is from, so that it exists and is spelt right."""
    kind, _, name = text.partition(":")
    if kind == "servicenow" and name and tenant.servicenow is not None:
        user = await tenant.servicenow.user(name)
        return servicenow_account(user.sys_id), user.user_name
    if kind == "idp" and name and tenant.identity is not None:
        subject = await tenant.identity.subject(name)
        return idp_account(subject.id), subject.user_name
    raise Problem(
        400, "people.account", "Not an account that can be linked",
        expected="servicenow:<user name> or idp:<user name>", found=text,
        remedy="Give the user name; the tenant must have a ServiceNow, or an identity provider.",
    )  # fmt: skip


def _refused(error: LinkError) -> Problem:
    return Problem(409, error.code, "The link is refused", found=str(error), remedy="See `countersign people list`.")
