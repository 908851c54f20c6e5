"""in-toto Statement v1 (in-toto/attestation spec/v1/statement.md): subjects, and one claim about them."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from manifests import strict_json
from manifests.errors import ManifestError
from manifests.refusal import refusal
from manifests.strict_json import JsonValue

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"

# In Python ``$`` also matches before a final line break; the look-ahead forbids one.
END_OF_TEXT: Final = "$(?!\n)"
Sha256Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}" + END_OF_TEXT)]
GitObject = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{40}|[0-9a-f]{64})" + END_OF_TEXT)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class FileDigest(msgspec.Struct, frozen=True, order=True):
    """A named file or object and its SHA-256."""

    name: str
    sha256: Sha256Hex


class Digest(msgspec.Struct, frozen=True, order=True):
    """One digest: the in-toto name of its algorithm (``sha256``, ``gitCommit``, …) and its value."""

    algorithm: str
    value: str


class Subject(msgspec.Struct, frozen=True):
    """What a statement is about. ``digests`` is never empty and sorted by algorithm."""

    name: str
    digests: tuple[Digest, ...]

    def digest(self, algorithm: str) -> str | None:
        return next((item.value for item in self.digests if item.algorithm == algorithm), None)


class InTotoStatement(msgspec.Struct, frozen=True):
    """A parsed statement. ``predicate`` is decoded JSON; the reader of its type converts it further."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: JsonValue

    def artifacts(self) -> tuple[FileDigest, ...]:
        """The subjects as files. Raises ManifestError if one has no SHA-256: nothing could be bound to it."""
        return tuple(_file(subject) for subject in self.subjects)


class Descriptor(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """in-toto ResourceDescriptor, as far as it is read here."""

    name: str | None = None
    uri: str | None = None
    digest: dict[str, str] = {}
    download_location: str | None = None
    annotations: dict[str, Any] = {}

    @property
    def label(self) -> str:
        return self.name or self.uri or self.download_location or ""

    def sha256(self) -> str | None:
        """The SHA-256 if there is one of the right form."""
        value = self.digest.get("sha256", "")
        return value if _is_sha256(value) else None


class WireSubject(msgspec.Struct, frozen=True, omit_defaults=True):
    """A subject as written on the wire."""

    digest: dict[str, str]
    name: str | None = None


class _WireStatement(msgspec.Struct, frozen=True):
    type: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(name="_type")
    subject: tuple[WireSubject, ...]
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: object = None


def parse(payload: bytes, *, limit: int = strict_json.MAX_BYTES) -> InTotoStatement:
    """The statement in ``payload``. Raises ManifestError; subjects are never empty, nor are their digests."""
    value = strict_json.decode(payload, limit=limit)
    wire = strict_json.convert(value, _WireStatement, "in-toto statement")
    if not wire.subject:
        raise refusal("statement.subjects", "expected at least one subject, found none.", "Name what it is of.")
    predicate = value.get("predicate") if isinstance(value, dict) else None
    return InTotoStatement(tuple(map(_subject, wire.subject)), wire.predicate_type, predicate)


def expect_type(statement: InTotoStatement, predicate_type: str) -> None:
    """Raises ManifestError unless the statement makes a claim of this type."""
    if statement.predicate_type != predicate_type:
        raise refusal(
            "statement.predicate_type",
            f"expected predicate type {predicate_type}, found {statement.predicate_type[:200]}.",
            "Refer to the attestation that was meant.",
        )


def subject_of(file: FileDigest) -> WireSubject:
    return WireSubject({"sha256": file.sha256}, file.name)


def _subject(wire: WireSubject) -> Subject:
    digests = tuple(Digest(algorithm, value) for algorithm, value in sorted(wire.digest.items()))
    if not digests or not all(item.value for item in digests):
        raise _no_digest(wire.name or "", "none")
    sha256 = wire.digest.get("sha256")
    if sha256 is not None and not _is_sha256(sha256):
        raise _no_digest(wire.name or "", repr(sha256[:80]))
    return Subject(wire.name or "", digests)


def _file(subject: Subject) -> FileDigest:
    sha256 = subject.digest("sha256")
    if sha256 is None:
        raise _no_digest(subject.name, ", ".join(item.algorithm for item in subject.digests))
    return FileDigest(subject.name, sha256)


def _is_sha256(value: str) -> bool:
    return len(value) == 64 and set(value) <= set("0123456789abcdef")


def _no_digest(name: str, found: str) -> ManifestError:
    return refusal(
        "statement.digest",
        f"expected a SHA-256 (64 lower-case hex digits) of subject {name!r}, found {found}.",
        "Hash the file and put the digest into the statement.",
    )
