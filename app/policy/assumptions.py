"""What is assumed of a release: who would say what, what would be pushed, when it would be.

Names are resolved already: whoever asks says whom he means, and ``name`` is what he called them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from manifests.policy import Strength, Way

Decision = Literal["approve", "reject", "hold"]


class Who(msgspec.Struct, frozen=True):
    person: str
    account: str
    name: str
    kind: str = "User"


class Saying(msgspec.Struct, frozen=True):
    """``groups`` None: all that the person is in or acts for. ``strength`` and ``way`` None: as the seats ask."""

    who: Who
    groups: tuple[str, ...] | None = None
    strength: Strength | None = None
    way: Way | None = None


class Delegating(msgspec.Struct, frozen=True):
    """``seconds`` is how long it lasts; None: as long as the rule allows."""

    by: Who
    to: Who
    groups: tuple[str, ...] | None = None
    seconds: int | None = None


class Pushed(msgspec.Struct, frozen=True):
    """``changed`` None: it is not known what. ``by`` None: whoever asked for the release."""

    changed: tuple[str, ...] | None = None
    by: Who | None = None


class Assumptions(msgspec.Struct, frozen=True):
    """``at`` None: now. What is pushed comes first, then labels, then what people take back, then what they say."""

    at: int | None = None
    push: Pushed | None = None
    label: tuple[str, ...] = ()
    unlabel: tuple[str, ...] = ()
    merged: bool = False
    revoke: tuple[Who, ...] = ()
    lift: tuple[Who, ...] = ()
    delegate: tuple[Delegating, ...] = ()
    approve: tuple[Saying, ...] = ()
    reject: tuple[Saying, ...] = ()
    hold: tuple[Saying, ...] = ()
