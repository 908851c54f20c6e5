from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import lfs

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n"


def test_a_pointer_names_the_real_file() -> None:
    assert lfs.parse(POINTER.encode()) == (OID, 12345)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just a file\n",
        POINTER.rstrip("\n"),
        POINTER + "\n",
        POINTER + "more\n",
        "\n" + POINTER,
        POINTER.replace("\n", "\r\n"),
        POINTER.replace("spec/v1", "spec/v2"),
        POINTER.replace("https", "http"),
        POINTER.replace("sha256:", "sha1:"),
        POINTER.replace(OID, OID.upper()),
        POINTER.replace(OID, OID[:-1]),
        POINTER.replace("size 12345", "size -1"),
        POINTER.replace("size 12345", "size 012"),
        POINTER.replace("size 12345", "size 1e3"),
        POINTER.replace("size 12345", "size"),
        POINTER.replace("12345", "9" * 20),
        POINTER.replace("oid", "ext-0-x sha256:" + OID + "\noid"),
        f"version https://git-lfs.github.com/spec/v1\nsize 12345\noid sha256:{OID}\n",
        POINTER + " " * 1024,
    ],
)
def test_everything_else_is_an_ordinary_file(text: str) -> None:
    assert lfs.parse(text.encode()) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    assert lfs.parse(data) is None
