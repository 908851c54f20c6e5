"""What is told of a policy over HTTP, in a module that costs the command line nothing to import."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["released", "adopted", "proposed", "superseded", "unknown", "differs"]
"""Of a version on a branch. ``superseded``: another version was released or adopted there since. ``differs``: table and
log do not say the same of the branch."""

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


class Step(msgspec.Struct, frozen=True):
    """One step of one version on one branch; ``at`` in microseconds since 1970 UTC. ``counts`` is true of the one step
    of a branch by which the version that counts there came to count."""

    base_ref: str
    sha256: str
    state: str
    by: str
    release_id: str
    at: int
    counts: bool


class VersionList(msgspec.Struct, frozen=True):
    """By branch, in the order of the log. ``differences``: where the table says something else, so that nothing
    counts."""

    versions: tuple[Step, ...]
    differences: tuple[str, ...] = ()


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
