"""The schemas for editors accept what the parsers accept, and are the ones in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.policy import schema as cases
from manifests.schemas import FOLDER, documents, policy_schema, release_schema, tenant_policy_schema, write
from tests.manifests.documents.samples import (
    POLICY,
    RELEASE,
    RICH,
    SHA,
    TENANT,
    edited,
    policy_problems,
    release_problems,
    tenant_problems,
)

ROOT = Path(__file__).parents[3]


class _EditorLoader(yaml.SafeLoader):
    """Reads as an editor does: times stay text."""


_EditorLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":merge", ":value"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def valid(schema: dict[str, Any], text: str) -> bool:
    document = yaml.load(text, Loader=_EditorLoader)
    return bool(jsonschema_rs.validator_for(schema).is_valid(document))


def test_the_written_files_are_current() -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / FOLDER).glob("*.json")}
    assert found == {**documents(), **cases.documents()}, (
        "run: python -m manifests.schemas; python -m app.policy.schema"
    )


def test_writing_makes_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(documents())


@pytest.mark.parametrize("schema", [release_schema(), policy_schema(), tenant_policy_schema()])
def test_each_is_a_schema_of_its_dialect(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert jsonschema_rs.meta.is_valid(schema)


def test_the_samples_validate() -> None:
    assert valid(release_schema(), RELEASE)
    assert valid(policy_schema(), POLICY)
    assert valid(policy_schema(), RICH)
    assert valid(policy_schema(), RICH + f"include: [{{path: a.yaml, sha256: {SHA}}}]")
    assert valid(tenant_policy_schema(), TENANT)
    assert not valid(policy_schema(), TENANT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: model ", "kind: modle "),
        ('"3.2.0"', "3.2"),
        ("lineage:", "linage:"),
        ("[staging, production]", "[]"),
        ("size: 1823340", "path: a"),
        ("2026-12-01T20:00:00Z", "2026-12-01"),
        ("s3://", "http://"),
        ("name: policy.pt, ", ""),
    ],
)
def test_an_editor_shows_the_common_mistakes_of_a_release(old: str, new: str) -> None:
    assert not valid(release_schema(), edited(RELEASE, old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("freeze]", "freezing]"),
        ("72h", "72"),
        ("group: risk-managers, ", ""),
        ("{github_team: acme/senior-developers}", "{}"),
        ("{github_team: acme/senior-developers}", "{github_team_id: 7, members: [bob]}"),
        ('paths: ["releases/**"]', "paths: []"),
        ("name: model to production", "name: 1"),
    ],
)
def test_an_editor_shows_the_common_mistakes_of_a_policy(old: str, new: str) -> None:
    assert not valid(policy_schema(), edited(POLICY, old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("not: {requester: risk,", "not: {labels: safe,"),
        ("{not: {size: {files: 3}}}", "{not: {kind: model}}"),
        ("{paths: a}, {labels: b}", "{}"),
        ("{codeowners: true}", "{}"),
        ('number: ">=100"', 'number: ">=100", is: true'),
        (', number: ">=100"', ""),
        ("count: 3", "count: 1"),
        ("from: critical, ", ""),
        ("recurrence: {rule: FREQ=DAILY, ", "recurrence: {"),
        ("    recurrence:", "    start: 2026-01-01T00:00:00Z\n    recurrence:"),
        ("start: 2026-01-03T00:00:00\n", "start: 2026-01-03T00:00:00Z\n"),
        ("risk: moderate", "risk: medium"),
        ("{expires: 48h", "{expiry: 48h"),
    ],
)
def test_an_editor_shows_the_common_mistakes_of_the_second_form(old: str, new: str) -> None:
    assert not valid(policy_schema(), edited(RICH, old, new))


_WORDS = """1 a A "x" [] [a] {} true 1.10 production personal 3h acme/x '1' 2026-12-01T19:00:00+02:00 file:///a
    ../x standard 0 main '*' a/b.json 2026-12-01 releases/*.yaml [1] 7 s3://b/k"""
_VALUES = st.sampled_from(["", "x" * 70, *_WORDS.split()])


@given(st.data())
def test_what_a_parser_accepts_its_schema_accepts(data: st.DataObject) -> None:
    text, problems, schema = data.draw(
        st.sampled_from(
            [
                (RELEASE, release_problems, release_schema()),
                (POLICY, policy_problems, policy_schema()),
                (RICH, policy_problems, policy_schema()),
                (TENANT, tenant_problems, tenant_policy_schema()),
            ]
        )
    )
    words = [i for i, c in enumerate(text) if text[i - 2 : i] == ": " and c not in "{["]
    start = data.draw(st.sampled_from(words))
    end = min(i for i in (text.find(c, start) for c in ",}\n") if i > 0)
    changed = text[:start] + data.draw(_VALUES) + text[end:]
    if not problems(changed):
        assert valid(schema, changed)
