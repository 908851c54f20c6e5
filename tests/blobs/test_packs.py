"""Packs of blobs explain themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blobs.packs import pack, unpack
from manifests.canonical import sha256_hex


def named(bodies: list[bytes]) -> list[tuple[str, bytes]]:
    return [(sha256_hex(body), body) for body in bodies]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_what_is_packed_is_found_where_it_is_said_to_be(bodies: list[bytes]) -> None:
    blobs = named(bodies)
    data, places = pack(blobs)
    assert list(unpack(data)) == blobs
    assert [(place.digest, data[place.start : place.start + place.size]) for place in places] == blobs


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), st.data())
def test_a_pack_with_any_other_byte_is_refused(bodies: list[bytes], draw: st.DataObject) -> None:
    data, _ = pack(named(bodies))
    at = draw.draw(st.integers(0, len(data) - 1))
    wrong = data[:at] + bytes([data[at] ^ draw.draw(st.integers(1, 255))]) + data[at + 1 :]
    with pytest.raises(ValueError, match="expected"):
        list(unpack(wrong))


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), st.data())
def test_a_pack_that_ends_inside_a_blob_is_refused(bodies: list[bytes], draw: st.DataObject) -> None:
    data, places = pack(named(bodies))
    cut = draw.draw(st.integers(places[-1].start - 36 + 1, len(data) - 1))
    with pytest.raises(ValueError, match="expected"):
        list(unpack(data[:cut]))
