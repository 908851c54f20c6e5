"""The statement a person signs: an in-toto Statement v1 with our own predicate, ``consent/v1``.

It binds everything that could be swapped. Nothing is implied: an environment it does not name is not granted.
The signed bytes are ``signed_message(payload)``; the payload is kept as it was served.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from manifests import canonical, dsse, strict_json
from manifests.attestation import (
    END_OF_TEXT,
    STATEMENT_TYPE,
    FileDigest,
    GitObject,
    Sha256Hex,
    Text,
    WireSubject,
    subject_of,
)
from manifests.canonical import MAX_INTEGER
from manifests.errors import ManifestError
from manifests.policy import Way
from manifests.refusal import refusal

PREDICATE_TYPE: Final = "https://countersign.dev/consent/v1"
MAX_BYTES = 1024 * 1024

Decision = Literal[
    "approve", "reject", "hold", "unhold", "revoke", "delegate", "except", "break-glass", "review"
]  # fmt: skip
WITHHOLDING: Final[frozenset[Decision]] = frozenset({"reject", "hold", "unhold", "revoke"})
REASONED: Final[frozenset[Decision]] = frozenset({"break-glass", "review"})
"""Decisions that say why, whoever makes them."""

Number = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Fingerprint = Annotated[str, msgspec.Meta(pattern="^SHA256:[A-Za-z0-9+/]{43}" + END_OF_TEXT)]
Sha256OrNothing = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?" + END_OF_TEXT)]
Account = Annotated[str, msgspec.Meta(pattern="^(github|servicenow|idp):[^\\s]+" + END_OF_TEXT)]
Nonce = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{16,128}" + END_OF_TEXT)]


class DelegationTerms(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Who may act for the signer from ``starts_at`` until the statement's ``not_after``, and where: for this release
    only, or for every release of the repository."""

    person: Text
    account: Account
    starts_at: Number
    scope: Literal["release", "repository"]


class ExceptionTerms(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The finding that may stay until the statement's ``not_after``, and the SHA-256 of the text of the control that
    compensates for it."""

    type: Text
    finding: Text
    control_digest: Sha256Hex


class ConsentPredicate(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """What is consented to, by whom, how, and for how long.

    ``revision`` and ``effective_rule`` are SHA-256, empty only where consent is withheld and they could not be
    told. ``memberships`` and ``displayed`` are SHA-256 of the group snapshot and of what the person was shown.
    ``key`` is the OpenSSH fingerprint of the signing key. ``issued_at`` and ``not_after`` are microseconds
    since 1970 UTC. ``environments``, ``groups`` and ``shown`` (SHA-256 of the documents that were displayed) are
    sorted, each once. ``incident`` is the incident or emergency change for which the glass is broken, ``glass`` the
    id of the broken glass that a review looks back on.
    """

    tenant: Text
    repository_id: Number
    repository: Text
    pull_number: Number
    base_ref: Text
    head_commit: GitObject
    head_tree: GitObject
    manifest_path: Text
    revision: Sha256OrNothing
    effective_rule: Sha256OrNothing
    decision: Decision
    environments: tuple[Text, ...]
    groups: tuple[Text, ...]
    person: Text
    account: Account
    key: Fingerprint
    memberships: Sha256Hex
    displayed: Sha256Hex
    way: Way
    nonce: Nonce
    issued_at: Number
    not_after: Number
    reason_digest: Sha256Hex | None = None
    shown: tuple[Sha256Hex, ...] = ()
    delegation: DelegationTerms | None = None
    exception: ExceptionTerms | None = None
    incident: Annotated[str, msgspec.Meta(max_length=100)] = ""
    glass: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Consent(msgspec.Struct, frozen=True):
    """A parsed statement: the artifacts (sorted), the predicate and the exact bytes it was read from."""

    artifacts: tuple[FileDigest, ...]
    predicate: ConsentPredicate
    payload: bytes


class _Statement(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    type: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(name="_type")
    predicate: ConsentPredicate
    predicate_type: Literal["https://countersign.dev/consent/v1"]
    subject: tuple[WireSubject, ...]


def build(artifacts: tuple[FileDigest, ...], predicate: ConsentPredicate) -> bytes:
    """The canonical payload bytes. Raises ManifestError for anything ``parse`` would refuse."""
    ordered = tuple(sorted(artifacts))
    statement = _Statement(STATEMENT_TYPE, predicate, PREDICATE_TYPE, _subjects(ordered, predicate))
    strict_json.convert(msgspec.to_builtins(statement), _Statement, "consent statement")
    _expect_sound(ordered, predicate)
    try:
        return canonical.encode(statement)
    except UnicodeEncodeError as error:
        raise _unsound("Unicode text", "half of a surrogate pair") from error


def parse(payload: bytes) -> Consent:
    """The consent in ``payload``. Raises ManifestError unless these are the very bytes ``build`` would give:
    canonical form, no unknown field, head commit last among the subjects."""
    statement = strict_json.read(payload, _Statement, "consent statement", limit=MAX_BYTES)
    artifacts = tuple(FileDigest(item.name or "", item.digest.get("sha256", "")) for item in statement.subject[:-1])
    if build(artifacts, statement.predicate) != payload:
        raise _unsound("the canonical bytes of a consent statement", "the same statement written in another way")
    return Consent(artifacts, statement.predicate, payload)


def signed_message(payload: bytes) -> bytes:
    """What the signature covers: the DSSE pre-authentication encoding of the payload."""
    return dsse.pae(dsse.IN_TOTO, payload)


def _subjects(artifacts: tuple[FileDigest, ...], predicate: ConsentPredicate) -> tuple[WireSubject, ...]:
    head = WireSubject({"gitCommit": predicate.head_commit, "gitTree": predicate.head_tree}, predicate.repository)
    return (*map(subject_of, artifacts), head)


def _expect_sound(artifacts: tuple[FileDigest, ...], predicate: ConsentPredicate) -> None:
    ordered = (("environments", predicate.environments), ("groups", predicate.groups), ("shown", predicate.shown))
    for name, values in ordered:
        if list(values) != sorted(set(values)):
            raise _unsound(f"{name} sorted and each once", repr(values))
    for item in artifacts:
        strict_json.convert(msgspec.to_builtins(item), FileDigest, "artifact")
    names = [item.name for item in artifacts]
    if len(set(names)) != len(names):
        raise _unsound("each artifact once", repr(names))
    if predicate.not_after <= predicate.issued_at:
        raise _unsound("notAfter after issuedAt", f"{predicate.not_after} and {predicate.issued_at}")
    if predicate.decision not in WITHHOLDING:
        _expect_whole(artifacts, predicate)
    for decision, name, value in (
        ("delegate", "delegation", predicate.delegation),
        ("except", "exception", predicate.exception),
        ("break-glass", "incident", predicate.incident),
        ("review", "glass", predicate.glass),
    ):
        if bool(value) != (predicate.decision == decision):
            raise _unsound(f"the field {name} in a statement to {decision}, and in no other", repr(value))
    if predicate.decision in REASONED and predicate.reason_digest is None:
        raise _unsound(f"a reason in a statement to {predicate.decision}", "none")


def _expect_whole(artifacts: tuple[FileDigest, ...], predicate: ConsentPredicate) -> None:
    """What grants says what, where and under which rule; withholding may come before these are known."""
    for name, value in (
        ("artifact", artifacts),
        ("environment", predicate.environments),
        ("group", predicate.groups),
        ("revision", predicate.revision),
        ("effective rule", predicate.effective_rule),
    ):
        if not value:
            raise _unsound(f"a statement to {predicate.decision} to name its {name}", "none")


def _unsound(expected: str, found: str) -> ManifestError:
    return refusal(
        "consent.unsound",
        f"expected {expected}, found {found[:200]}.",
        "Fetch the statement again and sign it unchanged.",
    )
