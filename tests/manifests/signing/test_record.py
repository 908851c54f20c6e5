from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from manifests import canonical, record
from manifests.canonical import NotCanonicalError
from manifests.errors import ManifestError
from manifests.record import Draft, Record, Sealed
from manifests.vocabulary import EVENTS, STAGES

PREV = "ab" * 32
DRAFT = Draft(trace_id="t1", ts=1_763_632_800_000_000, stage="approve", event="grant.recorded", component="grants")

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
WORD = TEXT.filter(bool)
COUNT = st.integers(0, 2**53 - 1)
SCALAR = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
DATA = st.dictionaries(
    KEYS, st.recursive(SCALAR, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=8)
)
DRAFTS = st.builds(
    Draft,
    trace_id=WORD,
    ts=COUNT,
    stage=st.sampled_from(STAGES),
    event=st.sampled_from(EVENTS),
    component=WORD,
    request_id=TEXT,
    action=TEXT,
    resource=TEXT,
    actor_ref=TEXT,
    outcome=TEXT,
    before=TEXT,
    after=TEXT,
    latency_us=COUNT,
    stamp_hash=TEXT,
    tags=st.lists(TEXT, max_size=3).map(tuple),
    data=DATA.map(record.facts),
    sealed=st.lists(st.builds(Sealed, TEXT, st.just(PREV), TEXT, TEXT), max_size=2).map(tuple),
)


def _seal(draft: Draft, **place: Any) -> bytes:
    return record.seal(draft, **{"log": "acme", "seq": 7, "tseq": 2, "prev": PREV, **place})


@given(DRAFTS, WORD, COUNT, COUNT)
def test_bytes_are_those_of_rfc_8785(draft: Draft, log: str, seq: int, tseq: int) -> None:
    data = _seal(draft, log=log, seq=seq, tseq=tseq)
    assert data == rfc8785.dumps(json.loads(data))


@given(DRAFTS)
def test_what_is_sealed_reads_back_and_seals_to_the_same_bytes(draft: Draft) -> None:
    found = record.parse(_seal(draft))
    assert (found.log, found.seq, found.tseq, found.prev, found.v) == ("acme", 7, 2, PREV, 1)
    assert bytes(found.data) == bytes(draft.data)
    for name in set(Draft.__struct_fields__) - {"data"}:
        assert getattr(found, name) == getattr(draft, name)


def test_fields_are_declared_in_the_order_of_their_names() -> None:
    for struct in (Record, Sealed):
        assert list(struct.__struct_encode_fields__) == sorted(struct.__struct_encode_fields__)


def test_a_record_has_this_form() -> None:
    draft = msgspec.structs.replace(DRAFT, data=record.facts({"b": [1, None], "a": "ü"}), latency_us=5)
    assert _seal(draft).decode() == (
        '{"component":"grants","data":{"a":"ü","b":[1,null]},"event":"grant.recorded","latency_us":5,"log":"acme",'
        f'"prev":"{PREV}","seq":7,"stage":"approve","trace_id":"t1","ts":1763632800000000,"tseq":2,"v":1}}'
    )


@given(DRAFTS)
def test_the_link_holds_what_the_whole_record_says(draft: Draft) -> None:
    data = _seal(draft)
    link, whole = record.link(data), record.parse(data)
    assert (link.log, link.seq, link.trace_id, link.tseq, link.prev, link.ts) == (
        (whole.log, whole.seq, whole.trace_id, whole.tseq, whole.prev, whole.ts)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "approval"},
        {"event": "grant.made"},
        {"ts": -1},
        {"ts": 2**53},
        {"ts": 1.5},
        {"latency_us": 0.1},
        {"trace_id": ""},
        {"component": ""},
        {"actor_ref": "\ud800"},
        {"action": None},
        {"tags": (1,)},
        {"sealed": (Sealed("box", "not hex", "field", "key"),)},
        {"resource": "x" * record.MAX_BYTES},
    ],
)
def test_a_draft_outside_the_vocabulary_or_range_is_not_sealed(change: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        _seal(msgspec.structs.replace(DRAFT, **change))


@pytest.mark.parametrize(
    "place", [{"seq": -1}, {"tseq": 2**53}, {"prev": ""}, {"prev": "AB" * 32}, {"log": ""}, {"seq": True}]
)
def test_an_impossible_place_is_refused(place: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        _seal(DRAFT, **place)


def test_the_largest_record_is_sealed_and_one_byte_more_is_not() -> None:
    room = record.MAX_BYTES - len(_seal(msgspec.structs.replace(DRAFT, resource="x"))) + 1
    assert len(_seal(msgspec.structs.replace(DRAFT, resource="x" * room))) == record.MAX_BYTES
    with pytest.raises(ManifestError):
        _seal(msgspec.structs.replace(DRAFT, resource="x" * (room + 1)))


@pytest.mark.parametrize("value", [{"a": 0.5}, {"a": 2**53}, {"ä": 1}, {"a": {"b": [float("inf")]}}])
def test_facts_have_a_canonical_form_or_are_refused(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        record.facts(value)


@pytest.mark.parametrize("value", [[1], "text", 1, None])
def test_facts_are_an_object(value: object) -> None:
    with pytest.raises(ManifestError):
        record.facts(value)


GOOD = _seal(msgspec.structs.replace(DRAFT, data=record.facts({"a": 1, "b": 2})))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        GOOD + b"\n",
        b" " + GOOD,
        GOOD.replace(b'"v":1', b'"v":2'),
        GOOD.replace(b'"v":1', b'"v":1,"w":1'),
        GOOD.replace(b'"v":1', b'"v":1,"v":1'),
        GOOD.replace(b'"seq":7,', b""),
        GOOD.replace(b'"seq":7', b'"seq":7.0'),
        GOOD.replace(b'"seq":7', b'"seq":"7"'),
        GOOD.replace(b'"seq":7', b'"seq": 7'),
        GOOD.replace(b'{"a":1,"b":2}', b'{"b":2,"a":1}'),
        GOOD.replace(b'{"a":1,"b":2}', b'{"a":1,"a":1}'),
        GOOD.replace(b'{"a":1,"b":2}', b'{"a":1,"b":2.0}'),
        GOOD.replace(b'{"a":1,"b":2}', b'{"a":1, "b":2}'),
        GOOD.replace(b'{"a":1,"b":2}', b"[]"),
        GOOD.replace(b'{"a":1,"b":2}', b"1"),
        GOOD.replace(b'"log":"acme",', b'"log":"acme","outcome":"",'),
        GOOD.replace(b"acme", b"\\u0061cme"),
        GOOD.replace(b'{"a":1,"b":2}', b"[" * 50_000),
        GOOD.replace(b'{"a":1,"b":2}', b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    ],
)
def test_bytes_that_seal_would_not_write_are_refused(data: bytes) -> None:
    assert data != GOOD
    with pytest.raises(ManifestError):
        record.parse(data)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_gives_another_record_or_none(at: int, flip: int) -> None:
    changed = bytearray(GOOD)
    changed[at] ^= flip
    try:
        found = record.parse(bytes(changed))
    except ManifestError:
        return
    assert canonical.encode(msgspec.json.decode(msgspec.json.encode(found))) == bytes(changed)


def test_the_vocabulary_is_closed_and_of_one_form() -> None:
    assert len(set(EVENTS)) == len(EVENTS)
    assert all(len(event.split(".")) == 2 for event in EVENTS)
    assert len(STAGES) == 7
