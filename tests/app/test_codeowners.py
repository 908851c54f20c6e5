"""Who owns a path by CODEOWNERS, as GitHub's page "About code owners" says."""

from __future__ import annotations

import time

import pytest

from app.facts.codeowners import Line, matches, owners, parse

PATTERNS = [
    ("*", "README.md releases/a/release.yaml", ""),
    ("*.js", "a.js src/deep/a.js", "a.jsx js a.js.map"),
    ("foo", "foo foo/bar bar/foo bar/foo/baz", "foo.txt bar/foo.txt bar/baz"),
    ("/foo", "foo foo/bar", "bar/foo foo.txt"),
    ("/build/logs/", "build/logs/a build/logs/deep/a", "build/logs x/build/logs/a build/log"),
    ("docs/*", "docs/getting-started.md", "docs/build-app/troubleshooting.md x/docs/a docs"),
    ("apps/", "apps/a src/apps/a src/apps/deep/a", "apps myapps/a"),
    ("/docs/", "docs/a docs/deep/a", "src/docs/a"),
    ("**/logs", "logs/a build/logs/a deeply/nested/logs/a", "mylogs/a"),
    ("/apps/github", "apps/github apps/github/a", "apps/githubber x/apps/github"),
    ("src/**/test", "src/test src/a/test src/a/b/test/c", "test src/tests"),
    ("src/**", "src/a src/a/b", "src xsrc/a"),
    ("**", "a a/b", ""),
    ("**/", "a a/b", ""),
    ("**/**/foo", "foo a/foo a/b/foo/c", "a/food"),
    ("/", "", "a a/b"),
    ("a/b", "a/b a/b/c", "x/a/b"),
    ("file?.md", "file1.md x/fileA.md", "file.md file10.md file/.md"),
    ("/releases/*/release.yaml", "releases/intraday/release.yaml", "releases/release.yaml releases/a/b/release.yaml"),
    ("a.b", "a.b", "aXb"),
    ("with\\ blank", "", "with"),
    ("*.Md", "a.Md", "a.md"),
]


@pytest.mark.parametrize(("pattern", "inside", "outside"), PATTERNS)
def test_a_pattern_matches_as_at_github(pattern: str, inside: str, outside: str) -> None:
    assert [path for path in inside.split() if not matches(pattern, path)] == []
    assert [path for path in outside.split() if matches(pattern, path)] == []


ENDLESS = [
    ("**/a/**/a/**/a/**/a/**/a/**/a/**/c", "a/" * 200 + "b"),
    ("/a*a*a*a*a*a*a*a*a*a*c", "a" * 4000),
    ("*-*-*-*-*/x", "-" * 4000),
]


@pytest.mark.parametrize(("pattern", "path"), ENDLESS)
def test_no_pattern_takes_for_ever(pattern: str, path: str) -> None:
    started = time.process_time()
    assert not matches(pattern, path)
    assert time.process_time() - started < 1


def test_a_blank_belongs_to_a_pattern_after_a_backslash() -> None:
    (line,) = parse(b"/with\\ blank/ @alice")
    assert line.owners == ("@alice",)
    assert matches(line.pattern, "with blank/a")


LINES = [
    ("# all comment", ()),
    ("", ()),
    ("   \t ", ()),
    ("*.py @alice @acme/risk # them", (Line("*.py", ("@alice", "@acme/risk")),)),
    ("*.py dev@example.com", (Line("*.py", ("dev@example.com",)),)),
    ("/nobody/", (Line("/nobody/", ()),)),
    ("!*.py @alice", ()),
    ("[ab].py @alice", ()),
    ("\\#notes @alice", ()),
    ("a/***/b @alice", ()),
    ("*.py alice", ()),
    ("*.py @acme/risk/desk", ()),
]


@pytest.mark.parametrize(("text", "lines"), LINES)
def test_a_line_says_what_github_reads_and_is_skipped_where_it_cannot(text: str, lines: tuple[Line, ...]) -> None:
    assert parse(text.encode()) == lines


FILE = parse(
    b"""* @everybody
/releases/ @acme/risk
/releases/intraday/policy.json @quant
/releases/free/
"""
)
OWNED = [
    (("README.md",), ("@everybody",)),
    (("releases/a/release.yaml",), ("@acme/risk",)),
    (("releases/intraday/policy.json",), ("@quant",)),
    (("releases/free/release.yaml",), ()),
    (("releases/intraday/policy.json", "releases/intraday/release.yaml"), ("@acme/risk", "@quant")),
    ((), ()),
]


@pytest.mark.parametrize(("paths", "expected"), OWNED)
def test_the_last_line_that_matches_a_path_names_its_owners(paths: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert owners(FILE, paths) == expected


def test_bytes_that_are_no_text_own_nothing_of_the_rest() -> None:
    assert owners(parse(b"\xff\xfe @eve\n*.py @alice\n"), ["a.py"]) == ("@alice",)
