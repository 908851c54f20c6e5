"""Logs carry ids and no secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.logging import REDACTED, bound, configure, redact, redact_text

TOKENS = (
    "ghs_" + "A1b2" * 9,
    "ghp_" + "A1b2" * 9,
    "ghs_" + "A1b2.c3-d4_" * 30,
    "github_pat_11ABCDEFG0" + "x1" * 20,
    "cs_0123456789abcdef_" + "Ab-_" * 10 + "Abc",
    "Bearer abcdefghijklmnop.qrstuv",
    "basic dXNlcjpwYXNzd29yZA==",
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\ncut off",
)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("around", ["{}", "before {} after", "x={}", "('{}',)", '{{"a":"{}"}}'])
def test_what_looks_like_a_secret_is_redacted(token: str, around: str) -> None:
    shown = redact_text(around.format(token))
    assert REDACTED in shown
    assert token.split()[-1] not in shown


def test_a_password_in_an_address_is_redacted() -> None:
    assert redact_text("postgresql://user:hidden@db/x") == f"postgresql://user:{REDACTED}@db/x"


@given(st.text(alphabet="abc GHghs_-:./0123456789", max_size=60))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact_text(redact_text(text)) == redact_text(text)


@pytest.mark.parametrize("text", ["github.com/acme", "a commit 0123456789abcdef", "token expired", "https://x:8080/y"])
def test_ordinary_text_stays(text: str) -> None:
    assert redact_text(text) == text


def test_values_are_redacted_however_deep() -> None:
    event = redact(None, "info", {"a": [{"b": (TOKENS[0], SecretStr("hidden-word"))}], "n": 1, "z": None})
    assert TOKENS[0] not in str(event)
    assert "hidden-word" not in str(event)
    assert event["n"] == 1
    assert event["z"] is None


def test_a_line_is_one_json_object_with_the_ids_bound_around_it(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    with bound(delivery="d1", trace="t1"):
        structlog.get_logger("app.inbox").info("stored", size=3, token=TOKENS[0])
    structlog.get_logger("app.inbox").debug("not shown")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["delivery"], line["trace"], line["size"]) == ("stored", "d1", "t1", 3)
    assert line["level"] == "info"
    assert TOKENS[0] not in stream.getvalue()


def test_the_standard_library_and_exceptions_are_redacted_too(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    try:
        raise ValueError(f"bad {TOKENS[1]}")
    except ValueError:
        logging.getLogger("aiohttp.server").exception("failed with %s", TOKENS[2])
    line = json.loads(stream.getvalue())
    assert "ValueError" in line["exception"]
    assert TOKENS[1] not in stream.getvalue()
    assert TOKENS[2] not in stream.getvalue()


def test_text_is_for_people(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    structlog.get_logger("x").warning("careful", why="because")
    assert "careful" in stream.getvalue()
    assert "why=because" in stream.getvalue()
