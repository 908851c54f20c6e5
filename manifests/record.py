"""Audit records: the canonical bytes that are stored, hashed and never written again.

The bytes are RFC 8785 JSON: fields are declared here in the order of their names, values hold no
floating-point number, and every key is ASCII. A field at its default is left out, so each record has exactly
one form. The limit of 65,535 bytes is that of a C2SP tlog-tiles entry.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NewType

import msgspec

from manifests import canonical
from manifests.attestation import Sha256Hex
from manifests.canonical import MAX_INTEGER
from manifests.errors import ManifestError
from manifests.refusal import refusal
from manifests.vocabulary import Event, Stage

VERSION: Final = 1
MAX_BYTES: Final = 65_535
FIRST_PREV: Final = "0" * 64

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Facts = NewType("Facts", msgspec.Raw)

NO_FACTS: Final = Facts(msgspec.Raw(b"{}"))


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A personal field, encrypted. ``box`` is base64 of nonce and ciphertext, ``commitment`` the SHA-256 that
    commits to the key (AES-GCM does not), ``key`` the id of the person's key."""

    box: str
    commitment: Sha256Hex
    field: str
    key: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a writer knows. ``ts`` is microseconds since 1970 UTC, ``latency_us`` how long the action took.

    ``actor_ref`` is a person's random id or ``service:<name>``. ``before`` and ``after`` are states or digests.
    ``data`` is made by ``facts`` and only there.
    """

    trace_id: str
    ts: int
    stage: Stage
    event: Event
    component: str
    request_id: str = ""
    action: str = ""
    resource: str = ""
    actor_ref: str = ""
    outcome: str = ""
    before: str = ""
    after: str = ""
    latency_us: int = 0
    stamp_hash: str = ""
    tags: tuple[str, ...] = ()
    data: Facts = NO_FACTS
    sealed: tuple[Sealed, ...] = ()


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One entry of a log. ``seq`` counts from 0 in the log, ``tseq`` in the trace; ``prev`` is the leaf hash of
    the trace's record before, ``FIRST_PREV`` at 0. Fields stand in the order of their names."""

    action: str = ""
    actor_ref: str = ""
    after: str = ""
    before: str = ""
    component: Word
    data: msgspec.Raw
    event: Event
    latency_us: Count = 0
    log: Word
    outcome: str = ""
    prev: Sha256Hex
    request_id: str = ""
    resource: str = ""
    sealed: tuple[Sealed, ...] = ()
    seq: Count
    stage: Stage
    stamp_hash: str = ""
    tags: tuple[str, ...] = ()
    trace_id: Word
    ts: Count
    tseq: Count
    v: Literal[1]


class Link(msgspec.Struct, frozen=True):
    """The fields that chain a record, read without looking at the others."""

    log: str
    prev: str
    seq: int
    trace_id: str
    ts: int
    tseq: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)
_link_decoder = msgspec.json.Decoder(Link)
_data_decoder = msgspec.json.Decoder(dict[str, object])


def facts(value: object) -> Facts:
    """``value`` (a struct or mapping) as the ``data`` of a draft. Raises NotCanonicalError for floats, integers
    from 2^53 and keys that are not ASCII, ManifestError for anything but an object."""
    data = canonical.encode(value)
    if not data.startswith(b"{"):
        raise _malformed(f"{type(value).__name__} as data instead of an object")
    return Facts(msgspec.Raw(data))


class Unplaced(msgspec.Struct, frozen=True, gc=False):
    """A draft whose bytes are made, but for what its place in the log decides: that goes between these three parts.
    The whole has at most ``size`` bytes."""

    draft: Draft
    before_prev: bytes
    before_seq: bytes
    before_tseq: bytes
    size: int

    def placed(self, seq: int, tseq: int, prev: bytes) -> bytes:
        """The record's bytes, those of ``seal``; ``prev`` as 64 hexadecimal digits."""
        return b'%b%b%b%d%b%d,"v":1}' % (self.before_prev, prev, self.before_seq, seq, self.before_tseq, tseq)


def unplaced(draft: Draft, log: str) -> Unplaced:
    """The draft checked and encoded once, so that whoever holds the log has little left to do.

    Raises ManifestError for what ``seal`` would refuse anywhere in the log, and for a NUL in what records are found
    by, which PostgreSQL keeps in no text."""
    if "\0" in draft.trace_id or "\0" in draft.resource:
        raise _malformed("a NUL in the trace or resource")
    data = seal(draft, log=log, seq=MAX_INTEGER, tseq=MAX_INTEGER, prev=FIRST_PREV)
    # From the right: nothing but text follows these fields, and quotation marks in text are escaped.
    prev = data.rindex(b'"prev":"') + 8
    seq = data.rindex(b'"seq":') + 6
    return Unplaced(draft, data[:prev], data[prev + 64 : seq], data[seq + 16 : -23], len(data))


def seal(draft: Draft, *, log: str, seq: int, tseq: int, prev: str) -> bytes:
    """The record's bytes at its place in the log. Raises ManifestError for a value out of its range or vocabulary,
    text that is not Unicode, or more than ``MAX_BYTES``."""
    record = Record(
        action=draft.action,
        actor_ref=draft.actor_ref,
        after=draft.after,
        before=draft.before,
        component=draft.component,
        data=draft.data,
        event=draft.event,
        latency_us=draft.latency_us,
        log=log,
        outcome=draft.outcome,
        prev=prev,
        request_id=draft.request_id,
        resource=draft.resource,
        sealed=draft.sealed,
        seq=seq,
        stage=draft.stage,
        stamp_hash=draft.stamp_hash,
        tags=draft.tags,
        trace_id=draft.trace_id,
        ts=draft.ts,
        tseq=tseq,
        v=VERSION,
    )
    try:
        data = _encoder.encode(record)
        _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _malformed(str(error)) from error
    if len(data) > MAX_BYTES:
        raise _malformed(f"{len(data)} bytes, more than {MAX_BYTES}")
    return data


def parse(data: bytes) -> Record:
    """The record in ``data``. Raises ManifestError unless these are the very bytes ``seal`` gives for it."""
    if len(data) > MAX_BYTES:
        raise _malformed(f"{len(data)} bytes, more than {MAX_BYTES}")
    try:
        record = _decoder.decode(data)
        same = _encoder.encode(record) == data
        inner = canonical.encode(_data_decoder.decode(record.data)) == bytes(record.data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _malformed(str(error)) from error
    if not same or not inner:
        raise _malformed("JSON that is not in canonical form")
    return record


def link(data: bytes) -> Link:
    """The chaining fields of a record, several times faster than ``parse``, which alone checks the whole form.

    Enough where the bytes' hash is checked against the tree."""
    try:
        return _link_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _malformed(str(error)) from error


def _malformed(found: str) -> ManifestError:
    return refusal(
        "record.malformed",
        f"expected an audit record in canonical form, found {found[:200]}.",
        "If it was stored, verify the log: the record was altered or written by another version.",
    )
