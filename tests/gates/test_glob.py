"""Path patterns: ``*`` and ``?`` within a folder, ``**`` over folders."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.glob import matches


@pytest.mark.parametrize(
    ("pattern", "path", "matched"),
    [
        ("releases/**", "releases/a/b/release.yaml", True),
        ("releases/**", "releases/release.yaml", True),
        ("releases/**", "releases2/release.yaml", False),
        ("releases/**/release.yaml", "releases/release.yaml", True),
        ("releases/**/release.yaml", "releases/a/b/release.yaml", True),
        ("releases/**/release.yaml", "releases/a/other.yaml", False),
        ("releases/*/release.yaml", "releases/a/release.yaml", True),
        ("releases/*/release.yaml", "releases/a/b/release.yaml", False),
        ("**", "a/b", True),
        ("**/**", "a", True),
        ("*", "a/b", False),
        ("?.yaml", "a.yaml", True),
        ("?.yaml", "ab.yaml", False),
        ("a*b*c", "aXbXbXc", True),
        ("a*b*c", "aXbXbX", False),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("", "", True),
        ("", "a", False),
        ("**/b", "a/x/b", True),
        ("a/**/b/**/c", "a/b/c", True),
    ],
)
def test_patterns(pattern: str, path: str, matched: bool) -> None:
    assert matches(pattern, path) is matched


def _expression(pattern: str) -> str:
    """The same pattern as a regular expression over the path with a slash after every segment."""
    parts = []
    for part in pattern.split("/"):
        if part == "**":
            parts.append("(?:[^/]*/)*")
        else:
            parts.append("".join({"*": "[^/]*", "?": "[^/]"}.get(c, re.escape(c)) for c in part) + "/")
    return "".join(parts)


@given(st.text("ab/*?", max_size=8), st.text("ab/", max_size=8))
def test_patterns_agree_with_a_regular_expression(pattern: str, path: str) -> None:
    expected = pattern == path or re.fullmatch(_expression(pattern), path + "/") is not None
    assert matches(pattern, path) is expected
