"""The revision changes with every byte and path that it covers, and with nothing else."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.paths import PathError
from manifests.revision import revision

_PATHS = st.text(alphabet="abc", min_size=1, max_size=5)
_DIGESTS = st.text(alphabet="0123456789abcdef", min_size=64, max_size=64)
_REVISIONS = st.dictionaries(_PATHS, _DIGESTS, min_size=1, max_size=5)


@given(_REVISIONS)
def test_it_is_the_digest_of_the_sorted_compact_json_object(digests: dict[str, str]) -> None:
    text = json.dumps(digests, sort_keys=True, separators=(",", ":"))
    assert revision(digests) == hashlib.sha256(text.encode()).hexdigest()


@given(_REVISIONS, _REVISIONS)
def test_two_sets_of_files_share_a_revision_only_if_they_are_equal(a: dict[str, str], b: dict[str, str]) -> None:
    assert (revision(a) == revision(b)) == (a == b)


@pytest.mark.parametrize("digest", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n"])
def test_anything_but_a_sha256_is_refused(digest: str) -> None:
    with pytest.raises(ValueError, match="64 lower-case hex digits"):
        revision({"release.yaml": digest})


def test_no_files_and_paths_outside_are_refused() -> None:
    with pytest.raises(ValueError, match="found none"):
        revision({})
    with pytest.raises(PathError):
        revision({"../release.yaml": "a" * 64})
