"""A stateful SCIM 2.0 provider over real HTTP, held to RFC 7643 and 7644 as far as they can be read with GET."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from integrations.identity.shapes import ENTERPRISE_USER, ERROR, GROUP, LIST_RESPONSE, USER
from integrations.identity.transport import SIMULATOR_HEADER

TOKEN = "scim-simulator-token"  # noqa: S105 - both ends are on this machine
_CONTENT = "application/scim+json"
_FILTER = re.compile(r'(?P<attribute>displayName|userName) eq (?P<value>"(?:[^"\\]|\\.)*")', re.IGNORECASE)
Json = dict[str, Any]


class Person(msgspec.Struct):
    """One user. ``manager`` is a user name; ``enterprise`` False: the provider keeps no such attributes of them, and
    ``active`` None: nor whether they are active. Who is ``deleted`` still stands in groups."""

    id: str
    user_name: str
    active: bool | None = True
    manager: str = ""
    enterprise: bool = True
    deleted: bool = False


class Team(msgspec.Struct):
    """One group; ``members`` are user names, ``groups`` names of groups within it."""

    id: str
    name: str
    members: list[str] = []
    groups: list[str] = []


class IdentitySimulator:
    """``page`` is the most that a list answers at once; with ``ignore_filters`` every list is whole. While ``failing``
    is not 0 it is every answer's status; every answer takes ``latency_s``."""

    def __init__(self, token: str = TOKEN, page: int = 100) -> None:
        self.token = token
        self.page = page
        self.ignore_filters = False
        self.failing = 0
        self.latency_s = 0.0
        self.requests: list[str] = []
        self.people: dict[str, Person] = {}
        self.teams: dict[str, Team] = {}
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    async def start(self) -> None:
        app = web.Application(middlewares=[self._answered])
        app.router.add_get("/scim/v2/Users", self._users)
        app.router.add_get("/scim/v2/Users/{id}", self._user)
        app.router.add_get("/scim/v2/Groups", self._groups)
        app.router.add_get("/scim/v2/Groups/{id}", self._group)
        app.router.add_get("/scim/v2/ServiceProviderConfig", self._config)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/scim/v2"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # People and groups

    def add_user(self, user_name: str, *, manager: str = "", active: bool | None = True, id: str = "") -> str:
        """The id."""
        person = Person(id or str(uuid.uuid4()), user_name, active, manager)
        self.people[user_name] = person
        return person.id

    def add_group(self, name: str, members: Iterable[str] = (), groups: Iterable[str] = (), *, id: str = "") -> str:
        """The id; another group of the same name is another group."""
        team = Team(id or str(uuid.uuid4()), name, list(members), list(groups))
        self.teams[team.id] = team
        return team.id

    def team(self, name: str) -> Team:
        return next(team for team in self.teams.values() if team.name == name)

    # HTTP

    @web.middleware
    async def _answered(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(request.path_qs)
        await asyncio.sleep(self.latency_s)
        answer = await self._checked(request, handler)
        answer.headers[SIMULATOR_HEADER] = "identity"
        return answer

    async def _checked(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "Authorization failure")
        if self.failing:
            return _error(self.failing, f"Failing with the token {self.token}", {"Retry-After": "7"})
        try:
            answer: web.StreamResponse = await handler(request)
        except web.HTTPNotFound:
            return _error(404, f"Resource {request.path} not found")
        except ValueError as error:
            return _error(400, str(error), scim_type="invalidFilter")
        return answer

    async def _config(self, _: web.Request) -> web.Response:
        no = {"supported": False}
        return _json(
            {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
                "patch": no, "bulk": {**no, "maxOperations": 0, "maxPayloadSize": 0},
                "filter": {"supported": True, "maxResults": self.page}, "changePassword": no, "sort": no, "etag": no,
                "authenticationSchemes": [
                    {"type": "oauthbearertoken", "name": "Bearer", "description": "A bearer token"}
                ],
            }
        )  # fmt: skip

    async def _users(self, request: web.Request) -> web.Response:
        return self._listed(request, [self._of_person(one) for one in self.people.values() if not one.deleted])

    async def _user(self, request: web.Request) -> web.Response:
        identity = request.match_info["id"]
        found = [person for person in self.people.values() if person.id == identity and not person.deleted]
        return _json(self._of_person(found[0])) if found else _missing()

    async def _groups(self, request: web.Request) -> web.Response:
        return self._listed(request, [self._of_team(team) for team in self.teams.values()])

    async def _group(self, request: web.Request) -> web.Response:
        team = self.teams.get(request.match_info["id"])
        return _json(self._of_team(team)) if team is not None else _missing()

    def _listed(self, request: web.Request, resources: list[Json]) -> web.Response:
        """RFC 7644 sections 3.4.2.2 and 3.4.2.4: userName and displayName compare without case."""
        if (text := request.query.get("filter")) is not None:
            match = _FILTER.fullmatch(text)
            if match is None:
                raise ValueError(f"The filter {text} is not supported.")
            name = next(one for one in ("displayName", "userName") if one.lower() == match["attribute"].lower())
            wanted = str(json.loads(match["value"])).casefold()
            if not self.ignore_filters:
                resources = [one for one in resources if str(one.get(name, "")).casefold() == wanted]
        start = max(int(request.query.get("startIndex", "1")), 1)
        count = min(max(int(request.query.get("count", str(self.page))), 0), self.page)
        found = resources[start - 1 : start - 1 + count]
        body: Json = {
            "schemas": [LIST_RESPONSE], "totalResults": len(resources), "startIndex": start, "itemsPerPage": len(found)
        }  # fmt: skip
        return _json(body | ({"Resources": found} if found else {}))

    def _of_person(self, person: Person) -> Json:
        found: Json = {"schemas": [USER], "id": person.id, "userName": person.user_name, "meta": self._meta(person)}
        if person.active is not None:
            found["active"] = person.active
        if person.enterprise:
            found["schemas"].append(ENTERPRISE_USER)
            found[ENTERPRISE_USER] = {"employeeNumber": person.id[:8]}
        if person.enterprise and person.manager:
            above = self.people[person.manager]
            found[ENTERPRISE_USER]["manager"] = {
                "value": above.id, "$ref": f"{self.base_url}/Users/{above.id}", "displayName": above.user_name
            }  # fmt: skip
        return found

    def _of_team(self, team: Team) -> Json:
        members = [self._member("User", self.people[name].id, name) for name in team.members]
        members += [self._member("Group", self.team(name).id, name) for name in team.groups]
        found: Json = {"schemas": [GROUP], "id": team.id, "displayName": team.name, "meta": self._meta(team)}
        return found | ({"members": members} if members else {})

    def _member(self, kind: str, identity: str, name: str) -> Json:
        return {"value": identity, "$ref": f"{self.base_url}/{kind}s/{identity}", "type": kind, "display": name}

    def _meta(self, one: Person | Team) -> Json:
        kind = "User" if isinstance(one, Person) else "Group"
        return {"resourceType": kind, "location": f"{self.base_url}/{kind}s/{one.id}"}


def _json(body: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(text=json.dumps(body), status=status, content_type=_CONTENT, headers=dict(headers or {}))


def _error(status: int, detail: str, headers: Mapping[str, str] | None = None, *, scim_type: str = "") -> web.Response:
    body = {"schemas": [ERROR], "detail": detail, "status": str(status)}
    return _json(body | ({"scimType": scim_type} if scim_type else {}), status, headers)


def _missing() -> web.Response:
    raise web.HTTPNotFound
