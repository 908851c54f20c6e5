"""The log as tiles (C2SP tlog-tiles): 256 hashes of one level side by side, and the entries under them.

A tile of level 0 holds leaf hashes, one of level n the roots over 256 ** n leaves each. The last tile of a level may
be partial. Nothing is stored for them: level 0 is read from the records, the others from what the sequencer kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from sqlalchemy import text

from app.audit.errors import NoTileError, RecordAlteredError, TreeAlteredError
from app.db.tx import Tx
from manifests.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, leaf_hash, node_hash, root

ENTRIES = -1
"""The level of entry bundles: they lie under level 0 and have its widths."""
MAX_LEVEL = 5

_LEAVES = text(
    "SELECT seq AS place, leaf AS hash FROM records WHERE log = :log AND seq >= :first AND seq < :end ORDER BY seq"
)
_ROOTS = text(
    "SELECT position AS place, hash FROM tree_hashes WHERE log = :log AND level = :level AND position >= :first "
    "AND position < :end ORDER BY position"
)
_BODIES = text("SELECT seq, leaf, body FROM records WHERE log = :log AND seq >= :first AND seq < :end ORDER BY seq")
_PATH = re.compile(r"tile/(entries|[0-5])/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


class Tile(msgspec.Struct, frozen=True):
    """Number ``index`` of its level, with ``width`` (1 to 256) hashes or entries."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where tlog-tiles puts it: ``tile/0/x001/234``, ``tile/entries/000.p/17``."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = f".p/{self.width}" if self.width < TILE_WIDTH else ""
        return f"tile/{level}/{'/'.join(groups)}{partial}"

    @property
    def first(self) -> int:
        """The place of its first hash in its level."""
        return self.index * TILE_WIDTH

    @classmethod
    def parse(cls, path: str) -> Tile:
        """Inverse of ``path``. Raises NoTileError for another spelling of the same tile, too."""
        found = _PATH.fullmatch(path)
        if found is not None:
            level, groups, width = found.groups()
            index = int(groups.replace("x", "").replace("/", ""))
            tile = cls(ENTRIES if level == "entries" else int(level), index, int(width or TILE_WIDTH))
            if tile.path == path:
                return tile
        raise NoTileError(f"expected tile/<level or entries>/<index>[.p/<width>], found {path[:80]}")


def width_at(level: int, size: int) -> int:
    """How many hashes of a level a tree of ``size`` leaves has."""
    return size >> (TILE_HEIGHT * max(level, 0))


def tiles_of(level: int, size: int) -> Iterator[Tile]:
    """All tiles of a level in a tree of ``size`` leaves, the last one perhaps partial."""
    whole, rest = divmod(width_at(level, size), TILE_WIDTH)
    for index in range(whole):
        yield Tile(level, index)
    if rest:
        yield Tile(level, whole, rest)


def read(tx: Tx, log: str, tile: Tile, size: int) -> bytes:
    """The tile's bytes, out of the tree of ``size`` leaves.

    Raises NoTileError where that tree has no such tile, RecordAlteredError and TreeAlteredError for what cannot be
    the tile that was signed.
    """
    if tile.first + tile.width > width_at(tile.level, size):
        raise NoTileError(f"expected a tile of log {log} with {size} records, found {tile.path}")
    return bundle(entries(tx, log, tile)) if tile.level == ENTRIES else b"".join(hashes(tx, log, tile))


def hashes(tx: Tx, log: str, tile: Tile) -> list[bytes]:
    """The tile's hashes. Raises TreeAlteredError if one is missing."""
    end = tile.first + tile.width
    if tile.level == 0:
        rows = tx.all(_LEAVES, log=log, first=tile.first, end=end)
    else:
        rows = tx.all(_ROOTS, log=log, level=tile.level, first=tile.first, end=end)
    if [row.place for row in rows] != list(range(tile.first, end)):
        raise TreeAlteredError(log, f"expected {tile.width} hashes of {tile.path}, found {len(rows)}")
    return [_hash(log, tile, row.hash) for row in rows]


def entries(tx: Tx, log: str, tile: Tile) -> list[bytes]:
    """The records' bytes of a bundle, each with its leaf's hash. Raises RecordAlteredError."""
    found: list[bytes] = []
    for row in tx.all(_BODIES, log=log, first=tile.first, end=tile.first + tile.width):
        expected = tile.first + len(found)
        if row.seq != expected:
            raise RecordAlteredError(log, expected, f"expected it before record {row.seq}, found none")
        if not isinstance(row.body, bytes | memoryview) or leaf_hash(bytes(row.body)) != row.leaf:
            raise RecordAlteredError(log, expected, "expected a body with its leaf's hash, found another")
        found.append(bytes(row.body))
    if len(found) != tile.width:
        raise RecordAlteredError(log, tile.first + len(found), "expected it in the log, found none")
    return found


def bundle(bodies: Iterable[bytes]) -> bytes:
    """Entries behind each other, each after its length as 2 big-endian bytes."""
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


class TreeReader:
    """Roots of parts of the tree of ``size`` leaves, from its tiles: each is read once, a few for each proof."""

    def __init__(self, tx: Tx, log: str, size: int) -> None:
        self._tx = tx
        self._log = log
        self._size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def root(self, start: int, end: int) -> bytes:
        """The root over leaves ``start`` to ``end``, not included: a range of ``merkle.inclusion_ranges`` or
        ``consistency_ranges``, or one from 0."""
        nodes = []
        while start < end:
            height = (end - start).bit_length() - 1
            nodes.append(self._node(height, start >> height))
            start += 1 << height
        found = nodes.pop()
        while nodes:
            found = node_hash(nodes.pop(), found)
        return found

    def leaf(self, seq: int) -> bytes:
        return self._node(0, seq)

    def _node(self, height: int, position: int) -> bytes:
        """The root over 2 ** ``height`` leaves, number ``position`` of its height: made of hashes of one tile."""
        level, above = divmod(height, TILE_HEIGHT)
        index, first = divmod(position << above, TILE_WIDTH)
        return root(self._tile(level, index)[first : first + (1 << above)])

    def _tile(self, level: int, index: int) -> Sequence[bytes]:
        found = self._tiles.get((level, index))
        if found is None:
            width = min(TILE_WIDTH, width_at(level, self._size) - index * TILE_WIDTH)
            found = self._tiles[level, index] = hashes(self._tx, self._log, Tile(level, index, width))
        return found


def _hash(log: str, tile: Tile, value: object) -> bytes:
    """SQLite keeps whatever somebody wrote into a column."""
    if not isinstance(value, bytes | memoryview) or len(value) != HASH_BYTES:
        raise TreeAlteredError(log, f"expected hashes of {HASH_BYTES} bytes in {tile.path}, found another value")
    return bytes(value)
