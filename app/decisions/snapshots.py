"""Snapshots as they are kept: an instant, a question, and the digests of the parts the answer came from."""

from __future__ import annotations

from typing import Any

import msgspec
from cachetools import LRUCache

from app.blobs.store import BlobStore
from app.db.tx import Tx
from gates.decide import decide
from gates.model import LogFacts, Policies, Question, Snapshot, Verdict
from manifests import canonical

VERSION = 1
_PARTS = (
    "pull", "release", "contributors", "groups", "consents", "artifacts", "lineage", "evidence", "change", "deployment",
)  # fmt: skip
_WHERE_ASKED = ("calendar", "checks", "pushes", "reporting", "retrospectives")
"""Parts that most questions do without."""

_POLICIES = "policies"
_TYPES: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Snapshot)}


class StoredSnapshot(msgspec.Struct, frozen=True):
    """The blob that a decision names. ``parts`` maps part names to digests of blobs; ``v`` is the form's version."""

    v: int
    at: int
    question: Question
    environment: str
    tenant: str
    log: LogFacts
    parts: dict[str, str]
    settings: str = ""


class EncodedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot ready to be stored: its digest, its bytes, and the blobs of its parts."""

    digest: str
    body: bytes
    parts: tuple[tuple[str, bytes], ...]


class SnapshotEncoder:
    """Encodes parts once as long as the same object is used again, as it is while facts are fresh."""

    def __init__(self) -> None:
        self._encoded: LRUCache[int, tuple[object, str, bytes]] = LRUCache(4096)

    def encode(self, policies: Policies, snapshot: Snapshot) -> EncodedSnapshot:
        digests: dict[str, str] = {}
        bodies: list[tuple[str, bytes]] = []
        values: list[tuple[str, object]] = [(_POLICIES, policies)]
        values += [(part, getattr(snapshot, part)) for part in _PARTS]
        values += [(part, value) for part in _WHERE_ASKED if (value := getattr(snapshot, part))]
        for name, value in values:
            digest, body = self._part(value)
            digests[name] = digest
            bodies.append((name, body))
        stored = StoredSnapshot(
            VERSION,
            snapshot.at,
            snapshot.question,
            snapshot.environment,
            snapshot.tenant,
            snapshot.log,
            digests,
            snapshot.settings,
        )
        body = canonical.encode(stored)
        return EncodedSnapshot(canonical.sha256_hex(body), body, tuple(bodies))

    def _part(self, value: object) -> tuple[str, bytes]:
        known = self._encoded.get(id(value))
        if known is not None and known[0] is value:
            return known[1], known[2]
        body = canonical.encode(value)
        digest = canonical.sha256_hex(body)
        self._encoded[id(value)] = (value, digest, body)
        return digest, body


def save(tx: Tx, blobs: BlobStore, encoded: EncodedSnapshot) -> None:
    blobs.put_many(tx, [*((f"snapshot/{name}", body) for name, body in encoded.parts), ("snapshot", encoded.body)])


def load(tx: Tx, blobs: BlobStore, digest: str) -> tuple[Policies, Snapshot]:
    """Raises BlobMissingError, BlobAlteredError, or msgspec.MsgspecError for a form this version cannot read."""
    stored = msgspec.json.decode(blobs.get(tx, digest), type=StoredSnapshot)
    bodies = blobs.get_many(tx, stored.parts.values())
    policies = msgspec.json.decode(bodies[stored.parts[_POLICIES]], type=Policies)
    parts = {
        name: msgspec.json.decode(bodies[stored.parts[name]], type=_TYPES[name])
        for name in (*_PARTS, *_WHERE_ASKED)
        if name in stored.parts
    }
    snapshot = Snapshot(
        at=stored.at, question=stored.question, environment=stored.environment, tenant=stored.tenant, log=stored.log,
        settings=stored.settings,
        **parts,
    )  # fmt: skip
    return policies, snapshot


def replay(tx: Tx, blobs: BlobStore, digest: str) -> Verdict:
    """The verdict that the stored facts give today."""
    return decide(*load(tx, blobs, digest))
