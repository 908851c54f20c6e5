"""What a source of a group is: somewhere outside that says who belongs to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable

import msgspec

from app.facts.content import RepositoryContent
from gates.model import Member
from integrations.github.port import GitHub
from manifests.policy import Group


class SourceError(Exception):
    """The group cannot be told; the message says why. It becomes the ``problem`` of the group's facts, which name the
    ``members`` last seen: what they say meanwhile is kept, and counts once they are seen again."""

    def __init__(self, message: str, members: tuple[Member, ...] = ()) -> None:
        super().__init__(message)
        self.members = members


class Scope(msgspec.Struct, frozen=True):
    """Where a group is asked about. ``commit`` is that of the base branch, ``paths`` are the files whose owners may be
    meant; without a ``repository`` what belongs to one has no members."""

    github: GitHub
    repository_id: int = 0
    repository: str = ""
    commit: str = ""
    paths: tuple[str, ...] = ()
    content: RepositoryContent | None = None


class Source(msgspec.Struct, frozen=True):
    """One kind of source.

    ``key`` is what its answer is remembered by for some seconds, None for a group that has no such source. ``name``
    says to people what was read. ``read`` gives the members, each with the account that a consent of theirs would have;
    it raises SourceError and NeighbourError.
    """

    key: Callable[[Scope, Group], Hashable | None]
    name: Callable[[Group], str]
    read: Callable[[Scope, Group], Awaitable[tuple[Member, ...]]]
