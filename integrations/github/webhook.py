"""Receiving a delivery: its signature, its form, and where it belongs.

GitHub signs the body only. The event name and the delivery's guid are unsigned, so the event must fit the shape
of the payload, and the digest of the body is returned for the caller's own replay protection.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from integrations.github.shapes import MARKERS, fits

SECRET_BYTES = 32
_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})\Z", re.ASCII)
_GUID = re.compile(r"[0-9A-Za-z-]{1,64}\Z", re.ASCII)
_EVENT = re.compile(r"[a-z_]{1,64}\Z", re.ASCII)


class WebhookError(Exception):
    """A delivery is not taken. ``status`` is the HTTP answer, ``code`` is stable, the text names the remedy."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class EventMismatchError(WebhookError):
    """Signed by GitHub, under the wrong event name: store ``delivery`` as ignored."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(
            "webhook.event_mismatch",
            200,
            f"expected a payload of event {delivery.event}, found another shape: the header is not signed",
        )
        self.delivery = delivery


class WeakSecretError(ValueError):
    """The webhook secrets cannot protect anything."""

    code = "webhook.weak_secret"


class Delivery(msgspec.Struct, frozen=True):
    """A verified delivery and where it belongs. ``body_sha256`` in lower-case hex.

    ``by_app``: the App whose own bot wrote or changed the comment that this is about.
    """

    guid: str
    event: str
    body_sha256: str
    installation_id: int | None = None
    repository_id: int | None = None
    repository_name: str | None = None
    pull_number: int | None = None
    action: str | None = None
    by_app: int | None = None


_Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
_ABSENT = msgspec.Raw(b"")
_NULL = msgspec.Raw(b"null")
_FullName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}\Z")]
_Action = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,64}\Z")]


class _Installation(msgspec.Struct):
    id: _Id


class _Repository(msgspec.Struct):
    id: _Id
    full_name: _FullName


class _Pull(msgspec.Struct):
    number: _Id


class _Issue(msgspec.Struct):
    number: _Id
    pull_request: msgspec.Raw = _ABSENT


class _Payload(msgspec.Struct):
    """What routes a delivery, and the presence of every field in shapes.MARKERS."""

    action: _Action | None = None
    sender: msgspec.Raw = _ABSENT
    installation: _Installation | None = None
    repository: _Repository | None = None
    pull_request: _Pull | None = None
    issue: _Issue | None = None
    check_run: msgspec.Raw = _ABSENT
    check_suite: msgspec.Raw = _ABSENT
    comment: msgspec.Raw = _ABSENT
    commits: msgspec.Raw = _ABSENT
    context: msgspec.Raw = _ABSENT
    deployment: msgspec.Raw = _ABSENT
    deployment_callback_url: msgspec.Raw = _ABSENT
    deployment_status: msgspec.Raw = _ABSENT
    hook: msgspec.Raw = _ABSENT
    member: msgspec.Raw = _ABSENT
    membership: msgspec.Raw = _ABSENT
    merge_group: msgspec.Raw = _ABSENT
    repositories_added: msgspec.Raw = _ABSENT
    repository_ruleset: msgspec.Raw = _ABSENT
    review: msgspec.Raw = _ABSENT
    rule: msgspec.Raw = _ABSENT
    team: msgspec.Raw = _ABSENT
    thread: msgspec.Raw = _ABSENT
    workflow_job: msgspec.Raw = _ABSENT
    workflow_run: msgspec.Raw = _ABSENT

    def present(self) -> frozenset[str]:
        return frozenset([name for name in MARKERS if _is_there(getattr(self, name))])


class _Actor(msgspec.Struct):
    id: int
    type: str


class _App(msgspec.Struct):
    id: int


class _Comment(msgspec.Struct):
    user: _Actor
    performed_via_github_app: _App


_payload = msgspec.json.Decoder(_Payload)
_actor = msgspec.json.Decoder(_Actor)
_comment = msgspec.json.Decoder(_Comment)


def _is_there(value: object) -> bool:
    # Nearly all are absent, and then they are the very default.
    return value is not _ABSENT and value is not None and value != _ABSENT and value != _NULL


def check_secrets(secrets: Sequence[bytes]) -> None:
    """WeakSecretError unless there is a secret and each has 32 bytes: GitHub would accept an empty one."""
    if not secrets:
        raise WeakSecretError("expected at least one webhook secret, found none: set one of 32 random bytes")
    for place, secret in enumerate(secrets, 1):
        if len(secret) < SECRET_BYTES:
            raise WeakSecretError(
                f"expected webhook secret {place} to have at least {SECRET_BYTES} bytes, "
                f"found {len(secret)}: make one with 32 random bytes"
            )


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes]) -> Delivery:
    """The delivery, or WebhookError (401 signature, 400 form, 200 event mismatch). Signature first: it is cheap.

    ``headers`` may be any case. ``secrets`` holds two while one is being replaced.
    """
    _check_signature(_header(headers, "X-Hub-Signature-256"), body, secrets)
    content_type = _header(headers, "Content-Type") or "none"
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise _bad("content_type", f"expected application/json, found {content_type[:100]!r}")
    event = _checked(headers, "X-GitHub-Event", _EVENT)
    guid = _checked(headers, "X-GitHub-Delivery", _GUID)
    payload = _read(body)
    return _routed(guid, event, hashlib.sha256(body).hexdigest(), payload)


def _routed(guid: str, event: str, digest: str, payload: _Payload) -> Delivery:
    fit = fits(event, payload.present())
    if fit is None:  # an event of next year: counted, nothing believed of it
        return Delivery(guid, event, digest)
    pull: _Pull | _Issue | None = payload.pull_request
    if payload.issue is not None and _is_there(payload.issue.pull_request):
        pull = payload.issue
    delivery = Delivery(
        guid,
        event,
        digest,
        payload.installation.id if payload.installation else None,
        payload.repository.id if payload.repository else None,
        payload.repository.full_name if payload.repository else None,
        pull.number if pull else None,
        payload.action,
        _by_app(payload) if event == "issue_comment" else None,
    )
    if not fit:
        raise EventMismatchError(delivery)
    return delivery


def _by_app(payload: _Payload) -> int | None:
    """Only when sender and author are one bot: people may edit an App's comment, Apps may write in their names."""
    try:
        sender, comment = _actor.decode(payload.sender), _comment.decode(payload.comment)
    except msgspec.MsgspecError:
        return None
    alone = sender.type == "Bot" and comment.user.type == "Bot" and sender.id == comment.user.id
    return comment.performed_via_github_app.id if alone else None


def _check_signature(signature: str | None, body: bytes, secrets: Sequence[bytes]) -> None:
    if signature is None:
        raise _unsigned("missing", "expected the header X-Hub-Signature-256, found none: set a webhook secret")
    match = _SIGNATURE.match(signature)
    if match is None:
        raise _unsigned("malformed", "expected sha256= and 64 lower-case hex digits in X-Hub-Signature-256")
    check_secrets(secrets)
    given = bytes.fromhex(match.group(1))
    right = False
    for secret in secrets:  # all of them, so that the time does not tell which one
        right |= hmac.compare_digest(hmac.digest(secret, body, "sha256"), given)
    if not right:
        raise _unsigned("wrong", "the signature is not that of this body: compare the webhook secret on both sides")


def _read(body: bytes) -> _Payload:
    if body.lstrip(b" \t\r\n")[:1] != b"{":
        raise _bad("not_an_object", "expected the body to be one JSON object")
    problem = ""
    try:
        return _payload.decode(body)
    except RecursionError:
        raise _bad("too_deep", "expected JSON of reasonable depth") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        problem = str(error)[:200]
    raise _bad("malformed", f"expected a GitHub payload, found: {problem}")


def _checked(headers: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    value = _header(headers, name)
    if value is None:
        raise _bad("header_missing", f"expected the header {name}, found none")
    if form.match(value) is None:
        raise _bad("header_malformed", f"expected {name} to match {form.pattern}")
    return value


def _header(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name)
    return value if value is not None else headers.get(name.lower())


def _bad(kind: str, message: str) -> WebhookError:
    return WebhookError(f"webhook.{kind}", 400, message)


def _unsigned(kind: str, message: str) -> WebhookError:
    return WebhookError(f"webhook.signature_{kind}", 401, message)
