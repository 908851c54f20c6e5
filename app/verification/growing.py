"""A tree that grows by what the stretches of a log bring: leaves, and the roots of tiles that were made elsewhere."""

from __future__ import annotations

from app.verification.envelope import Stretch
from app.verification.examine import split
from manifests.merkle import HASH_BYTES, TILE_WIDTH, Frontier, Subtree


class Growing:
    """``frontier`` is the tree's right edge; behind it wait leaves that have come and are not part of it yet."""

    def __init__(self, frontier: Frontier) -> None:
        self.frontier = frontier
        self.first = frontier.size
        self._leaves = b""
        self._start = frontier.size
        """The number of the first leaf in ``_leaves``."""
        self._tiles: dict[int, bytes] = {}
        self.subtrees: list[Subtree] = []
        """Those that were completed, of every level."""

    @property
    def have(self) -> int:
        """How many leaves have come, with those that were there in the beginning."""
        return self._start + len(self._leaves) // HASH_BYTES

    def take(self, stretch: Stretch) -> None:
        """Leaves count from where the last ones ended, whatever their records' numbers."""
        if stretch.tiles and stretch.first == self.have:
            first = -(-stretch.first // TILE_WIDTH)
            tiles = split(stretch.tiles, 0, len(stretch.tiles) // HASH_BYTES)
            self._tiles.update(enumerate(tiles, first))
        used = self.frontier.size - self._start
        self._leaves = self._leaves[used * HASH_BYTES :] + stretch.leaves
        self._start = self.frontier.size

    def ahead(self, size: int, instead: dict[int, bytes] | None = None) -> tuple[Frontier, list[Subtree]]:
        """The edge of the tree of that size and what it completes; ``instead`` has other leaves by their numbers."""
        grown, completed = self.frontier.copy(), list[Subtree]()
        while grown.size < size:
            at = grown.size
            tiles = self._run(at, size) if not instead else []
            if tiles:
                completed += grown.extend(tiles, 1)
                continue
            # Up to where a tile that is known begins, if one does.
            stop = min(size, at - at % TILE_WIDTH + TILE_WIDTH) if self._tiles and not instead else size
            leaves = split(self._leaves, at - self._start, stop - self._start)
            for number, leaf in (instead or {}).items():
                if at <= number < stop:
                    leaves[number - at] = leaf
            completed += grown.extend(leaves)
        return grown, completed

    def advance(self, frontier: Frontier, completed: list[Subtree]) -> None:
        """What ``ahead`` answered is the tree."""
        self.frontier = frontier
        self.subtrees += completed
        for number in [number for number in self._tiles if (number + 1) * TILE_WIDTH <= frontier.size]:
            del self._tiles[number]

    def _run(self, at: int, size: int) -> list[bytes]:
        """The tiles from leaf ``at`` on, as far as they are known and whole inside the tree of that size."""
        if at % TILE_WIDTH:
            return []
        found: list[bytes] = []
        for number in range(at // TILE_WIDTH, size // TILE_WIDTH):
            tile = self._tiles.get(number)
            if tile is None:
                break
            found.append(tile)
        return found
