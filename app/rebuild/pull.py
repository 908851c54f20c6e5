"""What the log says of a pull request and its releases, which is what decisions count; and how the tables differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import bindparam, text

from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from app.rebuild import artifacts, contributors, heads, prompts, releases, withheld
from app.rebuild.artifacts import ArtifactRow
from app.rebuild.compare import compare
from app.rebuild.contributors import ContributorRow
from app.rebuild.heads import HeadRow, ReleaseName
from app.rebuild.memory import Memory
from app.rebuild.model import Derived, Key, Projection
from app.rebuild.prompts import CLOCKS_APART, PromptRow
from app.rebuild.releases import MergedRow, ReleaseRow
from app.rebuild.withheld import WithheldRow

_NOTHING = text("SELECT 1 WHERE :log = ''")
NAMES = Projection(
    table=heads.NAMES, row=ReleaseName, key=("release_id",), prefixes=(), derive=heads.releases_of, select=_NOTHING
)
MERGED = Projection(
    table=releases.MERGED, row=MergedRow, key=("id",), prefixes=(), derive=releases.merged, select=_NOTHING
)
_RELEASES = text(
    "SELECT id, repository_id, number, path, requester, proposed_at, state, revision, name, kind FROM releases"
    " WHERE tenant = :log AND repository_id = :repository_id AND number = :number"
)
_CONTRIBUTORS = text(
    "SELECT release_id, account, person, role FROM release_contributors WHERE release_id IN :releases"
).bindparams(bindparam("releases", expanding=True))

T = TypeVar("T")


class PullSaid(msgspec.Struct, frozen=True):
    """A pull request as the log tells it. ``prompts`` are those of its rows that the log bears out."""

    heads: tuple[HeadRow, ...] = ()
    prompts: tuple[PromptRow, ...] = ()
    releases: tuple[ReleaseRow, ...] = ()
    differences: tuple[str, ...] = ()

    def release(self, release_id: str) -> ReleaseRow | None:
        return next((row for row in self.releases if row.id == release_id), None)

    @property
    def base_ref(self) -> str:
        """The branch that it was last proposed into."""
        last = max(self.releases, key=lambda row: (row.state != "closed", row.proposed_at), default=None)
        return last.base_ref if last is not None else ""


class ReleaseSaid(msgspec.Struct, frozen=True):
    """What follows a release and its artifacts, as the log tells it. ``others`` maps other releases with any of the
    artifacts to the number of their pull request; ``newer`` is the pull request of a newer release that was merged."""

    own: tuple[ContributorRow, ...] = ()
    elsewhere: tuple[ContributorRow, ...] = ()
    others: Mapping[str, int] = {}
    withheld: tuple[WithheldRow, ...] = ()
    newer: int | None = None
    differences: tuple[str, ...] = ()


def pull_said(tx: Tx, memory: Memory, log: str, repository_id: int, number: int) -> PullSaid:
    """Where a record was altered, nothing but the difference is told."""
    return _or_altered(lambda: _pull(tx, memory, log, repository_id, number), PullSaid)


def release_said(tx: Tx, memory: Memory, log: str, row: ReleaseRow, digests: Iterable[str]) -> ReleaseSaid:
    """``row`` as the table has it; ``digests`` are the artifacts that the release names now."""
    return _or_altered(lambda: _release(tx, memory, log, row, sorted(set(digests))), ReleaseSaid)


def _or_altered(read: Callable[[], T], empty: Callable[..., T]) -> T:
    try:
        return read()
    except RecordAlteredError as error:
        return empty(differences=(f"record {error.seq} of log {error.log} was altered: {error.what}",))


def _pull(tx: Tx, memory: Memory, log: str, repository_id: int, number: int) -> PullSaid:
    about, prompted = heads.resource(repository_id, number), prompts.resource(repository_id, number)
    said = memory.look(tx, log, [(heads.PROJECTION, about), (NAMES, about), (prompts.PROJECTION, prompted)])
    stored = tuple(
        ReleaseRow(*tuple(row)) for row in tx.all(_RELEASES, log=log, repository_id=repository_id, number=number)
    )
    ids = {row.id for row in stored} | {name.row.release_id for name in said.of(NAMES).values()}
    found = memory.look(tx, log, [(releases.PROJECTION, releases.resource(one)) for one in sorted(ids)])
    shown = prompts.rows(tx, repository_id, number)
    differences = [
        *compare(heads.PROJECTION, said.of(heads.PROJECTION), heads.rows(tx, repository_id, number)),
        *compare(prompts.PROJECTION, said.of(prompts.PROJECTION), shown),
        *compare(releases.PROJECTION, found.of(releases.PROJECTION), stored),
    ]
    good, early = _borne_out(said.of(prompts.PROJECTION), shown)
    return PullSaid(
        _told(said.of(heads.PROJECTION)), good, _told(found.of(releases.PROJECTION)),
        (*map(str, differences), *early),
    )  # fmt: skip


def _told(rows: Mapping[Key, Derived[T]]) -> tuple[T, ...]:  # type: ignore[type-var]
    return tuple(one.row for one in sorted(rows.values(), key=lambda one: one.seq))


def _borne_out(
    said: Mapping[Key, Derived[PromptRow]], shown: Sequence[PromptRow]
) -> tuple[tuple[PromptRow, ...], list[str]]:
    """The prompts that are what the log says, oldest first, and what is wrong with the time of others."""
    good, early = [], []
    for row in sorted(shown, key=lambda row: row.posted_at):
        told = said.get(prompts.PROJECTION.key_of(row))
        if told is None or prompts.PROJECTION.differing(told.row, row):
            continue
        if row.posted_at < told.row.posted_at - CLOCKS_APART:
            early.append(
                f"the row {row.digest} of prompts says that it was shown at {row.posted_at}, but record {told.seq}"
                f" says that it was composed at {told.row.posted_at}"
            )
        else:
            good.append(row)
    return tuple(good), early


def _release(tx: Tx, memory: Memory, log: str, row: ReleaseRow, digests: Sequence[str]) -> ReleaseSaid:
    merged = releases.merged_resource(row.repository_id, row.kind, row.name)
    wanted: list[tuple[Projection[msgspec.Struct], str]] = [
        (contributors.PROJECTION, contributors.resource(row.id)),  # type: ignore[list-item]
        (MERGED, merged),  # type: ignore[list-item]
    ]
    for digest in digests:
        named = artifacts.resource(digest)
        wanted += [(artifacts.PROJECTION, named), (withheld.PROJECTION, named)]  # type: ignore[list-item]
    said = memory.look(tx, log, wanted)
    naming = said.of(artifacts.PROJECTION)
    stored = artifacts.rows(tx, log, digests)
    others = _others(row.id, naming, stored)
    about = memory.look(tx, log, [(contributors.PROJECTION, contributors.resource(one)) for one in sorted(others)])
    own, elsewhere = said.of(contributors.PROJECTION), about.of(contributors.PROJECTION)
    known = _contributors(tx, [row.id, *others])
    differences = [
        *compare(contributors.PROJECTION, {**own, **elsewhere}, known),
        *compare(artifacts.PROJECTION, naming, stored),
        *compare(withheld.PROJECTION, said.of(withheld.PROJECTION), withheld.rows(tx, log, digests)),
    ]
    return ReleaseSaid(
        _told(own), _told(elsewhere), others, _told(said.of(withheld.PROJECTION)),
        _newer(row, said.of(MERGED)), tuple(map(str, differences)),
    )  # fmt: skip


def _others(
    release_id: str, naming: Mapping[Key, Derived[ArtifactRow]], stored: Sequence[ArtifactRow]
) -> dict[str, int]:
    told = {row.release_id: row.number for row in stored} | {
        one.row.release_id: one.row.number for one in naming.values()
    }
    told.pop(release_id, None)
    return told


def _contributors(tx: Tx, ids: Sequence[str]) -> list[ContributorRow]:
    found: list[ContributorRow] = []
    for start in range(0, len(ids), 500):
        found += (ContributorRow(*tuple(row)) for row in tx.all(_CONTRIBUTORS, releases=list(ids[start : start + 500])))
    return found


def _newer(row: ReleaseRow, merged: Mapping[Key, Derived[MergedRow]]) -> int | None:
    later = [one.row for one in merged.values() if one.row.id != row.id and one.row.proposed_at > row.proposed_at]
    return max(later, key=lambda one: one.proposed_at).number if later else None
