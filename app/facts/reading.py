"""What bytes say, remembered: the same bytes always say the same, and reading them costs more than all else.

Only what could be read is remembered, under the digest of the bytes and everything else that was asked with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cachetools import LRUCache

from app.facts import documents
from app.facts.documents import ReadDocument
from manifests.canonical import sha256_hex
from manifests.policy import Policy, TrustedSigner
from manifests.policy_parser import NOTHING, parse_policy
from manifests.release import Release
from manifests.release_parser import parse_release

LARGE_BYTES = 256 * 1024
"""What a larger document says may be large too, so it is read again rather than kept."""


class Reading:
    """Parsers with a memory. They raise what the parsers raise."""

    def __init__(self) -> None:
        self._policies: LRUCache[tuple[str, str, frozenset[str]], Policy] = LRUCache(500)
        self._releases: LRUCache[tuple[str, str], Release] = LRUCache(5_000)
        self._documents: LRUCache[tuple[object, ...], ReadDocument] = LRUCache(5_000)

    def policy(
        self, text: bytes, path: str, known_groups: Iterable[str], included: Mapping[str, bytes] = NOTHING
    ) -> Policy:
        """See parse_policy. The text names the digests of what it includes, so its own stands for them all. Raises
        ManifestError."""
        known = frozenset(known_groups)
        key = (sha256_hex(text), path, known)
        if key not in self._policies:
            self._policies[key] = parse_policy(text, path, known, included)
        return self._policies[key]

    def release(self, text: bytes, path: str) -> Release:
        """Raises ManifestError."""
        key = (sha256_hex(text), path)
        if key not in self._releases:
            self._releases[key] = parse_release(text, path)
        return self._releases[key]

    def document(
        self, data: bytes | None, path: str, type: str, trusted: tuple[TrustedSigner, ...], fault: str = "",
        compared: tuple[tuple[str, str], ...] = (),
    ) -> ReadDocument:  # fmt: skip
        """See documents.read_document."""
        if data is None or len(data) > LARGE_BYTES:
            return documents.read_document(data, path, type, documents.public_keys(trusted), fault, compared)
        key = (sha256_hex(data), path, type, trusted, compared)
        if key not in self._documents:
            keys = documents.public_keys(trusted)
            self._documents[key] = documents.read_document(data, path, type, keys, compared=compared)
        return self._documents[key]
