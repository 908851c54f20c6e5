"""A whole log as C2SP tlog-tiles: anybody can recompute the root that is signed."""

from __future__ import annotations

from functools import partial

from sqlalchemy import text

from app.audit import proofs, tiles
from app.audit.errors import TreeAlteredError
from app.audit.proofs import Consistency
from app.audit.store import StoredCheckpoint
from app.audit.tiles import ENTRIES, Tile
from app.db.tx import Tx
from app.exports.bundle import Bundle
from app.exports.keys import LogKeys
from app.exports.model import Progress, Read
from manifests.merkle import TILE_WIDTH, Frontier, Subtree, leaf_hash

MAX_EARLIER = 16
_EARLIER = text("SELECT size, note FROM checkpoints WHERE log = :log AND size <= :most ORDER BY size DESC LIMIT 1")


def write(read: Read, log: str, under: StoredCheckpoint, keys: LogKeys, bundle: Bundle, progress: Progress) -> int:
    """All tiles and entries of the tree that ``under`` signs, and proofs that earlier checkpoints are its beginning.
    Answers how many records there are.

    The tiles are made of the entries that are written, never of stored hashes. Raises TreeAlteredError if they do not
    lead to the signed root, RecordAlteredError.
    """
    root = proofs.signed(log, under, keys.signers(under)).root
    growing = _Growing(bundle)
    for tile in tiles.tiles_of(ENTRIES, under.size):
        bodies = read(partial(tiles.entries, log=log, tile=tile))
        bundle.add(tile.path, tiles.bundle(bodies))
        growing.extend(tile, [leaf_hash(body) for body in bodies])
        progress(tile.first + tile.width, under.size)
    growing.finish()
    if growing.frontier.root() != root:
        raise TreeAlteredError(log, f"records 0 to {under.size - 1} do not lead to the root that was signed")
    for earlier, proof in read(partial(_earlier, log=log, size=under.size, keys=keys)):
        bundle.add(f"consistency/{earlier.size}", proof.witness_request())
        bundle.add(f"consistency/{earlier.size}.checkpoint", earlier.note)
    return under.size


class _Growing:
    """Hash tiles, written as soon as they are full; of each level at most one is held."""

    def __init__(self, bundle: Bundle) -> None:
        self.frontier = Frontier()
        self._bundle = bundle
        self._open: dict[int, list[Subtree]] = {}

    def extend(self, tile: Tile, leaves: list[bytes]) -> None:
        self._bundle.add(Tile(0, tile.index, tile.width).path, b"".join(leaves))
        for subtree in self.frontier.extend(leaves):
            row = self._open.setdefault(subtree.level, [])
            row.append(subtree)
            if len(row) == TILE_WIDTH:
                self._write(row)

    def finish(self) -> None:
        for row in self._open.values():
            if row:
                self._write(row)

    def _write(self, row: list[Subtree]) -> None:
        tile = Tile(row[0].level, row[0].position // TILE_WIDTH, len(row))
        self._bundle.add(tile.path, b"".join(subtree.hash for subtree in row))
        row.clear()


def _earlier(tx: Tx, log: str, size: int, keys: LogKeys) -> list[tuple[StoredCheckpoint, Consistency]]:
    """A few earlier checkpoints, each of at most half the size of the next, proven to be beginnings of ``size``.

    One that only a revoked key signed is left out: later ones vouch for what it covers."""
    found: list[tuple[StoredCheckpoint, Consistency]] = []
    most = size // 2
    while most and len(found) < MAX_EARLIER:
        row = tx.first(_EARLIER, log=log, most=most)
        if row is None:
            break
        earlier = StoredCheckpoint(row.size, row.note)
        most = earlier.size // 2
        counting = keys.signers(earlier)
        if not counting:
            continue
        proof = proofs.consistency(tx, log, earlier.size, size)
        if proofs.signed(log, earlier, counting).root != proof.old_root:
            raise TreeAlteredError(log, f"checkpoint {earlier.size} signs another root than its records have")
        found.append((earlier, proof))
    return found
