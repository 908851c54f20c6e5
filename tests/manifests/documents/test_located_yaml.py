"""YAML is read with places and without guesses; what could mislead a reader is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from manifests.located_yaml import MAX_DEPTH, MAX_NODES, Mapping, Node, Scalar, Sequence, compose
from manifests.located_yaml_scalars import other_meaning, parse_duration, parse_instant

LIMIT = 10_000


def problems(text: str | bytes, limit: int = LIMIT) -> list[tuple[str, int, int]]:
    data = text if isinstance(text, bytes) else text.encode()
    return [(p.code, p.line, p.column) for p in compose(data, "x.yaml", limit)[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ("yaml.duplicate_key", 3, 1)),
        ('a: 1\n"a": 3\n', ("yaml.duplicate_key", 2, 1)),
        ("x: {a: 1, a: 1}\n", ("yaml.duplicate_key", 1, 11)),
        ("a: &x 1\n", ("yaml.anchor", 1, 4)),
        ("a: &x {b: 1}\n", ("yaml.anchor", 1, 4)),
        ("a: *x\n", ("yaml.alias", 1, 4)),
        ("a:\n  <<: {b: 1}\n", ("yaml.merge", 2, 3)),
        ("a: !!str 1\n", ("yaml.tag", 1, 4)),
        ("a: ! 1\n", ("yaml.tag", 1, 4)),
        ("a: !!python/object:os.system {}\n", ("yaml.tag", 1, 4)),
        ("a: 1\n---\nb: 2\n", ("yaml.documents", 2, 1)),
        ("%YAML 1.1\n---\na: 1\n", ("yaml.directive", 1, 1)),
        ("? [a]\n: 1\n", ("yaml.key", 1, 3)),
        ("", ("yaml.empty", 0, 0)),
        ("# only a comment\n", ("yaml.empty", 0, 0)),
        ("a: [1\n", ("yaml.syntax", 2, 1)),
        ("a: b: c\n", ("yaml.syntax", 1, 5)),
        (b"a: \xff\n", ("yaml.encoding", 1, 4)),
        ("a: 1\n".encode("utf-16"), ("yaml.encoding", 1, 1)),
        ("\ufeffa: 1\n", ("yaml.hidden_character", 1, 1)),
        ("a: 1\nb: \0\n", ("yaml.hidden_character", 2, 4)),
        ("# note\u2028b: 1\na: 1\n", ("yaml.hidden_character", 1, 7)),
        ("# note\u0085b: 1\na: 1\n", ("yaml.hidden_character", 1, 7)),
        ("# note\rb: 1\na: 1\n", ("yaml.hidden_character", 1, 7)),
        ("a: \u202eevil\n", ("yaml.hidden_character", 1, 4)),
        ("a: b\u200bc\n", ("yaml.hidden_character", 1, 5)),
    ],
)
def test_what_could_mislead_is_refused_where_it_stands(text: str | bytes, expected: tuple[str, int, int]) -> None:
    assert problems(text) == [expected]


def test_every_mistake_is_found_at_once() -> None:
    found = problems("a: &x 1\na: 2\nb: !!int 3\nc: *x\n<<: {}\n")
    assert [code for code, _, _ in found] == [
        "yaml.anchor",
        "yaml.tag",
        "yaml.alias",
        "yaml.duplicate_key",
        "yaml.merge",
    ]


def test_a_document_of_exactly_the_limit_is_read_and_one_byte_more_is_not() -> None:
    text = "a: " + "x" * 20
    assert problems(text, len(text)) == []
    assert problems(text, len(text) - 1) == [("yaml.too_large", 0, 0)]


@pytest.mark.parametrize(("open_", "close"), [("[", "]"), ("{a: ", "}")])
def test_nesting_is_bounded(open_: str, close: str) -> None:
    assert problems(open_ * MAX_DEPTH + close * MAX_DEPTH) == []
    too_deep = problems(open_ * (MAX_DEPTH + 1) + close * (MAX_DEPTH + 1))
    assert [code for code, _, _ in too_deep] == ["yaml.too_deep"]
    assert [c for c, _, _ in problems(open_ * 1_000, 100_000)] == ["yaml.too_deep"]


def test_the_number_of_values_is_bounded() -> None:
    assert problems("- 1\n" * (MAX_NODES - 1), 10**6) == []
    assert [code for code, _, _ in problems("- 1\n" * MAX_NODES, 10**6)] == ["yaml.too_many"]


def test_windows_line_ends_are_read_like_any() -> None:
    assert compose(b"a: 1\r\nb: 2\r\n", "x", LIMIT) == compose(b"a: 1\nb: 2\n", "x", LIMIT)


def test_scalars_keep_their_text_and_whether_they_are_quoted() -> None:
    node, found = compose(b"a: 1.10\nb: '1.10'\nc: no\nd:\n", "x", LIMIT)
    assert found == ()
    assert isinstance(node, Mapping)
    assert [entry.value for entry in node.entries] == [
        Scalar("1.10", True, 1, 4),
        Scalar("1.10", False, 2, 4),
        Scalar("no", True, 3, 4),
        Scalar("", True, 4, 3),
    ]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    node, found = compose(data, "x", LIMIT)
    assert node is not None or found


@given(st.text(alphabet="ab:{}[]-?&*!|>'\"%#, \n\t0.~<", max_size=60))
def test_whatever_is_accepted_means_nothing_else_to_another_reader(text: str) -> None:
    node, found = compose(text.encode(), "x", LIMIT)
    if node is None or found:
        return
    try:
        other = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return
    assert plain(node) == other


def plain(node: Node) -> object:
    if isinstance(node, Mapping):
        return {entry.key.text: plain(entry.value) for entry in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)
    return node.text


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", "nothing"),
        ("~", "nothing"),
        ("null", "nothing"),
        ("true", "the boolean true"),
        ("FALSE", "the boolean FALSE"),
        ("1.10", "the number 1.10"),
        ("3", "the number 3"),
        ("-1e5", "the number -1e5"),
        ("0x1F", "the number 0x1F"),
        ("1_000", "the number 1_000"),
        ("12:30", "the number 12:30"),
        (".inf", "the number .inf"),
        ("2026-12-01", "the date 2026-12-01"),
        ("yes", None),
        ("off", None),
        ("3.2.0", None),
        ("v1", None),
        ("1.4 %", None),
    ],
)
def test_unquoted_values_that_readers_disagree_about_are_known(text: str, meaning: str | None) -> None:
    assert other_meaning(text) == meaning


_WORDS_OF_YAML_1_1 = ("yes", "no", "on", "off", "y", "n", "=", "<<")


@given(st.one_of(st.text(alphabet="0123456789+-._:eExXobaf", max_size=12), st.dates().map(str)))
def test_whatever_the_usual_reader_retypes_is_known(text: str) -> None:
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return
    if not isinstance(value, str | dict | list) and text.lower() not in _WORDS_OF_YAML_1_1:
        assert other_meaning(text.strip()) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", None),
        ("2000-01-01T00:00:00Z", 946_684_800_000_000),
        ("2026-12-01T18:00:00Z", 1_796_148_000_000_000),
        ("2026-12-01T18:00:00.000001Z", 1_796_148_000_000_001),
        ("2026-12-01T19:00:00+01:00", 1_796_148_000_000_000),
        ("2026-12-01T18:00:00", None),
        ("2026-12-01T18:00:00-00:00", None),
        ("2026-12-01 18:00:00Z", None),
        ("2026-12-01T18:00Z", None),
        ("2026-13-01T18:00:00Z", None),
        ("2026-02-30T18:00:00Z", None),
        ("2026-12-01T24:00:00Z", None),
        ("2026-12-01T18:00:60Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("2026-12-01T18:00:00+24:00", None),
        ("２０２６-12-01T18:00:00Z", None),
    ],
)
def test_instants_need_a_zone_and_a_plausible_year(text: str, expected: int | None) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", 45),
        ("30m", 1_800),
        ("72h", 259_200),
        ("7d", 604_800),
        ("0s", 0),
        ("72", None),
        ("1.5h", None),
        ("72H", None),
        ("-1h", None),
        ("1w", None),
        ("99999999s", None),
    ],
)
def test_durations_have_one_number_and_one_unit(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds
