"""People's text stays text wherever we print it."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from manifests.command import neutralise, parse_command
from manifests.command_text import storable

_WORDS = r"@ # / approve a1b2c3d GH- 12 http: // www . x <!-- --> <b> &#64; ` ``` * _ [ ] ( ) | ~ \ - + 1. > = : ! $ é"
_BLANKS = ("\n", " ", "\t", "\r", "    ", "\u202e", "\x00", "\u2028", "\u200b")
_PIECES = st.sampled_from([*_WORDS.split(), *_BLANKS])
_TEXTS = st.lists(_PIECES, max_size=20).map("".join) | st.text(max_size=60)
_PLAIN_TOKENS = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak"}
_FOUND_BY_GITHUB = re.compile(
    r"@[A-Za-z0-9]|#[0-9]|\bGH-[0-9]|(?<![0-9A-Za-z])[0-9a-f]{7,40}(?![0-9A-Za-z])|://|www\.",
    re.IGNORECASE,
)


def rendered(markdown: str) -> tuple[set[str], str]:
    """The kinds of token in the page, and its text."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    inline = [child for token in tokens for child in token.children or ()]
    lines = ("".join(c.content if c.type != "softbreak" else "\n" for c in t.children or ()) for t in tokens)
    return {token.type for token in [*tokens, *inline]}, "\n".join(line for line in lines if line)


@given(_TEXTS)
@example("- a\n- b")
@example("1. a")
@example("a\n===")
@example("| a |\n|---|\n| b |")
@example("~~~\n/approve\n~~~")
@example("[x]: /u\n[x]")
def test_it_renders_as_plain_paragraphs(text: str) -> None:
    kinds, _ = rendered(neutralise(text))
    assert kinds <= _PLAIN_TOKENS


@given(_TEXTS)
def test_the_page_shows_the_text_itself(text: str) -> None:
    _, shown = rendered(neutralise(text))
    expected = [line.strip() for line in storable(text).replace("\t", " ").split("\n")]
    assert _letters(shown) == _letters("\n".join(expected))


def _letters(text: str) -> str:
    return re.sub(r"\s|\u200b", "", text)


@given(_TEXTS)
def test_github_finds_nothing_in_the_rendered_text(text: str) -> None:
    _, shown = rendered(neutralise(text))
    assert not _FOUND_BY_GITHUB.search(shown)
    assert not _FOUND_BY_GITHUB.search(neutralise(text))
    assert "<" not in neutralise(text)


@given(_TEXTS)
def test_no_line_is_a_command_for_us_or_for_others(text: str) -> None:
    printed = neutralise(text)
    assert parse_command(printed) is None
    assert not re.search(r"(?m)^\s*/[a-z]", printed)
    assert not re.search(r"(^|\s)/approve", printed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words, and more", "plain words, and more"),
        ("@acme/all", "@\u200bacme/all"),
        ("fixes #12", "fixes \\#\u200b12"),
        ("/approve", "\\/\u200bapprove"),
        ("<!-- x -->", "&lt;\\!\\-\\- x \\-\\-&gt;"),
        ("a1b2c3d4", "a1b2c3\u200bd4"),
        ("  indented  ", "indented"),
        ("a\r\nb\rc", "a\nb\nc"),
    ],
)
def test_what_it_writes(text: str, expected: str) -> None:
    assert neutralise(text) == expected
