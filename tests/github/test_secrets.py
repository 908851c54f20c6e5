"""No key and no token is ever shown."""

from __future__ import annotations

import logging
import traceback

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from integrations.errors import NeighbourError, RefusedError
from integrations.github.answers import clean
from integrations.github.auth import Token, load_key
from tests.github.keys import app_private_key
from tests.github.support import REPOSITORY, House

PEM = app_private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def everything_shown(error: BaseException) -> str:
    """Text, arguments, causes and contexts, as any log could show them."""
    shown = "".join(traceback.format_exception(error))
    chain: BaseException | None = error
    while chain is not None:
        shown += repr(chain) + repr(chain.args) + repr(vars(chain))
        chain = chain.__cause__ or chain.__context__
    return shown


TROUBLE: list[dict[str, object]] = [
    {"status": 500},
    {"status": 401},
    {"status": 403},
    {"status": 422, "body": b"{}"},
    {"status": 200, "body": b"<html>"},
    {"status": 429},
    {"drop": True},
]


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_no_error_shows_a_token(
    house: House, caplog: pytest.LogCaptureFixture, trouble: dict[str, object]
) -> None:
    caplog.set_level(logging.DEBUG)
    await house.github.account("alice")
    house.simulator.fail_next("*", "users|comments", times=9, **trouble)  # type: ignore[arg-type]
    shown = repr(house.app_client) + repr(house.github) + repr(vars(house.github))
    for call in (house.github.account("alice"), house.github.create_comment(REPOSITORY, 1, "x")):
        with pytest.raises(NeighbourError) as caught:
            await call
        shown += everything_shown(caught.value)
    tokens = list(house.simulator.world.tokens)
    assert tokens
    for token in tokens:
        assert token[:30] not in shown + caplog.text


async def test_a_token_that_github_echoes_is_taken_out(house: House) -> None:
    await house.github.account("alice")
    (token,) = house.simulator.world.tokens
    house.simulator.fail_next("GET", "users", 422, b'{"message":"no such token %s"}' % token.encode())
    with pytest.raises(RefusedError) as caught:
        await house.github.account("alice")
    assert token[:20] not in str(caught.value)
    assert "[secret]" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "ghs_1002_" + "a" * 500,
        "ghp_" + "b" * 36,
        "github_pat_" + "c" * 40,
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_whatever_looks_like_a_token_is_taken_out(text: str) -> None:
    assert clean(f"before {text} after") == "before [secret] after"


def test_a_text_of_github_cannot_forge_log_lines() -> None:
    assert clean("one\r\ntwo\x00\u2028three") == "one two three"
    assert len(clean("x" * 5000)) == 300


def test_a_token_does_not_show_itself() -> None:
    assert "ghs_" not in repr(Token("ghs_secret", 0))


def test_a_loaded_key_and_a_pem_are_both_taken() -> None:
    assert load_key(PEM).key_size == load_key(PEM.decode()).key_size == load_key(app_private_key()).key_size


OTHER = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("pem", [b"x" * 80, PEM[:-80], PEM.replace(b"KEY", b"CAT"), OTHER])
def test_a_bad_key_is_refused_without_showing_it(pem: bytes) -> None:
    with pytest.raises(RefusedError, match="PEM") as caught:
        load_key(pem)
    shown = everything_shown(caught.value)
    assert pem[40:80].decode() not in shown
