"""Tiles are those that C2SP tlog-tiles describes and others write; proofs made of them are those made of all leaves."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from app.audit import proofs, store, tiles
from app.audit.errors import NoTileError, RecordAlteredError, TreeAlteredError
from app.audit.tiles import ENTRIES, Tile, TreeReader
from app.db.tx import Tx
from manifests import checkpoint, merkle
from tests.audit.made import fill
from tests.db.opened import opened
from tests.exports.made import VKEY
from tests.manifests.signing.vectors import load

VECTORS = load("tiles.json")
SIZE = 66_000
"""More than 256 * 256: tiles of three levels."""

LEAVES = [merkle.leaf_hash(b"%d" % number) for number in range(SIZE)]
SIZES = (
    st.integers(1, 1_200) | st.integers(65_000, SIZE) | st.sampled_from([255, 256, 257, 512, 65_535, 65_536, 65_537])
)


@pytest.fixture(scope="module")
def tx() -> Iterator[Tx]:
    """A log of which there are only hashes."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE records (log, seq, leaf, PRIMARY KEY (log, seq))")
    connection.execute("CREATE TABLE tree_hashes (log, level, position, hash, PRIMARY KEY (log, level, position))")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO records VALUES ('acme', ?, ?)", enumerate(LEAVES))
    connection.executemany("INSERT INTO tree_hashes VALUES ('acme', ?, ?, ?)", merkle.Frontier().extend(LEAVES))
    connection.execute("COMMIT")
    with create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool).connect() as wrapped:
        found = Tx(wrapped)
        yield found


@settings(max_examples=25, deadline=None)
@given(data=st.data(), size=SIZES)
def test_proofs_from_tiles_are_those_from_all_leaves(tx: Tx, size: int, data: st.DataObject) -> None:
    seq, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    tree = TreeReader(tx, "acme", size)
    root = merkle.root(LEAVES[:size])
    assert tree.root(0, size) == root
    inclusion = [tree.root(*part) for part in merkle.inclusion_ranges(seq, size)]
    assert inclusion == merkle.inclusion_proof(seq, LEAVES[:size])
    assert merkle.verify_inclusion(seq, size, tree.leaf(seq), inclusion, root)
    consistency = [tree.root(*part) for part in merkle.consistency_ranges(old, size)]
    assert consistency == merkle.consistency_proof(old, LEAVES[:size])
    assert merkle.verify_consistency(old, size, tree.root(0, old), root, consistency)


def test_a_proof_reads_two_tiles_of_a_level_at_most(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Tile] = []
    honest = tiles.hashes

    def counted(tx: Tx, log: str, tile: Tile) -> list[bytes]:
        read.append(tile)
        return honest(tx, log, tile)

    monkeypatch.setattr(tiles, "hashes", counted)
    tree = TreeReader(tx, "acme", SIZE)
    for part in merkle.inclusion_ranges(12_345, SIZE):
        tree.root(*part)
    assert sorted(tile.level for tile in read) == [0, 0, 1, 1]


@pytest.mark.parametrize("case", VECTORS["paths"], ids=lambda case: case["path"])
def test_paths_are_those_of_the_specification(case: dict[str, int | str]) -> None:
    tile = Tile(int(case["level"]), int(case["index"]), int(case["width"]))
    assert tile.path == case["path"]
    assert Tile.parse(tile.path) == tile


@given(st.integers(ENTRIES, 5), st.integers(0, 2**40), st.integers(1, 256))
def test_every_path_reads_back(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/6/000", "tile/00/000", "tile/-1/000", "tile/data/000",
        "tile/0/001/234", "tile/0/x000/001", "tile/0/x1/234", "tile/0/x001/x234", "tile/0/000.p/0", "tile/0/000.p/256",
        "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p/5/", "/tile/0/000", "tile/0/../../checkpoint", "tile/0/٠٠٠",
    ],
)  # fmt: skip
def test_another_spelling_is_no_tile(path: str) -> None:
    with pytest.raises(NoTileError):
        Tile.parse(path)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_536, 66_000])
def test_a_tree_has_the_tiles_that_hold_each_of_its_hashes_once(size: int) -> None:
    for level, count in ((ENTRIES, size), (0, size), (1, size >> 8), (2, size >> 16)):
        found = list(tiles.tiles_of(level, size))
        assert sum(tile.width for tile in found) == count
        assert [tile.index for tile in found] == list(range(len(found)))
        assert all(tile.width == 256 for tile in found[:-1])


@pytest.mark.parametrize("size", range(1, 16))
def test_tesseras_tiles_are_ours_of_its_entries(size: int) -> None:
    entries = [entry.encode() for entry in load("notes.json")["tessera_entries"][:size]]
    found = VECTORS["tessera"][size - 1]
    assert tiles.bundle(entries) == base64.b64decode(found["entries"])
    assert b"".join(map(merkle.leaf_hash, entries)) == base64.b64decode(found["tile"])


def test_sunlights_tiles_lead_to_the_root_that_it_signed() -> None:
    found = VECTORS["sunlight"][0]
    signed = checkpoint.parse(found["checkpoint"].encode())[0]
    data = base64.b64decode(found["tile_0_000"]) + base64.b64decode(found["tile_0_001_p_44"])
    leaves = [data[at : at + 32] for at in range(0, len(data), 32)]
    frontier = merkle.Frontier()
    (subtree,) = frontier.extend(leaves)
    assert subtree == (1, 0, base64.b64decode(found["tile_1_000_p_1"]))
    assert (frontier.size, frontier.root()) == (signed.size, signed.root)


async def test_a_log_is_served_as_tiles(database_url: str) -> None:
    await fill(database_url, batches=(200, 100, 3))
    async with opened(database_url) as database:
        read = partial(tiles.read, log="acme", size=303)
        first = await database.read(partial(read, tile=Tile(0, 0)))
        last = await database.read(partial(read, tile=Tile(0, 1, 47)))
        above = await database.read(partial(read, tile=Tile(1, 0, 1)))
        bundle = await database.read(partial(read, tile=Tile(ENTRIES, 1, 47)))
        newest = await database.read(partial(store.checkpoint, log="acme"))
        for tile in (Tile(0, 1), Tile(0, 1, 48), Tile(0, 2, 1), Tile(1, 0, 2), Tile(2, 0, 1), Tile(ENTRIES, 2)):
            with pytest.raises(NoTileError):
                await database.read(partial(read, tile=tile))
    leaves = [(first + last)[at : at + 32] for at in range(0, 303 * 32, 32)]
    assert newest is not None
    assert merkle.root(leaves) == checkpoint.parse(newest.note.encode())[0].root
    assert above == merkle.root(leaves[:256])
    found, at = [], 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        found.append(merkle.leaf_hash(bundle[at + 2 : end]))
        at = end
    assert found == leaves[256:]


DAMAGE = {
    "a leaf": ("records", "leaf = zeroblob(32) WHERE seq = 7", 7),
    "a leaf beside it": ("records", "leaf = zeroblob(32) WHERE seq = 8", 7),
    "a leaf and its body": (
        "records",
        "(leaf, body) = (SELECT leaf, body FROM records WHERE seq = 8) WHERE seq = 7",
        7,
    ),
    "a body": ("records", "body = x'7b7d' WHERE seq = 7", 7),
    "a body that is text": ("records", "body = '{}' WHERE seq = 7", 7),
    "a leaf that is cut": ("records", "leaf = x'00' WHERE seq = 7", 7),
    "the place of a record": ("records", "seq = 400 WHERE seq = 8", 7),
    "the place in a tile": ("tree_hashes", "position = 1", 290),
    "the hash of a tile": ("tree_hashes", "hash = zeroblob(32)", 290),
    "the checkpoint": ("checkpoints", "note = replace(note, '303', '304') WHERE size = 303", 7),
    "its signature": ("checkpoints", "note = replace(note, '— ', '— x') WHERE size = 303", 7),
    "its size": ("checkpoints", "size = 302 WHERE size = 303", 7),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_a_proof_that_would_not_verify_is_refused(tmp_path: Path, damage: tuple[str, str, int]) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=(200, 100, 3))
    table, change, seq = damage
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute(f"DROP TRIGGER {table}_no_update")
        connection.execute(f"UPDATE {table} SET {change}")
        connection.commit()
        with create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool).connect() as wrapped:
            tx = Tx(wrapped)
            with pytest.raises((RecordAlteredError, TreeAlteredError)):
                proofs.inclusion(tx, "acme", seq, [VKEY])
            if "body" not in change:
                with pytest.raises(TreeAlteredError):
                    proofs.consistency(tx, "acme", 200, 302, [VKEY])
