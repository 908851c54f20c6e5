"""What is kept of a history: pull requests, what was said about them, what was allowed and which glass was broken."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from app.sandbox import documents
from integrations.github.simulator.model import Pull

SECOND = 1_000_000
Content = tuple[float, int]
"""Which model a head has, and which version of the files that are no part of the release but matter."""


@dataclass
class Word:
    """What somebody said. ``rule`` is the kind of policy and whether the release was labelled then, ``groups`` are the
    teams they belonged to; None where deliveries were held back or lost, so that it cannot be told what the service
    saw. ``fits``: it named the head, which was never left, of an open pull request into main. ``id`` is the comment's,
    negative for a review, 0 for a statement. ``spoilt``: edited, deleted or dismissed since; ``dead``: a push, or its
    being used, ended it."""

    who: str
    what: str
    sha: str
    at: int
    environments: tuple[str, ...]
    id: int
    rule: tuple[str, bool] | None
    groups: frozenset[str] | None
    clean: bool
    fits: bool
    artifact: str
    to: str = ""
    scope: str = "release"
    incident: str = ""
    spoilt: bool = False
    dead: bool = False


@dataclass
class Case:
    """One pull request. ``heads`` maps every head it ever had to what it held."""

    branch: str
    folder: str
    requester: str
    proposed_at: int
    pull: Pull | None = None
    hands: set[str] = field(default_factory=set)
    heads: dict[str, Content] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    words: list[Word] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    reset_at: int = -1
    merged: str = ""

    @property
    def head(self) -> str:
        assert self.pull is not None
        return self.pull.head_sha

    @property
    def content(self) -> Content:
        return self.heads[self.head]

    @property
    def number(self) -> int:
        assert self.pull is not None
        return self.pull.number

    @property
    def open(self) -> bool:
        return self.pull is not None and self.pull.state == "open"

    def artifacts(self) -> set[str]:
        return {model(shift) for shift, _ in self.heads.values()}


@dataclass
class Glass:
    """A glass that a redeemed decision used up."""

    id: str
    case: Case
    environment: str
    by: frozenset[str]
    due_at: int
    reviewed: bool = False


@dataclass
class Allowed:
    """An allow of the gate."""

    id: str
    case: Case
    environment: str
    at: int
    glass: bool
    redeemed: bool = False


def model(shift: float) -> str:
    """The digest of the artifact."""
    return hashlib.sha256(documents.train(shift=shift).model).hexdigest()
