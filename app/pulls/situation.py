"""What consent is judged by, and what comes of it."""

from __future__ import annotations

import msgspec

from app.consents.store import NewGrant, StoredGrant
from app.facts.view import PullView
from app.pulls.observe import Said
from app.pulls.powers import Delegate
from app.pulls.store import Head, Observation, Prompt
from app.releases.store import StoredRelease
from gates.model import Consent, Contributor, ReportingFacts
from integrations.github.port import Comment, Review


class Void(msgspec.Struct, frozen=True):
    """A grant that no longer counts, why, and the observation that says so."""

    grant: StoredGrant
    reason: str
    cause: str


class Note(msgspec.Struct, frozen=True):
    """An answer to somebody, shown in the pull request's comment. ``object`` is what it answers; ``granted`` tells that
    it was done."""

    object: str
    login: str
    text: str
    granted: bool = False


class Consented(msgspec.Struct, frozen=True):
    grants: tuple[NewGrant, ...] = ()
    voids: tuple[Void, ...] = ()
    notes: tuple[Note, ...] = ()


class Situation(msgspec.Struct, frozen=True):
    """What consent is judged by. ``grants`` are those recorded before, ``read_back`` what GitHub shows now of
    each comment or review that could grant (None: it is gone), ``releases`` maps paths to stored releases, ``makers``
    had a hand in earlier heads or in the same artifacts elsewhere; by the ``delegations`` people may act for others;
    ``named`` has the account of each login in lower case that somebody named, ``reporting`` the lines of requesters and
    of whoever speaks or is named, where a rule asks for them. ``lent`` is what people let others do in the whole
    repository by other pull requests, where somebody revokes in this one."""

    view: PullView
    releases: dict[str, StoredRelease]
    heads: tuple[Head, ...]
    prompts: tuple[Prompt, ...]
    grants: tuple[StoredGrant, ...]
    observations: tuple[tuple[Observation, Said], ...]
    read_back: dict[str, Comment | Review | None]
    persons: dict[str, str]
    now: int
    makers: tuple[Contributor, ...] = ()
    delegations: tuple[Consent, ...] = ()
    named: dict[str, Delegate] = {}
    lent: tuple[StoredGrant, ...] = ()
    reporting: ReportingFacts | None = None
