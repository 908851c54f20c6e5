"""API of the App itself: who it is, its installations, tokens and deliveries."""

from __future__ import annotations

import urllib.parse

from integrations.github.simulator.api import Api, number
from integrations.github.simulator.bodies import TokenRequest
from integrations.github.simulator.model import Delivery, Installation, Token
from integrations.github.simulator.render import Json, iso
from integrations.github.simulator.wire import Call, Problem, Reply, paged

HOUR = 3_600_000_000


class AppApi:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._world = api.stage.world
        self._render = api.stage.render
        api.route("GET", "/app", self.app, None)
        api.route("GET", "/app/installations", self.installations, None)
        api.route("POST", "/app/installations/{id}/access_tokens", self.make_token, None)
        api.route("GET", "/app/hook/deliveries", self.deliveries, None)
        api.route("POST", "/app/hook/deliveries/{id}/attempts", self.redeliver, None)
        api.route("GET", "/installation/repositories", self.repositories, ("metadata", "read"))

    def app(self, call: Call) -> Reply:
        assert call.app is not None
        count = len(self._own(call))
        return Reply(200, {**self._render.app(call.app), "installations_count": count})

    def installations(self, call: Call) -> Reply:
        shown, headers = paged(call, self._own(call), self._api.url(call))
        return Reply(200, [self._render.installation(one) for one in shown], headers)

    def _own(self, call: Call) -> list[Installation]:
        return [one for one in self._world.installations.values() if one.app is call.app]

    def make_token(self, call: Call) -> Reply:
        installation = self._world.installations.get(number(call.values[0]))
        if installation is None or installation.app is not call.app:
            raise Problem(404, "Not Found")
        if installation.suspended_at is not None:
            raise Problem(403, "This installation has been suspended")
        asked = call.read(TokenRequest)
        permissions = self._permissions(installation, asked.permissions)
        repositories = self._scope(installation, asked)
        value = self._world.new_token(installation.app.id)
        expires = self._world.clock() + HOUR
        self._world.tokens[value] = Token(installation, permissions, repositories, expires)
        body: Json = {
            "token": value,
            "expires_at": iso(expires),
            "permissions": permissions,
            "repository_selection": "all" if repositories is None else "selected",
        }
        return Reply(201, body)

    def _permissions(self, installation: Installation, asked: dict[str, str] | None) -> dict[str, str]:
        held = installation.app.permissions
        for name, level in (asked or {}).items():
            if name not in held or (level == "write" and held[name] != "write"):
                raise Problem(422, "The permissions requested are not granted to this installation.")
        return dict(held if asked is None else {**asked, "metadata": "read"})

    def _scope(self, installation: Installation, asked: TokenRequest) -> frozenset[int] | None:
        if asked.repository_ids is None:
            return None
        owned = {one.id for one in self._world.repositories.values() if one.owner is installation.account}
        if not owned.issuperset(asked.repository_ids):
            raise Problem(422, "There is at least one repository that does not exist or is not accessible")
        return frozenset(asked.repository_ids)

    def repositories(self, call: Call) -> Reply:
        assert call.token is not None
        token = call.token
        seen = [one for one in self._world.repositories.values() if self._api.access.sees(token, one)]
        shown, headers = paged(call, seen, self._api.url(call))
        body: Json = {
            "total_count": len(seen),
            "repositories": [self._render.repository(one) for one in shown],
            "repository_selection": "all" if token.repositories is None else "selected",
        }
        return Reply(200, body, headers)

    def deliveries(self, call: Call) -> Reply:
        """Newest first, paged by a cursor: the id of the last one shown."""
        log = self._api.stage.deliveries.log
        own = [one for one in reversed(log) if one.app is call.app and one.status != "pending"]
        own.sort(key=lambda one: (one.delivered_at, one.id), reverse=True)
        cursor = call.query.get("cursor", "")
        if cursor:
            last = number(cursor.removeprefix("v1_"))
            places = [place for place, one in enumerate(own) if one.id == last]
            own = own[places[0] + 1 :] if places else []
        size = min(int(call.query.get("per_page", "30")), 100)
        headers: dict[str, str] = {}
        if len(own) > size:
            query = urllib.parse.urlencode({"per_page": size, "cursor": f"v1_{own[size - 1].id}"})
            headers["link"] = f'<{self._api.url(call)}?{query}>; rel="next"'
        return Reply(200, [_delivery(one) for one in own[:size]], headers)

    def redeliver(self, call: Call) -> Reply:
        wanted = number(call.values[0])
        for delivery in self._api.stage.deliveries.log:
            if delivery.id == wanted and delivery.app is call.app:
                self._api.stage.deliveries.redeliver(delivery)
                return Reply(202, {})
        raise Problem(404, "Not Found")


def _delivery(delivery: Delivery) -> Json:
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": iso(delivery.delivered_at),
        "redelivery": delivery.redelivery,
        "duration": delivery.duration_s,
        "status": delivery.status,
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repository_id,
        "throttled_at": None,
    }
