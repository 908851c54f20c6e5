"""Who calls the API and what they may see: JWTs of Apps, tokens of installations."""

from __future__ import annotations

import jwt

from integrations.github.simulator.model import App, Repository, Token
from integrations.github.simulator.wire import Call, Problem
from integrations.github.simulator.world import World

JWT_LIFETIME_S = 600
SKEW_S = 60


class Access:
    """Authenticates calls as GitHub does. Problem 401, 403 or 404."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, tuple[App, int]] = {}

    def app(self, call: Call) -> App:
        """The App whose JWT this is: its own key, at most ten minutes, not from the future."""
        value = _credential(call)
        now = self._world.clock() // 1_000_000
        known = self._known.get(value)
        if known is None:
            known = self._known[value] = self._verified(value, now)
        app, expires = known
        if now >= expires:
            message = "'Expiration time' claim ('exp') must be a numeric value representing the future time"
            raise Problem(401, message)
        return app

    def _verified(self, value: str, now: int) -> tuple[App, int]:
        try:
            claims = jwt.decode(value, options={"verify_signature": False})
            app = next(app for app in self._world.apps.values() if claims["iss"] in _names(app))
            jwt.decode(
                value,
                app.key,
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "verify_iss": False},
            )
            issued, expires = int(claims["iat"]), int(claims["exp"])
        except (jwt.PyJWTError, KeyError, StopIteration, ValueError):
            raise Problem(401, "A JSON web token could not be decoded") from None
        if issued > now + SKEW_S or expires - now > JWT_LIFETIME_S:
            raise Problem(401, "'Expiration time' claim ('exp') is too far in the future")
        return app, expires

    def token(self, call: Call) -> Token:
        token = self._world.tokens.get(_credential(call))
        if token is None or token.expires_at <= self._world.clock():
            raise Problem(401, "Bad credentials")
        if token.installation.suspended_at is not None:
            raise Problem(403, "This installation has been suspended")
        return token

    def permit(self, call: Call, permission: str, level: str) -> None:
        assert call.token is not None
        held = call.token.permissions.get(permission)
        if held is None or (level == "write" and held != "write"):
            raise Problem(403, "Resource not accessible by integration")

    def sees(self, token: Token, repository: Repository) -> bool:
        installation = token.installation
        return (
            repository.owner is installation.account
            and (installation.repositories is None or repository.id in installation.repositories)
            and (token.repositories is None or repository.id in token.repositories)
        )


def _names(app: App) -> tuple[str, ...]:
    return (str(app.id), f"Iv1.{app.id:016x}")


def _credential(call: Call) -> str:
    scheme, _, value = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "token") or not value:
        raise Problem(401, "Requires authentication")
    return value
