"""Proofs from the stored leaves, for those who hold a checkpoint but not the log (RFC 6962 section 2.1)."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.audit import store
from app.audit.errors import NoProofError
from app.db.tx import Tx
from manifests import merkle, strict_base64
from manifests.errors import ManifestError

_LEAVES = text("SELECT leaf FROM records WHERE log = :log AND seq < :size ORDER BY seq")
_BODY = text("SELECT body FROM records WHERE log = :log AND seq = :seq")


class Inclusion(msgspec.Struct, frozen=True):
    """That record ``seq`` (its exact bytes ``body``) is in the tree that ``checkpoint`` signs. Hashes are 32 bytes."""

    log: str
    seq: int
    size: int
    body: bytes
    proof: tuple[bytes, ...]
    checkpoint: str

    def tlog_proof(self) -> str:
        """The text of a `.tlog-proof` file (C2SP tlog-proof)."""
        lines = [
            "c2sp.org/tlog-proof@v1",
            f"index {self.seq}",
            *map(strict_base64.encode, self.proof),
            "",
            self.checkpoint,
        ]
        return "\n".join(lines)


class Consistency(msgspec.Struct, frozen=True):
    """That the tree of ``new`` records only appended to that of ``old``. Hashes are 32 bytes."""

    log: str
    old: int
    new: int
    old_root: bytes
    new_root: bytes
    proof: tuple[bytes, ...]


def inclusion(tx: Tx, log: str, seq: int) -> Inclusion:
    """Proof under the newest checkpoint. Raises NoProofError if the record is not under one."""
    newest = store.checkpoint(tx, log)
    row = tx.first(_BODY, log=log, seq=seq)
    if newest is None or row is None or not 0 <= seq < newest.size:
        raise NoProofError(f"expected a record of log {log} below {newest.size if newest else 0}, found {seq}")
    leaves = _leaves(tx, log, newest.size)
    proof = merkle.inclusion_proof(seq, leaves)
    return Inclusion(log, seq, newest.size, bytes(row.body), tuple(proof), newest.note)


def consistency(tx: Tx, log: str, old: int, new: int) -> Consistency:
    """Proof between two sizes of the log. Raises NoProofError for sizes that it never had."""
    leaves = _leaves(tx, log, new)
    try:
        proof = merkle.consistency_proof(old, leaves)
    except ManifestError as error:
        raise NoProofError(str(error)) from error
    return Consistency(log, old, new, merkle.root(leaves[:old]), merkle.root(leaves), tuple(proof))


def _leaves(tx: Tx, log: str, size: int) -> list[bytes]:
    leaves = [bytes(row.leaf) for row in tx.all(_LEAVES, log=log, size=size)]
    if len(leaves) != size:
        raise NoProofError(f"expected log {log} to have {size} records, found {len(leaves)}")
    return leaves
