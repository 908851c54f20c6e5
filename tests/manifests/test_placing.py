"""A draft that is encoded once gets the very bytes that it would have been sealed to."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from manifests import record
from manifests.canonical import MAX_INTEGER
from manifests.record import Draft, Sealed

TRICKS = ('","prev":"' + "0" * 64, '"seq":9007199254740991', ',"tseq":9007199254740991,"v":1}', "\u2028\x7f\\", "")
texts = st.one_of(st.sampled_from(TRICKS), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
findable = texts.map(lambda found: found.replace("\0", "_"))
counts = st.integers(0, MAX_INTEGER)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
keys = st.sampled_from(["prev", "seq", "tseq", "v", "x"])
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(texts, st.integers(-MAX_INTEGER, MAX_INTEGER), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=6,
)
drafts = st.builds(
    Draft,
    trace_id=findable.filter(bool),
    ts=counts,
    stage=st.just("system"),
    event=st.just("external.reported"),
    component=texts.filter(bool),
    request_id=texts,
    action=texts,
    resource=findable,
    actor_ref=texts,
    outcome=texts,
    before=texts,
    after=texts,
    latency_us=counts,
    stamp_hash=texts,
    tags=st.lists(texts, max_size=2).map(tuple),
    data=st.dictionaries(keys, values, max_size=3).map(record.facts),
    sealed=st.lists(st.builds(Sealed, texts, hashes, texts, texts), max_size=2).map(tuple),
)


@given(drafts, texts.filter(bool), counts, counts, hashes)
def test_placed_bytes_are_sealed_bytes(draft: Draft, log: str, seq: int, tseq: int, prev: str) -> None:
    unplaced = record.unplaced(draft, log)
    sealed = record.seal(draft, log=log, seq=seq, tseq=tseq, prev=prev)
    assert unplaced.placed(seq, tseq, prev.encode()) == sealed
    assert len(sealed) <= unplaced.size


@given(drafts, counts)
def test_sealed_bytes_are_those_of_rfc_8785(draft: Draft, seq: int) -> None:
    sealed = record.unplaced(draft, "acme").placed(seq, 0, record.FIRST_PREV.encode())
    assert sealed == rfc8785.dumps(json.loads(sealed))
    assert msgspec.json.decode(sealed)["seq"] == seq
