"""When the key of the gate's answers was in use: read from a log's records, as ``manifests.key_history`` reads the
keys of its checkpoints, but by instants, since a signature of the gate covers no size.

An answer is signed by one key. It counts if its instant (``timeVerified``) lies in the key's term: from the record
that names the key (``key.created``, ``key.rotated``) to the one that ends it (``key.retired``, ``key.revoked``); of a
revoked key only what is older than ``since``. While one key follows another the terms of both overlap. An answer's own
instant is only as good as the key, so of a leaked key only what the log has a record of can be relied on.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from manifests import key_history
from manifests.key_history import KeyFacts
from manifests.keys import PublicKey
from manifests.record import Record


class Term(msgspec.Struct, frozen=True):
    """Instants in microseconds since 1970 UTC: in use from ``since`` (0: from before the log tells) to ``until``
    (None: still); signatures from ``void_from`` on count no longer (None: it was not revoked)."""

    key: PublicKey
    since: int
    until: int | None = None
    void_from: int | None = None

    def counts(self, at: int) -> bool:
        ends = (end for end in (self.until, self.void_from) if end is not None)
        return self.since <= at <= min(ends, default=at)


def read(records: Iterable[Record]) -> tuple[Term, ...]:
    """The terms that a log's records tell, oldest first. Raises ManifestError for what cannot be read."""
    terms: dict[str, Term] = {}
    for record in records:
        found = key_history.facts_of(record)
        if found is None or found.use != "gate":
            continue
        key = key_history.public(found.public_key)
        if record.event in ("key.rotated", key_history.CREATED):
            _begin(terms, record, found, key)
        else:
            _end(terms, record, key, found.since)
    return tuple(terms.values())


def _begin(terms: dict[str, Term], record: Record, found: KeyFacts, key: PublicKey) -> None:
    if found.replaces_key:
        old = key_history.public(found.replaces_key)
        terms.setdefault(old.fingerprint, Term(old, 0))
    terms.setdefault(key.fingerprint, Term(key, record.ts))


def _end(terms: dict[str, Term], record: Record, key: PublicKey, void_from: int | None) -> None:
    term = terms.get(key.fingerprint) or Term(key, 0)
    until = record.ts if term.until is None else term.until
    ends = [end for end in (term.void_from, void_from) if end is not None]
    terms[key.fingerprint] = msgspec.structs.replace(term, until=until, void_from=min(ends, default=None))
