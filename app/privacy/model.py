"""Whose data, what is asked about it, what stands against it."""

from __future__ import annotations

from typing import Literal

import msgspec

ErasureState = Literal["requested", "erased", "declined"]
HoldState = Literal["placed", "lift_requested", "lifted"]

EVERYTHING = "*"
"""A hold on the whole tenant."""

ABOUT_ALL = "tenant"
"""The subject of reasons that are about everything of a tenant."""

RETENTION = "retention"
"""The subject of reasons why things are kept shorter."""


class Subject(msgspec.Struct, frozen=True):
    """A person's random id and all their accounts; for what is no person, its name and none."""

    id: str
    accounts: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that keys are kept under."""
        return (self.id, *self.accounts)


class Obstacle(msgspec.Struct, frozen=True):
    """One reason why somebody cannot be erased now, and what would end it. ``until`` in microseconds since 1970 UTC,
    where time alone ends it."""

    code: str
    why: str
    remedy: str
    until: int | None = None


class Step(msgspec.Struct, frozen=True):
    """One step of an erasure or a hold. ``reason`` is sealed, as JSON; ``at`` in microseconds since 1970 UTC."""

    id: str
    state: str
    tenant: str
    subject: str
    reason: str
    by: str
    at: int


class Erasure(msgspec.Struct, frozen=True):
    """As shown. ``reason`` is None once the key that it was sealed under is destroyed."""

    id: str
    state: ErasureState
    subject: str
    reason: str | None
    requested_by: str
    requested_at: int
    settled_by: str = ""
    settled_at: int = 0


class Hold(msgspec.Struct, frozen=True):
    """As shown. ``subject`` is a person's id, or ``*`` for the whole tenant."""

    id: str
    state: HoldState
    subject: str
    reason: str | None
    placed_by: str
    placed_at: int
    lift_requested_by: str = ""
    lifted_by: str = ""


class ErasedData(msgspec.Struct, frozen=True):
    """The data of a ``subject.erased`` record: ``keys`` are those that were destroyed."""

    erasure: str
    keys: tuple[str, ...]
    subject: str


class ErasureData(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of ``subject.erasure_requested`` and ``subject.erasure_declined``."""

    erasure: str
    subject: str
    obstacles: tuple[str, ...] = ()


class HoldData(msgspec.Struct, frozen=True):
    """The data of the records of a legal hold."""

    hold: str
    subject: str


class DisclosedData(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of a ``subject.disclosed`` record: which fields of which record, or everything about a subject."""

    subjects: tuple[str, ...]
    record: int | None = None
    fields: tuple[str, ...] = ()
