"""Statements as the API speaks them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gates.model import ConsentDecision, Outcome, Status

Decision = Literal["approve", "reject", "hold", "delegate", "except", "break-glass", "review"]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}\Z")]
# A plus sign that was not encoded arrives as a blank.
_Fingerprint = Annotated[str, msgspec.Meta(pattern=r"^SHA256:[A-Za-z0-9+/ ]{43}\Z")]
_Login = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]
_Words = Annotated[str, msgspec.Meta(max_length=1000)]
_Word = Annotated[str, msgspec.Meta(max_length=200)]


class StatementQuery(msgspec.Struct, frozen=True):
    """``key`` is the fingerprint of the person's enrolled key. What is granted names its environment; an exception may
    leave it out where the release has only one.

    A delegation is ``to`` a GitHub login, for the release or (``scope``) every release of the repository. An exception
    is for a ``finding`` in evidence of a ``type``, with the ``control`` that compensates for it. Both end ``until``
    then (RFC 3339), or as late as the rule lets them. Breaking the glass names the ``incident``, a review its
    ``glass``.
    """

    key: _Fingerprint
    environment: _Name | None = None
    decision: Decision = "approve"
    reason: _Words = ""
    to: _Login | None = None
    scope: Literal["release", "repository"] = "release"
    until: _Word | None = None
    type: _Word = ""
    finding: _Word = ""
    control: _Words = ""
    incident: Annotated[str, msgspec.Meta(max_length=100)] = ""
    glass: Annotated[str, msgspec.Meta(max_length=100)] = ""

    @property
    def fingerprint(self) -> str:
        return self.key.replace(" ", "+")


class Prepared(msgspec.Struct, frozen=True):
    """``payload`` (base64) are the bytes of the statement: sign their DSSE pre-authentication encoding, of type
    ``application/vnd.in-toto+json``, with ``ssh-keygen -Y sign -n <namespace>``. ``display`` is what to read first;
    the statement binds its SHA-256."""

    payload: str
    display: str
    namespace: str


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``payload`` as it was served, ``signature`` the armored SSH signature. ``reason`` and, of an exception,
    ``control`` are the texts whose digests the statement binds, if it does; ``display`` the text that was shown, kept
    with the statement."""

    payload: Annotated[str, msgspec.Meta(max_length=1 << 20)]
    signature: Annotated[str, msgspec.Meta(max_length=16 << 10)]
    reason: _Words = ""
    control: _Words = ""
    display: Annotated[str, msgspec.Meta(max_length=256 << 10)] = ""


class GrantSummary(msgspec.Struct, frozen=True):
    """A grant as it is kept. ``void`` says why it no longer counts; instants in RFC 3339."""

    id: str
    decision: ConsentDecision
    environments: tuple[str, ...]
    groups: tuple[str, ...]
    strength: str
    issued_at: str
    not_after: str
    void: str = ""


class Missing(msgspec.Struct, frozen=True):
    """One thing that does not hold yet, where, and what to do about it."""

    environment: str
    name: str
    status: Status
    summary: str
    remedy: str = ""


class Submitted(msgspec.Struct, frozen=True):
    """``statement`` is the SHA-256 of the stored envelope; ``repeated`` says that it had been accepted before.
    ``outcome`` is what would be decided about merging now, the worst of the environments concerned; ``uncounted`` says
    why an approval of whoever signed does not count."""

    release: str
    grant: GrantSummary
    statement: str
    repeated: bool
    outcome: Outcome
    missing: tuple[Missing, ...]
    uncounted: tuple[Missing, ...] = ()
