"""What is told of a policy over HTTP, in a module that costs the command line nothing to import."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["released", "adopted", "proposed", "unknown", "differs"]
COUNTING: tuple[State, ...] = ("released", "adopted")


class Present(msgspec.Struct, frozen=True):
    """The policy as it stands on a branch now. ``sha256`` is empty where there is none; ``proposed_by`` says who asked
    for its adoption, ``problem`` why it cannot be used whether it counts or not, ``text`` what it says."""

    repository: str
    branch: str
    commit: str
    sha256: str
    state: State
    proposed_by: str = ""
    rules: tuple[str, ...] = ()
    problem: str = ""
    text: str = ""


class Adoption(msgspec.Struct, frozen=True):
    """``state`` is ``proposed`` after the first steward, then ``adopted``; ``next`` says what is missing."""

    repository: str
    branch: str
    commit: str
    sha256: str
    state: State
    proposed_by: str
    adopted_by: str = ""
    next: str = ""
