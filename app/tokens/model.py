"""What a machine may do: the closed list of permissions, and the scope that narrows them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec


class Permission(StrEnum):
    """``admin`` includes all the others."""

    GATE_DECIDE = "gate.decide"
    GATE_REDEEM = "gate.redeem"
    GATE_REPORT = "gate.report"
    RELEASE_READ = "release.read"
    AUDIT_READ = "audit.read"
    AUDIT_APPEND = "audit.append"
    AUDIT_UNSEAL = "audit.unseal"
    PRIVACY_MANAGE = "privacy.manage"
    PEOPLE_MANAGE = "people.manage"
    TOKENS_MANAGE = "tokens.manage"
    ADMIN = "admin"


PREFIX: Final = "cs"
ID_BYTES: Final = 8
SECRET_BYTES: Final = 32
MAX_LIFETIME_DAYS: Final = 366
_TOKEN = re.compile(r"cs_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller may do. ``repository`` (``owner/name``) and ``workflow`` (its path) None, and
    ``environments`` empty, mean any. No token can prove a ``workflow``, so none is made or taken with one."""

    permissions: tuple[Permission, ...]
    repository: str | None = None
    environments: tuple[str, ...] = ()
    workflow: str | None = None

    def allows(self, permission: Permission) -> bool:
        return permission in self.permissions or Permission.ADMIN in self.permissions

    def covers(self, *, repository: str, environment: str | None = None) -> bool:
        """Whether a question about this repository (any letter case) and environment is inside the scope."""
        if self.repository is not None and self.repository.casefold() != repository.casefold():
            return False
        if environment is None or not self.environments:
            return True
        return environment.casefold() in {known.casefold() for known in self.environments}

    def within(self, other: Scope) -> bool:
        """Whether nothing here goes beyond ``other``: nobody hands on more than they have."""
        return (
            all(other.allows(permission) for permission in self.permissions)
            and (other.repository is None or self.repository == other.repository)
            and (other.workflow is None or self.workflow == other.workflow)
            and (
                not other.environments
                or (bool(self.environments) and set(self.environments) <= set(other.environments))
            )
        )


class TokenScope(msgspec.Struct, frozen=True):
    """Who asks, once verified: ``actor`` is ``token:<id>`` or what another authenticator calls its caller."""

    actor: str
    tenant: str
    scope: Scope


class Token(msgspec.Struct, frozen=True):
    """A token as kept: never its text. Instants in microseconds since 1970 UTC. ``made_by`` is the token it was made
    with (``token:<id>``), or ``operator``."""

    id: str
    tenant: str
    name: str
    scope: Scope
    created_at: int
    expires_at: int
    revoked_at: int | None = None
    made_by: str = ""


class NewToken(msgspec.Struct, frozen=True):
    """A token just made. ``text`` is shown this once and kept nowhere."""

    token: Token
    text: str

    def __repr__(self) -> str:
        return f"NewToken({self.token.id})"


def token_id(text: str) -> str | None:
    """The id inside ``cs_<id>_<secret>``; None when the text has not this form."""
    found = _TOKEN.fullmatch(text)
    return found[1] if found else None
