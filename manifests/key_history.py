"""Which key may sign which size of a log: read from the log itself, so that a stranger can judge old checkpoints.

A log's checkpoints are signed by one key at a time, by two while one follows the other. Each change is a record of
the log, about the resource ``server-keys``, by the component ``keys``:

- ``key.created`` names a key that was there first, in the system log only.
- ``key.rotated`` names a new key and the one it ``replaces``. The new key may sign every size above the record's own
  number ``seq``; so may the old one, until it is retired.
- ``key.retired`` ends a key: the greatest size it may sign is the record's ``seq``, the tree just before the record.
- ``key.revoked`` ends a key in the same way, and takes back what it signed: its signatures over sizes above ``size``
  count no longer. What they covered is vouched for by later checkpoints of another key.

A record that does not fit what went before it (a new key that replaces none that signs, one that ended and comes
back, the retirement of the only key) changes nothing.

The records are found in the log in order (``read``); whether they may be believed follows from signatures: a record
is vouched for by any checkpoint over more than ``seq`` records whose root is the tree's and which a key signed that
was believed without this record (``believed``). Whoever trusts the first key is thus led forward, whoever trusts
the newest is led back. From a key that was revoked from before its successor came nobody is led on: trust in the
successor has to come by another way, since whoever held the leaked key could have named a successor too.

A signature outside its key's sizes is as good as none. What is said here of ``use: log``; records with ``use: gate``
are about the key of the gate's answers, which has no sizes, and are read by ``manifests.key_times``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from manifests import checkpoint, note
from manifests.checkpoint import Checkpoint
from manifests.errors import ManifestError
from manifests.keys import KeyKind, PublicKey
from manifests.note import VerifierKey
from manifests.record import Record
from manifests.refusal import refusal

RESOURCE = "server-keys"
COMPONENT = "keys"
CREATED = "key.created"
EVENTS = frozenset({CREATED, "key.rotated", "key.retired", "key.revoked"})
GIVEN = -1
"""The number of no record: a key that was only given."""

Use = Literal["gate", "log"]


class KeyFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ``data`` of these records, whose ``before`` and ``after`` are fingerprints. ``public_key`` (OpenSSH line) is
    the new, retired or revoked key, ``vkey`` the new one under this log's name (C2SP signed-note), ``replaces`` the old
    one's fingerprint and ``replaces_key`` its line.

    ``unvouched``: the old key was lost or leaked, so nobody should look for its signature under the new one's record.
    ``size``: of a revocation, the greatest size whose signatures still count. ``since``: of a revocation of the gate's
    key, the instant from which they do not (microseconds since 1970 UTC).
    """

    kind: KeyKind
    public_key: str
    use: Use
    vkey: str = ""
    replaces: str = ""
    replaces_key: str = ""
    unvouched: bool = False
    size: int | None = None
    since: int | None = None
    reason: str = ""


class Period(msgspec.Struct, frozen=True):
    """The sizes that ``key`` may sign: ``first`` to ``last`` (None: it still signs), of which those above ``counts_to``
    (None: it was not revoked) count no longer. ``named_at`` is the number of the record that names it."""

    key: PublicKey
    first: int
    last: int | None = None
    counts_to: int | None = None
    named_at: int = GIVEN

    def may_sign(self, size: int) -> bool:
        return self.first <= size and (self.last is None or size <= self.last)

    def counts(self, size: int) -> bool:
        return self.may_sign(size) and (self.counts_to is None or size <= self.counts_to)


class KeyHistory(msgspec.Struct, frozen=True):
    """The periods of a log's keys, oldest first. ``origin`` is the log's name in its checkpoints."""

    origin: str
    periods: tuple[Period, ...]

    def acceptable(self, size: int) -> tuple[VerifierKey, ...]:
        """The keys whose signature over the checkpoint of this size counts."""
        return tuple(VerifierKey(self.origin, period.key) for period in self.periods if period.counts(size))

    def taken_back(self, size: int) -> tuple[VerifierKey, ...]:
        """The keys that might sign the checkpoint of this size, and whose signature was revoked since."""
        found = (period for period in self.periods if period.may_sign(size) and not period.counts(size))
        return tuple(VerifierKey(self.origin, period.key) for period in found)

    def signing(self) -> tuple[PublicKey, ...]:
        """The keys that sign the checkpoints to come."""
        return tuple(period.key for period in self.periods if period.last is None)

    def period(self, fingerprint: str) -> Period | None:
        return next((period for period in self.periods if period.key.fingerprint == fingerprint), None)

    def only(self, believed: Iterable[str]) -> KeyHistory:
        """The history of these keys alone, named by fingerprint."""
        kept = frozenset(believed)
        return KeyHistory(self.origin, tuple(period for period in self.periods if period.key.fingerprint in kept))


@lru_cache(1_024)
def public(line: str) -> PublicKey:
    """The key of an OpenSSH line. Remembered, since it takes long to find out that a point is sound."""
    return PublicKey.from_openssh(line)


class Signed(msgspec.Struct, frozen=True):
    """A checkpoint whose root is that of the tree over the log's records, and the fingerprints of those who signed."""

    size: int
    by: frozenset[str]


class Judged(msgspec.Struct, frozen=True):
    """A checkpoint and the keys whose signatures count. ``taken_back``: it has only signatures of keys that were
    allowed to sign this size and have been revoked since, so another checkpoint must vouch for it."""

    checkpoint: Checkpoint
    by: frozenset[str]
    taken_back: bool = False


def read(origin: str, given: Sequence[PublicKey], records: Iterable[Record]) -> KeyHistory:
    """The history that a log's records tell, in order; other records among them do not matter.

    ``given`` are keys that are known from elsewhere. One that no record names counts for every size: it is the log's
    only key yet, or the log was taken back to before it. Raises ManifestError (code ``key.history``) for a record that
    has not its form, as no sound log has one.
    """
    periods: list[Period] = []
    for record in records:
        found = facts_of(record)
        if found is None or found.use != "log" or record.event == CREATED:
            continue
        if not periods:
            periods.append(_beginning(record, found))
        _STEPS[record.event](origin, periods, record, found)
    unnamed = (Period(key, 0) for key in dict.fromkeys(given) if _period(periods, key.fingerprint) is None)
    return KeyHistory(origin, (*periods, *unnamed))


def facts_of(record: Record) -> KeyFacts | None:
    """What a record says of a server's key; None for a record about something else. Raises ManifestError."""
    if record.component != COMPONENT or record.event not in EVENTS or record.resource != RESOURCE:
        return None
    try:
        found = msgspec.json.decode(record.data, type=KeyFacts)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _wrong(record, f"facts about a key: {error}") from error
    named = record.after if record.event in (CREATED, "key.rotated") else record.before
    if named != public(found.public_key).fingerprint:
        raise _wrong(record, f"another key than {named}, which it is about")
    return found


def believed(history: KeyHistory, trusted: Iterable[PublicKey], signed: Iterable[Signed]) -> frozenset[str]:
    """The fingerprints that trust in ``trusted`` leads to, by the signatures of ``signed`` (see the module)."""
    seen = tuple(signed)
    named = {period.key.fingerprint for period in history.periods}
    known = {key.fingerprint for key in trusted} & named
    while True:
        reach = max((one.size for one in seen if _vouches(history, known, one)), default=0)
        led_to = {period.key.fingerprint for period in history.periods if GIVEN < period.named_at < reach}
        if led_to <= known:
            return frozenset(known)
        known |= led_to


def judge(history: KeyHistory, data: bytes) -> Judged:
    """The checkpoint in a note, held to its keys' periods. Nothing is said about its root.

    Raises ManifestError: another log's, no signature of a key that may sign this size (``checkpoint.key_ended`` where
    one of a key that may not is there), or a signature that does not verify.
    """
    found = checkpoint.parse(data)[0]
    counting = history.acceptable(found.size)
    for keys, taken_back in ((counting, False), (history.taken_back(found.size), True)):
        by = _signers(data, history.origin, keys) if keys else frozenset()
        if by:
            return Judged(found, by, taken_back)
    ended = tuple(VerifierKey(history.origin, period.key) for period in history.periods)
    if ended and _signers(data, history.origin, ended):
        raise refusal(
            "checkpoint.key_ended",
            f"expected a signature of a key that may sign {found.size} records, found only ones of keys that may not.",
            "If nobody of you made it, the key leaked: see what the log says of it, and revoke it.",
        )
    checkpoint.verify(data, history.origin, counting)
    raise AssertionError("a checkpoint without a counting signature does not verify")


def _signers(data: bytes, origin: str, keys: Sequence[VerifierKey]) -> frozenset[str]:
    """Who of ``keys`` signed. Raises ManifestError like ``checkpoint.verify``, but not for a checkpoint of others."""
    found, signed = checkpoint.parse(data)
    if found.origin != origin:
        checkpoint.verify(data, origin, keys)
    return frozenset(one.key.fingerprint for one in note.verified_by(signed, keys))


def _vouches(history: KeyHistory, known: set[str], one: Signed) -> bool:
    counting = {verifier.key.fingerprint for verifier in history.acceptable(one.size)}
    return bool(counting & known & one.by)


def _beginning(record: Record, found: KeyFacts) -> Period:
    """The key that signed from the first record on: what the first key record replaces or ends."""
    line = found.replaces_key if record.event == "key.rotated" else found.public_key
    if not line:
        raise _wrong(record, "no key that it replaces")
    return Period(public(line), 0, named_at=record.seq)


def _rotated(origin: str, periods: list[Period], record: Record, found: KeyFacts) -> None:
    key = public(found.public_key)
    if key.kind != "ed25519" or found.vkey != VerifierKey(origin, key).encode():
        raise _wrong(record, "a verifier key that is not the new key under this log's name")
    old = _period(periods, found.replaces)
    if old is not None and old.last is None and _period(periods, key.fingerprint) is None:
        periods.append(Period(key, record.seq + 1, named_at=record.seq))


def _retired(_: str, periods: list[Period], record: Record, found: KeyFacts) -> None:
    period = _period(periods, public(found.public_key).fingerprint)
    signing = [one for one in periods if one.last is None]
    if period in signing and len(signing) > 1:
        periods[periods.index(period)] = msgspec.structs.replace(period, last=record.seq)


def _revoked(_: str, periods: list[Period], record: Record, found: KeyFacts) -> None:
    if found.size is None or found.size < 0:
        raise _wrong(record, f"a revocation from size {found.size} on")
    period = _period(periods, public(found.public_key).fingerprint)
    if period is not None:
        last = record.seq if period.last is None else period.last
        counts_to = found.size if period.counts_to is None else min(found.size, period.counts_to)
        periods[periods.index(period)] = msgspec.structs.replace(period, last=last, counts_to=counts_to)


def _period(periods: Sequence[Period], fingerprint: str) -> Period | None:
    return next((period for period in periods if period.key.fingerprint == fingerprint), None)


def _wrong(record: Record, found: str) -> ManifestError:
    return refusal(
        "key.history",
        f"record {record.seq} of log {record.log}: expected a record of a key that follows from those before it, "
        f"found {found}.",
        "Treat the log as altered: verify it, and compare it with its anchors.",
    )


_STEPS = {"key.rotated": _rotated, "key.retired": _retired, "key.revoked": _revoked}
