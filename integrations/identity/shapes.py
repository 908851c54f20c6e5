"""SCIM 2.0 resources as they are sent (RFC 7643 and 7644), as far as they are read. Unknown attributes are let be."""

from __future__ import annotations

import re
from typing import Final

import msgspec

LIST_RESPONSE: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_USER: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ID: Final = re.compile(r"(?!\.+$)[A-Za-z0-9._:@|+=~-]{1,200}", re.ASCII)
"""What an id has to look like to be kept in records and asked for in a path."""


class Manager(msgspec.Struct, frozen=True):
    value: str | None = None


class Enterprise(msgspec.Struct, frozen=True):
    manager: Manager | None = None


class User(msgspec.Struct, frozen=True, rename="camel"):
    """``active`` None: the provider does not tell. ``enterprise`` is the extension of RFC 7643 section 4.3."""

    schemas: tuple[str, ...]
    id: str
    user_name: str
    active: bool | None = None
    enterprise: Enterprise | None = msgspec.field(default=None, name=ENTERPRISE_USER)


class GroupMember(msgspec.Struct, frozen=True):
    """``type`` is User or Group; where it is left out, the last folder of ``ref`` tells."""

    value: str
    type: str = ""
    ref: str = msgspec.field(default="", name="$ref")

    @property
    def is_group(self) -> bool:
        return self.type.lower() == "group" or (not self.type and "/Groups/" in self.ref)


class Group(msgspec.Struct, frozen=True, rename="camel"):
    schemas: tuple[str, ...]
    id: str
    display_name: str
    members: tuple[GroupMember, ...] = ()


class ListResponse(msgspec.Struct, frozen=True, rename="camel"):
    """One page. ``Resources`` may be left out where there are none (RFC 7644 section 3.4.2)."""

    schemas: tuple[str, ...]
    total_results: int
    start_index: int = 1
    resources: tuple[msgspec.Raw, ...] = msgspec.field(default=(), name="Resources")


class Error(msgspec.Struct, frozen=True):
    detail: str = ""
