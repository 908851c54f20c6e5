"""A release manifest is read exactly, or refused with every mistake and its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import ManifestError
from manifests.release import Artifact, ChangePlan, EvidenceReference, Release, Window
from manifests.release_parser import MAX_BYTES, parse_release, referenced_paths
from tests.manifests.documents.samples import MANIFEST, RELEASE, SHA, codes, edited, marked, release, release_problems

ARTIFACT = f'  - {{name: policy.pt, uri: "s3://models/intraday/3.2.0/policy.pt", sha256: {SHA}, size: 1823340}}\n'
UNSERVED = "‸- {environments: [staging], name: policy.pt, uri"
WINDOW = "{start: 2026-12-01T18:00:00Z, end: 2026-12-01T20:00:00Z}"


def test_the_sample_is_read() -> None:
    assert release() == Release(
        schema="countersign/release/v1",
        kind="model",
        name="intraday-policy",
        version="3.2.0",
        rationale="Retrained on Q3 data after the drift alert; VaR breaches fall from 1.4 % to 0.6 %.",
        environments=("staging", "production"),
        artifacts=(Artifact("policy.pt", SHA, 1823340, None, "s3://models/intraday/3.2.0/policy.pt"),),
        lineage="lineage.dsse.json",
        evidence=(EvidenceReference("test-result", "evidence/backtest.dsse.json"),),
        change=ChangePlan(
            window=Window(1_796_148_000_000_000, 1_796_155_200_000_000),
            implementation_plan="…",
            backout_plan="…",
            test_plan="…",
        ),
    )


def test_a_release_needs_only_its_required_keys() -> None:
    small = RELEASE[: RELEASE.index("lineage:")]
    found = release(small)
    assert (found.lineage, found.evidence, found.change) == (None, (), ChangePlan())


def test_the_files_it_names_are_listed_from_the_repositorys_root() -> None:
    text = edited(RELEASE, 'uri: "s3://models/intraday/3.2.0/policy.pt"', "path: ../shared/policy.pt")
    assert referenced_paths(release(text), MANIFEST) == (
        "releases/intraday/evidence/backtest.dsse.json",
        "releases/intraday/lineage.dsse.json",
        "releases/shared/policy.pt",
    )


def test_a_file_named_twice_is_listed_once() -> None:
    text = edited(RELEASE, "lineage: lineage.dsse.json", "lineage: evidence/backtest.dsse.json")
    assert referenced_paths(release(text), MANIFEST) == ("releases/intraday/evidence/backtest.dsse.json",)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("countersign/release/v1", "‸countersign/release/v2", "field.choice"),
        ("schema: countersign/release/v1\n", "‸", "field.missing"),
        ("kind: model ", "kind: ‸Model ", "field.choice"),
        ("name: intraday-policy", "name: ‸Intraday", "field.form"),
        ("name: intraday-policy", "name: ‸" + "x" * 64, "field.form"),
        ("name: intraday-policy", "name: ‸1.10", "yaml.unquoted"),
        ("name: intraday-policy", "name:‸", "field.type"),
        ('"3.2.0"', "‸3.2", "yaml.unquoted"),
        ('"3.2.0"', "‸2026-12-01", "yaml.unquoted"),
        ('"3.2.0"', "‸true", "yaml.unquoted"),
        ('"3.2.0"', '‸""', "field.form"),
        ('"3.2.0"', '‸"3.2 "', "field.form"),
        ('"3.2.0"', '‸"3.2\\u202e"', "yaml.hidden_character"),
        ('"3.2.0"', '‸"v３"', "field.form"),
        ('"3.2.0"', "‸[3]", "field.type"),
        ("[staging, production]", "‸[]", "field.length"),
        ("[staging, production]", "‸production", "field.type"),
        ("[staging, production]", "[production, ‸production]", "field.duplicate"),
        ("[staging, production]", "[‸Production]", "field.form"),
        ("artifacts:\n" + ARTIFACT, "artifacts: ‸[]\n", "field.length"),
        (ARTIFACT, ARTIFACT + "  - ‸" + ARTIFACT[4:], "field.duplicate"),
        (SHA, "‸" + SHA.upper(), "field.form"),
        (SHA, "‸" + SHA[:-1], "field.form"),
        ("size: 1823340", "size: ‸-1", "field.form"),
        ("size: 1823340", 'size: ‸"5"', "field.form"),
        ("size: 1823340", "size: ‸1_000", "field.form"),
        ("size: 1823340", "size: ‸9007199254740992", "field.form"),
        ('uri: "s3://models', 'path: policy.pt, uri: ‸"s3://models', "release.two_places"),
        ("size: 1823340", "environments: [‸prod]", "release.unknown_environment"),
        ("- {name: policy.pt, uri", UNSERVED, "release.environment_without_artifact"),
        ("size: 1823340", "environments: ‸[]", "field.length"),
        ('"s3://models/intraday', '‸"ftp://models/intraday', "release.uri"),
        ("lineage.dsse.json", "‸../../../lineage.json", "field.path"),
        ("lineage.dsse.json", "‸release.yaml", "field.path"),
        ("type: test-result", "type: ‸Test Result", "field.form"),
        ("path: evidence/backtest.dsse.json", "path: ‸/etc/passwd", "field.path"),
        ("  type: normal", "  type: ‸urgent", "field.choice"),
        ("2026-12-01T20:00:00Z", "‸2026-12-01T18:00:00Z", "release.window_order"),
        ("2026-12-01T20:00:00Z", "‸2027-01-01T18:00:01Z", "release.window_length"),
        ("2026-12-01T20:00:00Z", "‸2026-12-01T20:00:00", "field.form"),
        (WINDOW, "‸{start: 2026-12-01T18:00:00Z}", "field.missing"),
        ("implementation_plan: …", "implementation_plan: ‸" + "x" * 4_001, "field.length"),
    ],
)
def test_each_mistake_is_reported_where_it_stands(old: str, new: str, code: str) -> None:
    text, place = marked(RELEASE, old, new)
    found = release_problems(text)
    assert [(p.code, (p.line, p.column)) for p in found] == [(code, place)]
    assert "xpected" in found[0].message
    assert found[0].remedy


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [
        ("lineage:", "linage:", "Did you mean `lineage`?"),
        ("backout_plan:", "back_out_plan:", "Did you mean `backout_plan`?"),
        ("size:", "bytes:", "Use one of: name, sha256, size, path, uri, environments."),
        (SHA, SHA.upper(), f"Lower-case it: {SHA}."),
        ('"3.2.0"', "1.10", 'Put it in quotes: "1.10".'),
        ("kind: model ", "kind: modle ", "Did you mean `model`?"),
        ("size: 1823340", 'size: "5"', "Remove the quotes."),
    ],
)
def test_the_remedy_says_what_to_write(old: str, new: str, remedy: str) -> None:
    (problem,) = release_problems(edited(RELEASE, old, new))
    assert problem.remedy == remedy


def test_every_mistake_is_reported_in_the_order_of_the_file() -> None:
    text = RELEASE.replace('"3.2.0"', "1.10").replace(SHA, SHA.upper()).replace("lineage:", "linage: &x")
    assert codes(release_problems(text + "name: again\n")) == [
        "yaml.unquoted",
        "field.form",
        "field.unknown",
        "yaml.anchor",
        "yaml.duplicate_key",
    ]


def test_endless_mistakes_are_cut_and_counted() -> None:
    found = release_problems(RELEASE + "".join(f"x{i}: 1\n" for i in range(150)))
    assert len(found) == 101
    assert found[-1].message == "Found 50 more problems."


@pytest.mark.parametrize("path", ["releases/übung/release.yaml", "/release.yaml", "a/../release.yaml", ""])
def test_a_manifest_at_a_path_that_cannot_be_hashed_is_refused(path: str) -> None:
    assert "release.manifest_path" in codes(release_problems(RELEASE, path))


@pytest.mark.parametrize("text", ["", "[]", "text", "schema", "1", "~"])
def test_anything_but_keys_and_values_is_refused_once(text: str) -> None:
    assert len(release_problems(text)) == 1


def test_a_manifest_larger_than_the_limit_is_refused() -> None:
    assert codes(release_problems(RELEASE + "#" * MAX_BYTES)) == ["yaml.too_large"]


@pytest.mark.parametrize(
    ("uri", "accepted"),
    [
        ("s3://bucket/key", True),
        ("https://host.example/a/b.pt", True),
        ("https://host.example:8443/a?versionId=1", True),
        ("file:///models/a.pt", True),
        ("file://host/models/a.pt", False),
        ("file:/models/a.pt", False),
        ("http://host/a", False),
        ("HTTPS://host/a", False),
        ("https://user@host/a", False),
        ("https://user:secret@host/a", False),
        ("https://host/a#part", False),
        ("https://host/", False),
        ("https://host", False),
        ("https:///a", False),
        ("https://host:port/a", False),
        ("https://[::1/a", False),
        ("s3:///key", False),
        ("s3://bucket/../key", False),
        ("file:///models/%2e%2e/secret", False),
        ("https://host/a b", False),
        ("https://höst/a", False),
        ("https://host\\@evil/a", False),
        ("data:text/plain,x", False),
        ("javascript:alert(1)", False),
    ],
)
def test_a_uri_names_one_file_at_one_place(uri: str, accepted: bool) -> None:
    escaped = uri.replace("\\", "\\\\")
    found = codes(release_problems(edited(RELEASE, "s3://models/intraday/3.2.0/policy.pt", escaped)))
    assert found == ([] if accepted else ["release.uri"])


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_release(data, MANIFEST)


@given(st.integers(min_value=0, max_value=len(RELEASE)), st.integers(min_value=0, max_value=20), st.text(max_size=8))
def test_any_edit_is_read_or_refused(at: int, cut: int, new: str) -> None:
    text = RELEASE[:at] + new + RELEASE[at + cut :]
    data = text.encode("utf-8", "surrogatepass")
    try:
        found = parse_release(data, MANIFEST)
    except ManifestError:
        return
    assert found == parse_release(data, MANIFEST)


_LINES = RELEASE.splitlines(keepends=True)


@given(st.integers(min_value=0, max_value=len(_LINES) - 1))
def test_a_key_that_stands_twice_never_wins_silently(index: int) -> None:
    twice = "".join([*_LINES[: index + 1], _LINES[index], *_LINES[index + 1 :]])
    assert release_problems(twice)


@given(
    st.integers(min_value=0, max_value=len(RELEASE) - 1),
    st.sampled_from("\x00\x07\x0b\x0c\x1b\x7f\x85\xad\u200b\u200e\u2028\u2029\u202e\u2060\u2066\ufeff\U000e0041\r"),
)
def test_a_character_that_cannot_be_seen_is_refused_wherever_it_stands(at: int, hidden: str) -> None:
    if hidden == "\r" and RELEASE[at] == "\n":
        return
    assert "yaml.hidden_character" in codes(release_problems(RELEASE[:at] + hidden + RELEASE[at:]))


@pytest.mark.parametrize(("extra", "said"), [(499, ""), (500, "at most 500 in the list, found 501")])
def test_no_release_names_thousands_of_artifacts(extra: int, said: str) -> None:
    more = "".join(ARTIFACT.replace("name: policy.pt", f"name: part-{number}") for number in range(extra))
    text = RELEASE.replace(ARTIFACT, ARTIFACT + more)
    assert text != RELEASE or not extra
    if not said:
        assert len(parse_release(text.encode(), MANIFEST).artifacts) == extra + 1
        return
    with pytest.raises(ManifestError, match=said):
        parse_release(text.encode(), MANIFEST)


@pytest.mark.parametrize(("key", "most"), [("environments", 50), ("evidence", 100)])
def test_nor_of_environments_or_evidence(key: str, most: int) -> None:
    entries = {
        "environments": [f"e{number}" for number in range(most + 1)],
        "evidence": [f"{{type: test-result, path: e{number}.json}}" for number in range(most + 1)],
    }[key]
    lines = [line for line in RELEASE.splitlines() if not line.startswith(f"{key}:")]
    if key == "evidence":
        lines = [line for line in lines if "path: evidence/" not in line]
    text = "\n".join([*lines, f"{key}: [{', '.join(entries)}]", ""])
    with pytest.raises(ManifestError, match=f"`{key}`: expected at most {most} in the list"):
        parse_release(text.encode(), MANIFEST)
