"""What is taken as a delivery, and what is not."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.github.webhook import (
    Delivery,
    EventMismatchError,
    WeakSecretError,
    WebhookError,
    check_secrets,
    verify,
)
from tests.github.support import SECRET, signed

OLD = b"the-secret-before-this-one-was-made"
PULL = (
    b'{"action":"synchronize","number":7,"pull_request":{"number":7},'
    b'"repository":{"id":3,"full_name":"acme/models"},"installation":{"id":9},"sender":{"id":1,"login":"a"}}'
)


def refusal(headers: dict[str, str], body: bytes, secrets: tuple[bytes, ...] = (SECRET,)) -> tuple[int, str]:
    with pytest.raises(WebhookError) as caught:
        verify(headers, body, secrets)
    return caught.value.status, caught.value.code


def test_a_signed_delivery_is_routed_by_its_body() -> None:
    delivery = verify(signed(PULL, "pull_request"), PULL, [SECRET])
    digest = hashlib.sha256(PULL).hexdigest()
    assert delivery == Delivery("11111111-2222", "pull_request", digest, 9, 3, "acme/models", 7, "synchronize")


def test_headers_may_be_lower_case() -> None:
    headers = {name.lower(): value for name, value in signed(PULL, "pull_request").items()}
    assert verify(headers, PULL, [SECRET]).event == "pull_request"


@pytest.mark.parametrize("secrets", [(SECRET, OLD), (OLD, SECRET)])
def test_either_secret_counts_while_one_is_replaced(secrets: tuple[bytes, bytes]) -> None:
    assert verify(signed(PULL, "pull_request", OLD), PULL, secrets).pull_number == 7


def _sha1(body: bytes) -> str:
    return "sha1=" + hmac.new(SECRET, body, "sha1").hexdigest()


def _right(body: bytes) -> str:
    return hmac.digest(SECRET, body, "sha256").hex()


SIGNATURES: list[tuple[str, Callable[[bytes], str | None], str]] = [
    ("none", lambda body: None, "missing"),
    ("empty", lambda body: "", "malformed"),
    ("sha1 under the new name", _sha1, "malformed"),
    ("upper case", lambda body: "sha256=" + _right(body).upper(), "malformed"),
    ("upper-case name", lambda body: "SHA256=" + _right(body), "malformed"),
    ("too short", lambda body: "sha256=" + _right(body)[:-1], "malformed"),
    ("too long", lambda body: "sha256=" + _right(body) + "0", "malformed"),
    ("line end after it", lambda body: "sha256=" + _right(body) + "\n", "malformed"),
    ("not ASCII", lambda body: "sha256=" + "é" * 64, "malformed"),
    ("other digits", lambda body: "sha256=" + "٣" * 64, "malformed"),
    ("of another body", lambda body: "sha256=" + _right(body + b" "), "wrong"),
    ("under the empty key", lambda body: "sha256=" + hmac.digest(b"", body, "sha256").hex(), "wrong"),
    ("under a secret of the past", lambda body: "sha256=" + hmac.digest(OLD, body, "sha256").hex(), "wrong"),
]


@pytest.mark.parametrize(("name", "sign", "kind"), SIGNATURES)
def test_only_an_exact_sha256_signature_is_believed(name: str, sign: Callable[[bytes], str | None], kind: str) -> None:
    headers = signed(PULL, "pull_request") | {"X-Hub-Signature": _sha1(PULL)}
    signature = sign(PULL)
    del headers["X-Hub-Signature-256"]
    if signature is not None:
        headers["X-Hub-Signature-256"] = signature
    assert refusal(headers, PULL) == (401, f"webhook.signature_{kind}")


@pytest.mark.parametrize("secrets", [(), (b"",), (b"x" * 31,), (SECRET, b"short")])
def test_secrets_that_protect_nothing_are_refused(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(WeakSecretError):
        check_secrets(secrets)
    with pytest.raises(WeakSecretError):
        verify(signed(PULL, "pull_request", b""), PULL, secrets)


def test_good_secrets_pass() -> None:
    check_secrets([SECRET, OLD])


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("X-GitHub-Event", None, "header_missing"),
        ("X-GitHub-Delivery", None, "header_missing"),
        ("X-GitHub-Event", "Pull Request", "header_malformed"),
        ("X-GitHub-Delivery", "a b", "header_malformed"),
        ("X-GitHub-Delivery", "x" * 65, "header_malformed"),
        ("Content-Type", None, "content_type"),
        ("Content-Type", "application/x-www-form-urlencoded", "content_type"),
        ("Content-Type", "application/jsonp", "content_type"),
        ("Content-Type", "text/plain; charset=nope", "content_type"),
    ],
)
def test_headers_must_be_there_and_well_formed(name: str, value: str | None, code: str) -> None:
    headers = signed(PULL, "pull_request")
    del headers[name]
    if value is not None:
        headers[name] = value
    assert refusal(headers, PULL) == (400, f"webhook.{code}")


def test_a_charset_does_not_matter() -> None:
    headers = signed(PULL, "pull_request") | {"Content-Type": "application/json; charset=nope"}
    assert verify(headers, PULL, [SECRET]).pull_number == 7


BODIES = [
    (b"", "not_an_object"),
    (b"null", "not_an_object"),
    (b"[{}]", "not_an_object"),
    (b"\xef\xbb\xbf{}", "not_an_object"),
    (b"[" * 100_000, "not_an_object"),
    (b'{"a":' * 100_000, "too_deep"),
    (b"{", "malformed"),
    (b'{"a":1}{', "malformed"),
    (b'{"a":NaN}', "malformed"),
    (b'{"action":"\xff"}', "malformed"),
    (b'{"action":5}', "malformed"),
    (b'{"action":"a\\u0000b"}', "malformed"),
    (b'{"repository":{"id":0,"full_name":"a/b"}}', "malformed"),
    (b'{"repository":{"id":9223372036854775808,"full_name":"a/b"}}', "malformed"),
    (b'{"repository":{"id":1,"full_name":"../b/c"}}', "malformed"),
    (b'{"installation":{"id":"1"}}', "malformed"),
]


@pytest.mark.parametrize(("body", "code"), BODIES, ids=range(len(BODIES)))
def test_a_signed_body_must_be_a_readable_object(body: bytes, code: str) -> None:
    assert refusal(signed(body, "pull_request"), body) == (400, f"webhook.{code}")


SHAPES = {
    "pull_request": {"pull_request": {"number": 1}},
    "pull_request_review": {"pull_request": {"number": 1}, "review": {}},
    "pull_request_review_comment": {"pull_request": {"number": 1}, "comment": {}},
    "issue_comment": {"issue": {"number": 1, "pull_request": {}}, "comment": {}},
    "issues": {"issue": {"number": 1}},
    "check_run": {"check_run": {}},
    "check_suite": {"check_suite": {}},
    "deployment": {"deployment": {}},
    "deployment_status": {"deployment": {}, "deployment_status": {}},
    "deployment_protection_rule": {"deployment_callback_url": "", "deployment": {}},
    "merge_group": {"merge_group": {}},
    "push": {"commits": [], "repository": {"id": 1, "full_name": "a/b"}},
    "membership": {"team": {}, "member": {}},
    "team": {"team": {}},
    "installation": {"installation": {"id": 1}},
    "installation_repositories": {"installation": {"id": 1}, "repositories_added": []},
    "ping": {"hook": {}},
}


@pytest.mark.parametrize("event", SHAPES)
@pytest.mark.parametrize("claimed", SHAPES)
def test_an_event_name_is_believed_only_with_its_own_shape(event: str, claimed: str) -> None:
    body = msgspec.json.encode(SHAPES[event])
    if event == claimed:
        assert verify(signed(body, claimed), body, [SECRET]).event == event
        return
    with pytest.raises(EventMismatchError) as caught:
        verify(signed(body, claimed), body, [SECRET])
    assert (caught.value.status, caught.value.code) == (200, "webhook.event_mismatch")
    assert caught.value.delivery.event == claimed


def test_null_is_as_good_as_absent() -> None:
    body = b'{"deployment_callback_url":"x","deployment":null,"pull_request":null}'
    assert verify(signed(body, "deployment_protection_rule"), body, [SECRET]).pull_number is None


def test_an_unknown_event_is_taken_and_nothing_of_it_believed() -> None:
    delivery = verify(signed(PULL, "pull_request_of_tomorrow"), PULL, [SECRET])
    assert (delivery.repository_id, delivery.pull_number, delivery.action) == (None, None, None)


def test_a_comment_on_an_issue_belongs_to_no_pull_request() -> None:
    body = b'{"issue":{"number":5},"comment":{}}'
    assert verify(signed(body, "issue_comment"), body, [SECRET]).pull_number is None
    body = b'{"issue":{"number":5,"pull_request":{"url":""}},"comment":{}}'
    assert verify(signed(body, "issue_comment"), body, [SECRET]).pull_number == 5


@given(st.binary(max_size=200), st.sampled_from(["pull_request", "push", "whatever"]))
def test_no_body_brings_anything_but_a_delivery_or_our_own_error(body: bytes, event: str) -> None:
    status = 0
    try:
        verify(signed(body, event), body, [SECRET])
    except WebhookError as error:
        status = error.status
    assert status in (0, 200, 400)


@given(st.integers(0, len(PULL) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(place: int, flip: int) -> None:
    forged = PULL[:place] + bytes([PULL[place] ^ flip]) + PULL[place + 1 :]
    assert refusal(signed(PULL, "pull_request"), forged) == (401, "webhook.signature_wrong")
