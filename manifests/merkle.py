"""Merkle trees and their proofs (RFC 6962 section 2.1, verification as RFC 9162 sections 2.1.3 and 2.1.4).

A leaf here is its hash, 32 bytes; ``leaf_hash`` makes it from the entry. Proofs are lists of node hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from manifests.errors import ManifestError
from manifests.refusal import refusal

EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""A full tile holds so many hashes of one level (C2SP tlog-tiles)."""

Range = tuple[int, int]


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Subtree(NamedTuple):
    """The root over 256 ** ``level`` leaves, number ``position`` of its level: a hash in a tile of that level
    (C2SP tlog-tiles)."""

    level: int
    position: int
    hash: bytes


class Frontier:
    """The right edge of a growing tree: the roots of its perfect subtrees, largest first.

    Appending costs one hash on average; the edge of a million leaves is at most 20 hashes.
    """

    __slots__ = ("_nodes", "size")

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self.size = 0

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash."""
        size, node, nodes = self.size, leaf, self._nodes
        self.size = size + 1
        while size & 1:
            node = sha256(b"\x01" + nodes.pop() + node).digest()
            size >>= 1
        nodes.append(node)

    def extend(self, leaves: Iterable[bytes], level: int = 0) -> list[Subtree]:
        """Adds leaf hashes in order, level by level: twice as fast as one by one. Answers the subtrees of tiles that
        they completed, lowest level first.

        With ``level`` they are roots over 256 ** ``level`` leaves each, and ``size`` must be a multiple of that.
        """
        nodes = list(leaves)
        height = level * TILE_HEIGHT
        if self.size & ((1 << height) - 1):
            raise ValueError(f"expected a size that is a multiple of {1 << height}, found {self.size}")
        size, grown, completed = self.size >> height, list[bytes](), list[Subtree]()
        self.size += len(nodes) << height
        while nodes:
            if height and not height % TILE_HEIGHT:
                completed += [Subtree(height // TILE_HEIGHT, size + nth, node) for nth, node in enumerate(nodes)]
            if size & 1:
                nodes.insert(0, self._nodes.pop())
            if len(nodes) & 1:
                grown.append(nodes.pop())
            nodes = [sha256(b"\x01" + nodes[i] + nodes[i + 1]).digest() for i in range(0, len(nodes), 2)]
            size >>= 1
            height += 1
        self._nodes += reversed(grown)
        return completed

    def root(self) -> bytes:
        if not self._nodes:
            return EMPTY_ROOT
        root = self._nodes[-1]
        for node in reversed(self._nodes[:-1]):
            root = node_hash(node, root)
        return root

    def copy(self) -> Frontier:
        twin = Frontier()
        twin._nodes = self._nodes.copy()
        twin.size = self.size
        return twin

    def to_bytes(self) -> bytes:
        """The size as 8 big-endian bytes, then the hashes, largest subtree first."""
        return self.size.to_bytes(8, "big") + b"".join(self._nodes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """Inverse of ``to_bytes``. Raises ManifestError if the number of hashes does not fit the size."""
        size, hashes = int.from_bytes(data[:8], "big"), data[8:]
        if len(data) < 8 or len(hashes) != size.bit_count() * HASH_BYTES:
            raise refusal(
                "merkle.frontier",
                f"expected 8 bytes of size and one hash per set bit of it, found {len(data)} bytes.",
                "Rebuild the frontier from the leaves.",
            )
        frontier = cls()
        frontier.size = size
        frontier._nodes = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
        return frontier


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over all leaf hashes."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        pairs = len(level) // 2
        above = [sha256(b"\x01" + level[2 * i] + level[2 * i + 1]).digest() for i in range(pairs)]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The half-open ranges of leaves whose roots prove that leaf ``index`` is in a tree of ``size``."""
    if not 0 <= index < size:
        raise _no_proof(f"expected an index below the size {size}, found {index}.")
    return _path(index, 0, size)


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The ranges whose roots prove that the tree of ``old`` leaves is the beginning of the one of ``new``."""
    if not 0 < old <= new:
        raise _no_proof(f"expected an old size from 1 to {new}, found {old}.")
    return _subproof(old, 0, new, whole=True)


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    return [root(leaves[start:end]) for start, end in inclusion_ranges(index, len(leaves))]


def consistency_proof(old: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Proof from the tree of the first ``old`` leaves to the tree of all."""
    return [root(leaves[start:end]) for start, end in consistency_ranges(old, len(leaves))]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root_: bytes) -> bool:
    """Whether ``proof`` shows leaf hash ``leaf`` at ``index`` under ``root_`` of a tree of that size."""
    if not 0 <= index < size or not _are_hashes([leaf, root_, *proof]):
        return False
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root_


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of ``new`` leaves only appended to that of ``old``; an empty one proves nothing."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if not _are_hashes([old_root, new_root, *proof]):
        return False
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    of_old = of_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            of_old = node_hash(sibling, of_old)
            of_new = node_hash(sibling, of_new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            of_new = node_hash(of_new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and of_old == old_root and of_new == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _path(index: int, start: int, end: int) -> list[Range]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(index, start, middle), (middle, end)]
    return [*_path(index, middle, end), (start, middle)]


def _subproof(old: int, start: int, end: int, *, whole: bool) -> list[Range]:
    if old == end:
        return [] if whole else [(start, end)]
    middle = start + _split(end - start)
    if old <= middle:
        return [*_subproof(old, start, middle, whole=whole), (middle, end)]
    return [*_subproof(old, middle, end, whole=False), (start, middle)]


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


def _no_proof(message: str) -> ManifestError:
    return refusal("merkle.no_proof", message, "Ask for a proof of something inside the tree.")
