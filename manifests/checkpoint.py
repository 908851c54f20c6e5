"""Checkpoints (C2SP tlog-checkpoint): the signed root of a log, as a note.

The text is three lines, ``<origin>``, ``<size>``, ``<base64 root>``; further lines are extensions of others.
To check one with OpenSSL alone, put the text (all bytes before the empty line, its last line break included) in
a file, the 64 bytes after the key id in another, and run
``openssl pkeyutl -verify -rawin -pubin -inkey log.pem -in text -sigfile signature``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from manifests import note, strict_base64
from manifests.errors import ManifestError
from manifests.keys import PrivateKey
from manifests.merkle import HASH_BYTES
from manifests.note import Note, VerifierKey
from manifests.refusal import refusal

_SIZE = re.compile("0|[1-9][0-9]{0,18}")


class Checkpoint(msgspec.Struct, frozen=True):
    """``root`` (32 bytes) of the tree over the first ``size`` records of the log named ``origin``."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The bytes that are signed (as UTF-8)."""
        lines = (self.origin, str(self.size), strict_base64.encode(self.root), *self.extensions)
        return "\n".join(lines) + "\n"


def sign(checkpoint: Checkpoint, signers: Sequence[tuple[str, PrivateKey]]) -> bytes:
    """The note's bytes, signed by each (name, Ed25519 key); the log's own name is its origin."""
    return note.sign(checkpoint.text(), signers).encode()


def parse(data: bytes) -> tuple[Checkpoint, Note]:
    """The checkpoint in a note and the note itself. Nothing is verified. Raises ManifestError."""
    found = note.parse(data)
    return parse_text(found.text), found


def parse_text(text: str) -> Checkpoint:
    """The checkpoint in a note's text."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]) or not _SIZE.fullmatch(lines[1]):
        raise _malformed(text)
    root = strict_base64.decode(lines[2], "the root")
    if len(root) != HASH_BYTES:
        raise _malformed(text)
    return Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:-1]))


def verify(data: bytes, origin: str, known: Iterable[VerifierKey]) -> Checkpoint:
    """The checkpoint, if it is of ``origin`` and at least one known key signed it; else ManifestError."""
    checkpoint, found = parse(data)
    if checkpoint.origin != origin:
        raise refusal(
            "checkpoint.origin",
            f"expected a checkpoint of {origin}, found one of {checkpoint.origin}.",
            "Fetch the checkpoint of the log that is meant.",
        )
    if not note.verified_by(found, known):
        raise refusal(
            "checkpoint.unsigned",
            "expected a signature of a known key, found none.",
            "Check that the key list is the current one of this log.",
        )
    return checkpoint


def _malformed(text: str) -> ManifestError:
    return refusal(
        "checkpoint.malformed",
        f"expected origin, size and a base64 root of {HASH_BYTES} bytes, found {text[:80]!r}.",
        "Fetch the checkpoint again, whole.",
    )
