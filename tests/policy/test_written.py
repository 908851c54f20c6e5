"""The page and the schema know every key that the reader knows."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from app.policy import words
from app.policy.schema import cases_schema, documents
from tests.docs.pages import ROOT
from tests.manifests.documents.test_schemas import valid
from tests.policy.samples import HEAD, PAGE, SUITES, shown

TABLES = {name: keys for name, keys in vars(words).items() if name.endswith("_KEYS")}


@pytest.mark.parametrize("name", TABLES)
def test_every_key_is_described(name: str) -> None:
    page = PAGE.read_text()
    assert [key for key in TABLES[name] if f"`{key}`" not in page] == []


@pytest.mark.parametrize(
    "words_of",
    [
        "QUESTIONS", "OUTCOMES", "STATUSES", "ROLES", "PARTS", "ARTIFACT_STATES", "UNREAD", "SCOPES", "CONCLUSIONS",
        "GATES",
    ],
)  # fmt: skip
def test_every_word_is_described(words_of: str) -> None:
    page = PAGE.read_text()
    assert [word for word in getattr(words, words_of) if f"`{word}`" not in page] == []


def _tables(schema: Any) -> list[set[str]]:
    if isinstance(schema, list):
        return [keys for item in schema for keys in _tables(item)]
    if not isinstance(schema, dict):
        return []
    own = [set(schema["properties"])] if "properties" in schema else []
    return own + [keys for value in schema.values() for keys in _tables(value)]


@pytest.mark.parametrize("name", [name for name in TABLES if name != "CONTRIBUTOR_KEYS"])
def test_the_schema_has_every_table_of_keys(name: str) -> None:
    assert set(TABLES[name]) in _tables(cases_schema())


def test_the_published_schema_is_current() -> None:
    for name, text in documents().items():
        assert (ROOT / "docs" / "schemas" / name).read_text() == text, "run: python -m app.policy.schema"


def test_it_is_a_schema_of_its_dialect_and_accepts_the_suites() -> None:
    schema = cases_schema()
    assert jsonschema_rs.meta.is_valid(schema)
    for path in SUITES.glob("*.tests.yaml"):
        assert valid(schema, path.read_text()), path.name
    assert valid(schema, shown("# policy tests"))


@pytest.mark.parametrize(
    "case",
    [
        "{name: x}",
        "{name: x, expect: alow}",
        "{name: x, expect: allow, approval: []}",
        "{name: x, expect: {gates: {}}}",
    ],
)
def test_an_editor_shows_the_common_mistakes(case: str) -> None:
    assert not valid(cases_schema(), f"{HEAD}cases:\n  - {case}\n")
