"""Statements as the API speaks them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gates.model import ConsentDecision, Outcome, Status

Decision = Literal["approve", "reject", "hold"]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}\Z")]
# A plus sign that was not encoded arrives as a blank.
_Fingerprint = Annotated[str, msgspec.Meta(pattern=r"^SHA256:[A-Za-z0-9+/ ]{43}\Z")]


class StatementQuery(msgspec.Struct, frozen=True):
    """``key`` is the fingerprint of the person's enrolled key. An approval names its environment."""

    key: _Fingerprint
    environment: _Name | None = None
    decision: Decision = "approve"
    reason: Annotated[str, msgspec.Meta(max_length=1000)] = ""

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
    """``payload`` as it was served, ``signature`` the armored SSH signature. ``reason`` is the text whose digest the
    statement binds, if it does; ``display`` the text that was shown, kept with the statement."""

    payload: Annotated[str, msgspec.Meta(max_length=1 << 20)]
    signature: Annotated[str, msgspec.Meta(max_length=16 << 10)]
    reason: Annotated[str, msgspec.Meta(max_length=1000)] = ""
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
    ``outcome`` is what would be decided about merging now, the worst of the environments concerned."""

    release: str
    grant: GrantSummary
    statement: str
    repeated: bool
    outcome: Outcome
    missing: tuple[Missing, ...]
