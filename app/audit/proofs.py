"""Proofs for those who hold a checkpoint but not the log (RFC 6962 section 2.1).

Each is made from a few tiles and held against the signed root before anybody gets it: a database that was altered
gives an error, never a proof that does not verify.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec
from sqlalchemy import text

from app.audit import store
from app.audit.errors import NoProofError, RecordAlteredError, TreeAlteredError
from app.audit.store import StoredCheckpoint
from app.audit.tiles import TreeReader
from app.db.tx import Tx
from manifests import checkpoint, merkle, note, strict_base64
from manifests.checkpoint import Checkpoint
from manifests.errors import ManifestError
from manifests.note import VerifierKey
from manifests.record import Record

_BODY = text("SELECT body FROM records WHERE log = :log AND seq = :seq")
_SIGNED = text("SELECT note FROM checkpoints WHERE log = :log AND size = :size")


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
    """That the tree of ``new`` records only appended to that of ``old``. Hashes are 32 bytes; ``checkpoint`` is the
    signed one of size ``new``, empty where none was signed at that size."""

    log: str
    old: int
    new: int
    old_root: bytes
    new_root: bytes
    proof: tuple[bytes, ...]
    checkpoint: str = ""

    def witness_request(self) -> str:
        """The text that a witness is sent (C2SP tlog-witness, add-checkpoint), also good to keep in a file."""
        return "\n".join([f"old {self.old}", *map(strict_base64.encode, self.proof), "", self.checkpoint])


def signed(log: str, stored: StoredCheckpoint, keys: Collection[VerifierKey] = ()) -> Checkpoint:
    """What a stored checkpoint says. Raises TreeAlteredError if it is not one of its size, or none of the ``keys``,
    where any are given, signed it."""
    try:
        found, signatures = checkpoint.parse(stored.note.encode())
        by = note.verified_by(signatures, keys)
    except ManifestError as error:
        raise TreeAlteredError(log, f"checkpoint {stored.size}: {error}") from error
    if found.size != stored.size or (keys and not by):
        problem = f"one of size {found.size}" if found.size != stored.size else "no signature of a known key"
        raise TreeAlteredError(log, f"expected a signed checkpoint of size {stored.size}, found {problem}")
    return found


def inclusion(tx: Tx, log: str, seq: int, keys: Collection[VerifierKey] = ()) -> Inclusion:
    """Proof under the newest checkpoint. Raises NoProofError if the record is not under one, RecordAlteredError or
    TreeAlteredError if what is stored does not lead to the signed root."""
    newest = store.checkpoint(tx, log)
    if newest is None:
        raise _not_under(log, 0, seq)
    return inclusions(tx, log, [seq], newest, keys)[0]


def inclusions(
    tx: Tx, log: str, seqs: Iterable[int], under: StoredCheckpoint, keys: Collection[VerifierKey] = ()
) -> list[Inclusion]:
    """Proofs of several records under one checkpoint; neighbours share what is read."""
    root = signed(log, under, keys).root
    tree = TreeReader(tx, log, under.size)
    return [_inclusion(tx, log, seq, under, tree, root) for seq in seqs]


def trace(tx: Tx, log: str, trace_id: str) -> tuple[Record, ...]:
    """As app.audit.store.trace, and every record proven to be under the newest checkpoint: a chain that was rewritten
    whole holds together by itself. Raises RecordAlteredError, TreeAlteredError."""
    found = store.trace(tx, log, trace_id)
    newest = store.checkpoint(tx, log)
    if newest is None or (found and found[-1].seq >= newest.size):
        raise TreeAlteredError(log, f"expected a checkpoint over all records of trace {trace_id}, found none")
    inclusions(tx, log, [one.seq for one in found], newest)
    return found


def consistency(tx: Tx, log: str, old: int, new: int, keys: Collection[VerifierKey] = ()) -> Consistency:
    """Proof between two sizes of the log. Raises NoProofError for sizes that it never had, TreeAlteredError if what
    is stored does not lead to the newest signed root."""
    newest = store.checkpoint(tx, log)
    if newest is None or not 0 < old <= new <= newest.size:
        have = newest.size if newest is not None else 0
        raise NoProofError(
            f"expected two sizes of log {log}, which has {have} records, in order; found {old} and {new}"
        )
    tree = TreeReader(tx, log, newest.size)
    roots = [tree.root(0, size) for size in (old, new, newest.size)]
    proof = _growth(tree, old, new)
    fits = (
        roots[2] == signed(log, newest, keys).root
        and merkle.verify_consistency(old, new, roots[0], roots[1], proof)
        and merkle.verify_consistency(new, newest.size, roots[1], roots[2], _growth(tree, new, newest.size))
    )
    if not fits:
        raise TreeAlteredError(
            log, f"what is stored of records 0 to {newest.size - 1} has not the root that was signed"
        )
    row = tx.first(_SIGNED, log=log, size=new)
    return Consistency(log, old, new, roots[0], roots[1], tuple(proof), row.note if row is not None else "")


def _inclusion(tx: Tx, log: str, seq: int, under: StoredCheckpoint, tree: TreeReader, root: bytes) -> Inclusion:
    if not 0 <= seq < under.size:
        raise _not_under(log, under.size, seq)
    row = tx.first(_BODY, log=log, seq=seq)
    if row is None:
        raise RecordAlteredError(log, seq, f"expected one of the {under.size} records that were signed, found none")
    leaf = tree.leaf(seq)
    body = bytes(row.body) if isinstance(row.body, bytes | memoryview) else b""
    if merkle.leaf_hash(body) != leaf:
        raise RecordAlteredError(log, seq, f"expected a body with hash {leaf.hex()}, found another")
    proof = [tree.root(start, end) for start, end in merkle.inclusion_ranges(seq, under.size)]
    if not merkle.verify_inclusion(seq, under.size, leaf, proof, root):
        raise TreeAlteredError(log, f"what is stored around record {seq} does not lead to the root that was signed")
    return Inclusion(log, seq, under.size, body, tuple(proof), under.note)


def _growth(tree: TreeReader, old: int, new: int) -> Sequence[bytes]:
    return [tree.root(start, end) for start, end in merkle.consistency_ranges(old, new)]


def _not_under(log: str, size: int, seq: int) -> NoProofError:
    return NoProofError(f"expected a record of log {log}, which has {size}, numbered from 0; found {seq}")
