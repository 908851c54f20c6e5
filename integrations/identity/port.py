"""What Countersign asks of an identity provider, in its own words.

Every method raises integrations.errors.NeighbourError.
"""

from __future__ import annotations

from typing import Protocol

import msgspec


class Subject(msgspec.Struct, frozen=True):
    """Somebody as the identity provider knows them. ``id`` is its own and never changes."""

    id: str
    user_name: str
    active: bool


class IdentityGroup(msgspec.Struct, frozen=True):
    """A group; ``id`` is the provider's own and never changes, ``name`` may."""

    id: str
    name: str


class Identity(Protocol):
    async def check(self) -> None:
        """Returns when address and token work."""
        ...

    async def group(self, group: str) -> IdentityGroup:
        """The only group of this name, or with ``id:`` before it the group of this id; else NotFoundError."""
        ...

    async def group_members(self, group_id: str) -> tuple[Subject, ...]:
        """The active direct members of the group of this id."""
        ...

    async def subject(self, user_name: str) -> Subject:
        """The only subject of this user name, active or not; else NotFoundError."""
        ...

    async def managers(self, subject_id: str) -> tuple[Subject, ...]:
        """The subject's managers, nearest first, to the top; a circle ends where it would begin again.

        NotFoundError when the subject is not there or the provider keeps no reporting line for it.
        """
        ...

    async def close(self) -> None: ...
