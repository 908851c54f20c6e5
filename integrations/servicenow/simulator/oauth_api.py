"""``/oauth_token.do``: form bodies only, the same token until it expires, one refusal for every cause."""

from __future__ import annotations

from aiohttp import web

from integrations.servicenow.simulator.http import answer
from integrations.servicenow.simulator.instance import Instance

SESSION_COOKIE = "JSESSIONID"
_FORM = "application/x-www-form-urlencoded"


class OAuthApi:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/oauth_token.do", self.token)]

    async def token(self, request: web.Request) -> web.Response:
        if request.content_type != _FORM:
            return _refused("unspecified error")
        form = await request.post()
        settings = self._instance.settings
        bound = self._instance.people.knows_session(request.cookies.get(SESSION_COOKIE, ""))
        if bound or form.get("grant_type") != "client_credentials" or not settings.client_credentials_enabled:
            return _refused("access_denied")
        client_id, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        found = self._instance.people.token(client_id, secret, settings.token_life_s)
        if found is None:
            return _refused("access_denied")
        token, left = found
        return answer({"access_token": token, "scope": "useraccount", "token_type": "Bearer", "expires_in": left})


def _refused(description: str) -> web.Response:
    return answer({"error_description": description, "error": "server_error"}, 401)
