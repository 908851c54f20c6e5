"""References name everything there is and nothing that is not: keys, settings, metrics, permissions, tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.metrics import Metrics
from app.settings.names import keys
from manifests import policy_parser as of_policy
from manifests import policy_parser_evidence as of_evidence
from manifests import policy_parser_groups as of_groups
from manifests import policy_parser_include as of_includes
from manifests import policy_parser_rules as of_rules
from manifests import policy_parser_seats as of_seats
from manifests import policy_parser_sources as of_sources
from manifests import policy_parser_terms as of_terms
from manifests import policy_parser_time as of_time
from manifests import policy_parser_ways as of_ways
from manifests import policy_parser_when as of_when
from manifests.app_manifest import EVENTS, Permissions
from manifests.command import parse_command
from manifests.measures import UNITS
from manifests.policy import Rule, Seat, TenantPolicy
from manifests.policy_terms import ChangeRule
from manifests.release import Artifact, ChangePlan, EvidenceReference, Release, Window
from manifests.vocabulary import STAGES
from tests.docs.pages import PAGES, ROOT, NamedTest, functions_and_texts, named_tests, rows, text_of

DOCS = ROOT / "docs"
OPERATIONS = DOCS / "operations.md"
THREATS = DOCS / "threat-model.md"
POLICY_PARSERS = (
    of_policy, of_groups, of_sources, of_seats, of_rules, of_when, of_evidence, of_terms, of_time, of_ways, of_includes,
)  # fmt: skip
POLICY_KEYS = [
    (name, key)
    for parser in POLICY_PARSERS
    for name in vars(parser)
    if name.endswith("_KEYS")
    for key in vars(parser)[name]
]
RELEASE_STRUCTS = (Release, Artifact, EvidenceReference, ChangePlan, Window)
TESTS = [found for page in PAGES for found in named_tests(page)]


def test_every_setting_is_listed_once_and_no_other() -> None:
    listed = [row[0].strip("`") for row in rows(OPERATIONS, "key")]
    assert listed == [".".join(key.path) for key in keys()]


def test_secrets_among_the_settings_are_marked() -> None:
    marked = {row[0].strip("`") for row in rows(OPERATIONS, "key") if row[2] == "yes"}
    assert marked == {".".join(key.path) for key in keys() if key.secret}


def test_every_metric_is_described_and_no_other() -> None:
    described = set(re.findall(r"`(countersign_[a-z_]+)", text_of(OPERATIONS)))
    there = {family.name for family in Metrics().registry.collect()}
    counters = {family.name for family in Metrics().registry.collect() if family.type == "counter"}
    assert described == {f"{name}_total" if name in counters else name for name in there}


@pytest.mark.parametrize("name", sorted({name for name, _ in POLICY_KEYS}))
def test_every_key_of_a_policy_is_described(name: str) -> None:
    keys = {key for named, key in POLICY_KEYS if named == name}
    text = text_of(DOCS / "policy.md")
    assert not [key for key in keys if not re.search(rf"`{key}`|[{{ ]{key}:", text)]


def test_every_comparison_and_unit_is_described() -> None:
    section = text_of(DOCS / "policy.md").split("\n### `evidence`\n")[1].split("\n### ")[0]
    assert not [word for word in (*of_evidence.OPERATORS, *UNITS) if f"`{word}`" not in section]


@pytest.mark.parametrize("struct", RELEASE_STRUCTS, ids=lambda struct: struct.__name__)
def test_every_key_of_a_release_is_described(struct: type[msgspec.Struct]) -> None:
    missing = [name for name in struct.__struct_fields__ if f"`{name}`" not in text_of(DOCS / "release.md")]
    assert not missing


@pytest.mark.parametrize(
    ("heading", "key", "default"),
    [
        ("### A rule", "expires", "`72h`"),
        ("### A rule", "gates", "`[artifacts, rationale]`"),
        ("### A seat", "count", "`1`"),
        ("### A seat", "accept", "`[review, command, cli]`"),
        ("## The tenant policy alone", "freshness", "`60s`"),
        ("## The tenant policy alone", "release_glob", "`releases/**/release.yaml`"),
        ("### `change`", "approvals", "`1`"),
    ],
)
def test_defaults_are_those_of_the_code(heading: str, key: str, default: str) -> None:
    section = text_of(DOCS / "policy.md").split(f"\n{heading}\n")[1].split("\n#")[0]
    assert re.search(rf"^\| `{key}` \| ([^|]+) \|", section, re.MULTILINE).group(1).strip() == default  # type: ignore[union-attr]
    structs: dict[str, Any] = {"### A rule": Rule("x"), "### A seat": Seat("x"), "### `change`": ChangeRule()}
    value = getattr(structs.get(heading, TenantPolicy("x")), key)
    written = {"expires": f"{72 * 3600}", "freshness": "60"}.get(key, default.strip("`"))
    assert str(value if not isinstance(value, tuple) else f"[{', '.join(value)}]") == written


def test_every_command_in_a_comment_is_described() -> None:
    described = {word for row in rows(DOCS / "commands.md", "first line of the comment") for word in row[0].split()}
    for verb in ("approve", "reject", "hold", "unhold", "revoke", "status", "recheck", "help"):
        assert parse_command(f"/{verb}") is not None
        assert any(f"/{verb}" in word for word in described), verb


def test_the_apps_permissions_and_events_are_those_that_are_registered() -> None:
    told = text_of(DOCS / "install.md").lower()
    titles = {"statuses": "commit statuses"}
    for permission, access in msgspec.structs.asdict(Permissions()).items():
        assert f"{titles.get(permission, permission.replace('_', ' '))} {access}" in told.replace("\n   ", " ")
    for event in EVENTS:
        assert event.replace("_", " ") in told.replace("\n   ", " ")


def test_every_stage_of_a_record_is_described() -> None:
    assert all(f"`{stage}`" in text_of(DOCS / "audit-log.md") for stage in STAGES)


@pytest.mark.parametrize("named", TESTS, ids=lambda named: f"{named.function}-{named.case}")
def test_every_test_that_is_named_exists(named: NamedTest) -> None:
    assert (ROOT / named.path).exists(), named.path
    functions, texts = functions_and_texts(named.path)
    assert named.function in functions
    if named.case is not None:
        assert named.case in texts


def _sections() -> dict[str, str]:
    parts = re.split(r"^### ", text_of(THREATS), flags=re.MULTILINE)[1:]
    return {part.splitlines()[0]: part for part in parts}


def test_the_threat_model_has_every_row_and_every_invariant() -> None:
    titles = [title.partition(".")[0] for title in _sections()]
    assert titles == [*(str(number) for number in range(1, 26)), "I", "II", "III", "IV", "V"]


@pytest.mark.parametrize(("title", "section"), _sections().items(), ids=lambda value: value[:40])
def test_every_threat_names_its_test_or_says_that_it_is_open(title: str, section: str) -> None:
    assert re.search(r"`tests/[^`]+::test_[^`]+`", section) or "**Open.**" in section, title


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_leads_to_a_place_on_somebodys_machine(page: Path) -> None:
    text = text_of(page)
    assert not re.search(r"(?<![\w.<>-])/(?:home|root|Users|work|tmp)/", text)
    assert not re.search(r"(?:[\w-]+\.)*(?:pypi|npmjs|ghcr|docker|quay)\.(?:org|com|io)", text)
