"""The audit log searched by a person: who did what to what, when, and which release it was about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from sqlalchemy import bindparam, text

from app.audit.errors import RecordAlteredError
from app.console.access import Viewer
from app.console.names import Names
from app.console.timeline import tone
from app.db.tx import Tx
from app.people import store as people
from app.search import scrub, written
from app.search.asked import Asked
from app.search.errors import QueryError
from app.search.query import page
from manifests.canonical import MAX_INTEGER
from manifests.record import Record
from manifests.vocabulary import EVENTS

PAGE = 50

_RELEASES = text(
    "SELECT id, trace_id, name, path, version FROM releases WHERE tenant = :tenant AND trace_id IN :traces"
).bindparams(bindparam("traces", expanding=True))


class Wanted(Asked, frozen=True):
    """The query string. ``actor`` may be a login too; ``before`` is where the page before ended."""

    before: Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)] | None = None

    @property
    def filters(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in Asked.__struct_fields__ if getattr(self, name)}

    def with_(self, **others: str | int) -> str:
        """The address of this question with other values."""
        return "/audit?" + urlencode({**self.filters, **others})


class Row(msgspec.Struct, frozen=True):
    """Texts are without secrets. ``about`` is the name of the release with the id ``release``; both are empty for a
    record of none. ``body`` is the record as indented JSON."""

    record: Record
    what: str
    tone: str
    actor: str
    actor_ref: str
    resource: str
    outcome: str
    trace: str
    release: str
    about: str
    body: str


class Found(msgspec.Struct, frozen=True):
    """One page; ``behind`` records are not in the search index yet. ``problem`` says what cannot be asked or shown,
    ``altered`` that it is because the log is not what was sealed."""

    rows: tuple[Row, ...] = ()
    following: int | None = None
    cut_short: bool = False
    behind: int = 0
    size: int = 0
    problem: str = ""
    altered: bool = False
    events: tuple[str, ...] = EVENTS


def read(tx: Tx, viewer: Viewer, wanted: Wanted, now: int) -> Found:
    """Records of the viewer's tenant that fit, newest first."""
    try:
        asked = wanted.query(now)
        asked = msgspec.structs.replace(asked, actor=_actor(tx, viewer.tenant, asked.actor))
        found = page(tx, viewer.tenant, asked, before=wanted.before, limit=PAGE)
    except QueryError as error:
        return Found(problem=f"{str(error)[:1].upper()}{str(error)[1:]}.")
    except RecordAlteredError as error:
        return Found(problem=str(error), altered=True)
    rows = _rows(tx, viewer.tenant, found.records)
    return Found(rows, found.following, found.cut_short, found.size - found.indexed, found.size)


def _actor(tx: Tx, tenant: str, actor: str) -> str:
    """The person of a login that only one person has; anything else as it is."""
    persons = {known.person for known in people.by_login(tx, tenant, actor)} if actor else set()
    return persons.pop() if len(persons) == 1 else actor


def _rows(tx: Tx, tenant: str, records: Sequence[Record]) -> tuple[Row, ...]:
    traces = sorted({record.trace_id for record in records})
    releases = {row.trace_id: row for row in tx.all(_RELEASES, tenant=tenant, traces=traces)} if traces else {}
    names = Names(tx, tenant)
    rows = []
    for record in records:
        release = releases.get(record.trace_id)
        about = f"{release.name or release.path} {release.version}".strip() if release is not None else ""
        rows.append(
            Row(
                record, _clean(_plain(record)), tone(record.outcome), _clean(names.of(record.actor_ref)),
                _clean(record.actor_ref), _clean(record.resource), _clean(record.outcome), _clean(record.trace_id),
                release.id if release is not None else "", about, _body(record),
            )
        )  # fmt: skip
    return tuple(rows)


def _plain(record: Record) -> str:
    subject, _, verb = record.event.partition(".")
    return f"{subject.capitalize()} {verb.replace('_', ' ')}"


def _clean(value: str) -> str:
    return scrub.text(value, lambda kind: None)


def _body(record: Record) -> str:
    return msgspec.json.format(written.line(record).text, indent=2).decode()
