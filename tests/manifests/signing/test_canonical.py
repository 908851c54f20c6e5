"""Canonical bytes are those of RFC 8785, for everything that has a canonical form here."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from manifests import canonical
from manifests.canonical import MAX_INTEGER, NotCanonicalError
from tests.manifests.signing.vectors import load

VECTORS = {case["name"]: case for case in load("jcs.json")["cases"]}
REFUSED = {
    "french": "keys that are not ASCII",
    "structures": "a fraction",
    "values": "a fraction",
    "weird": "such keys",
}

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@pytest.mark.parametrize("name", sorted(VECTORS.keys() - REFUSED.keys()))
def test_the_published_bytes_are_ours(name: str) -> None:
    assert canonical.encode(json.loads(VECTORS[name]["input"])) == VECTORS[name]["output"].encode()


@pytest.mark.parametrize("name", REFUSED)
def test_what_writers_do_not_agree_about_is_refused(name: str) -> None:
    value: Any = json.loads(VECTORS[name]["input"])
    assert rfc8785.dumps(value) == VECTORS[name]["output"].encode()
    with pytest.raises(NotCanonicalError):
        canonical.encode(value)


@given(VALUES)
def test_another_library_writes_the_same_bytes(value: Any) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)
