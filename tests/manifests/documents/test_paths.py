"""A document can name a file of the repository in one spelling, and nothing else."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import paths

HERE = "releases/intraday/release.yaml"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("lineage.json", "releases/intraday/lineage.json"),
        ("evidence/back test.json", "releases/intraday/evidence/back test.json"),
        ("../shared/card.md", "releases/shared/card.md"),
        ("../../top.json", "top.json"),
        (".gitignore", "releases/intraday/.gitignore"),
        (".github/x", "releases/intraday/.github/x"),
    ],
)
def test_a_path_is_relative_to_the_manifests_folder(reference: str, expected: str) -> None:
    assert paths.resolve(HERE, reference) == expected


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "/etc/passwd",
        "../../../outside",
        "a/../b",
        "a/..",
        "./a",
        "a/./b",
        "a//b",
        "a/",
        "..",
        ".",
        "a\\b",
        "C:\\x",
        "ä.json",
        "a\nb",
        "a\0b",
        "a\u200bb",
        ".git/config",
        "../../.git/config",
        "x/.GIT/config",
        "../../.github/countersign.yaml",
        "../../.GitHub/countersign.yaml",
        "release.yaml",
        " a",
        "a ",
        "a./b",
        "x" * 401,
    ],
)
def test_what_lies_outside_or_has_another_spelling_is_refused(reference: str) -> None:
    with pytest.raises(paths.PathError) as caught:
        paths.resolve(HERE, reference)
    assert caught.value.reason.startswith("Expected")
    assert caught.value.remedy


@given(st.text(alphabet="ab./\\ ", max_size=20))
def test_whatever_resolves_is_the_file_that_the_file_system_means(reference: str) -> None:
    try:
        found = paths.resolve(HERE, reference)
    except paths.PathError:
        return
    assert found == posixpath.normpath(posixpath.join(posixpath.dirname(HERE), reference))
    assert not found.startswith("..")
    paths.check(found)


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../b", "a//b", "ä", "a\\b", ".git/x"])
def test_a_path_of_the_repository_has_one_spelling(path: str) -> None:
    with pytest.raises(paths.PathError):
        paths.check(path)
