from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import strict_base64, strict_json
from manifests.errors import ManifestError


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a":1,"a":1}', "json.duplicate_key"),
        (b'{"x":[{"b":1,"c":2,"b":3}]}', "json.duplicate_key"),
        (b'{"a":1,"\\u0061":2}', "json.duplicate_key"),
        (b"NaN", "json.number"),
        (b"[Infinity]", "json.number"),
        (b"[-Infinity]", "json.number"),
        (b"[1e400]", "json.number"),
        (b"9" * 5000, "json.number"),
        (b"[" * 65 + b"]" * 65, "json.depth"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "json.depth"),
        (b"[" * 100_000 + b"]" * 100_000, "json.depth"),
        (b'"\\ud800"', "json.surrogate"),
        (b'{"\\udfff":1}', "json.surrogate"),
        (b"\xed\xa0\x80", "json.encoding"),
        (b'"\xff"', "json.encoding"),
        ('{"a":1}'.encode("utf-16"), "json.encoding"),
        (b"\xef\xbb\xbf{}", "json.syntax"),
        (b"{} {}", "json.syntax"),
        (b"{'a':1}", "json.syntax"),
        (b'"a\nb"', "json.syntax"),
        (b"", "json.syntax"),
        (b" " * 101, "json.size"),
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(data: bytes, code: str) -> None:
    limit = 100 if code == "json.size" else strict_json.MAX_BYTES
    with pytest.raises(ManifestError) as refused:
        strict_json.decode(data, limit=limit)
    assert refused.value.problems[0].code == code


def test_sixty_four_levels_are_still_read() -> None:
    assert strict_json.decode(b"[" * 64 + b"]" * 64)


def test_a_syntax_error_names_line_and_column() -> None:
    with pytest.raises(ManifestError) as refused:
        strict_json.decode(b'{\n  "a": ]\n}')
    assert (refused.value.problems[0].line, refused.value.problems[0].column) == (2, 8)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_ordinary_json_reads_as_the_standard_library_reads_it(value: object) -> None:
    data = json.dumps(value, ensure_ascii=False).encode()
    assert strict_json.decode(data) == json.loads(data)


@given(st.binary())
def test_both_base64_alphabets_give_the_bytes_back(data: bytes) -> None:
    standard = strict_base64.encode(data)
    assert strict_base64.decode(standard, "it") == data
    assert strict_base64.decode(standard.replace("+", "-").replace("/", "_"), "it") == data


@pytest.mark.parametrize(
    "text",
    [
        "ab-_cd+/",
        "ab",
        "abc",
        "abcd=",
        "ab=c",
        "ab==\n",
        " abcd",
        "ab cd",
        "QR==",
        "QUJ=",
        "ab.d",
        "äbcd",
        "====",
        "a",
    ],
)
def test_base64_that_is_not_the_only_form_is_refused(text: str) -> None:
    with pytest.raises(ManifestError):
        strict_base64.decode(text, "it")
