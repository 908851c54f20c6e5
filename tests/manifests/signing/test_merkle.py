from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from manifests import merkle
from manifests.errors import ManifestError
from tests.manifests.signing.vectors import load

VECTORS = load("merkle.json")
SIZES = st.integers(1, 70)


def _naive(entries: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return sha256(b"\x01" + _naive(entries[:split]) + _naive(entries[split:])).digest()


def _entries(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def _leaves(size: int) -> list[bytes]:
    return [merkle.leaf_hash(entry) for entry in _entries(size)]


def _bytes(case: dict[str, Any], *names: str) -> list[bytes]:
    return [base64.b64decode(case[name]) for name in names]


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: case["file"])
def test_inclusion_vectors(case: dict[str, Any]) -> None:
    root, leaf = _bytes(case, "root", "leafHash")
    proof = [base64.b64decode(item) for item in case["proof"] or []]
    verified = merkle.verify_inclusion(case["leafIdx"], case["treeSize"], leaf, proof, root)
    assert verified is not case["wantErr"]


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: case["file"])
def test_consistency_vectors(case: dict[str, Any]) -> None:
    old, new = _bytes(case, "root1", "root2")
    proof = [base64.b64decode(item) for item in case["proof"] or []]
    verified = merkle.verify_consistency(case["size1"], case["size2"], old, new, proof)
    assert verified is not case["wantErr"]


def test_the_eight_reference_leaves_give_the_reference_roots() -> None:
    reference = VECTORS["eight_leaves"][0]
    leaves = [merkle.leaf_hash(bytes.fromhex(item)) for item in reference["leaf_inputs_hex"]]
    assert [leaf.hex() for leaf in leaves] == reference["leaf_hashes_hex"]
    frontier = merkle.Frontier()
    for size, root in enumerate(reference["root_by_size_hex"]):
        assert merkle.root(leaves[:size]).hex() == frontier.root().hex() == root
        frontier.extend(leaves[size : size + 1])


@given(st.integers(0, 70))
def test_all_ways_to_a_root_agree(size: int) -> None:
    leaves, frontier, peer = _leaves(size), merkle.Frontier(), InmemoryTree(algorithm="sha256")
    frontier.extend(leaves)
    for entry in _entries(size):
        peer.append_entry(entry)
    assert merkle.root(leaves) == frontier.root() == _naive(_entries(size))
    if size:
        assert peer.get_root() == merkle.root(leaves)


@given(st.integers(0, 300), st.integers(0, 50))
def test_a_stored_frontier_continues_like_the_original(size: int, more: int) -> None:
    leaves = _leaves(size + more)
    frontier = merkle.Frontier()
    frontier.extend(leaves[:size])
    stored = merkle.Frontier.from_bytes(frontier.to_bytes())
    stored.extend(leaves[size:])
    assert (stored.size, stored.root()) == (size + more, merkle.root(leaves))


def test_a_copy_grows_alone() -> None:
    frontier = merkle.Frontier()
    frontier.extend(_leaves(5))
    twin = frontier.copy()
    twin.append(merkle.leaf_hash(b"more"))
    assert (frontier.size, frontier.root()) == (5, merkle.root(_leaves(5)))


@pytest.mark.parametrize("data", [b"", bytes(7), bytes(40), (3).to_bytes(8, "big") + bytes(32)])
def test_a_frontier_with_the_wrong_number_of_hashes_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        merkle.Frontier.from_bytes(data)


@given(SIZES, st.data())
def test_inclusion_is_proved_and_nothing_else_is(size: int, data: st.DataObject) -> None:
    leaves = _leaves(size)
    index = data.draw(st.integers(0, size - 1))
    root, proof = merkle.root(leaves), merkle.inclusion_proof(index, leaves)
    assert merkle.verify_inclusion(index, size, leaves[index], proof, root)
    other = data.draw(st.integers(0, size + 2).filter(lambda number: number != index))
    assert not merkle.verify_inclusion(other, size, leaves[index], proof, root)
    assert not merkle.verify_inclusion(index, size, merkle.leaf_hash(b"x"), proof, root)
    assert not merkle.verify_inclusion(index, size, leaves[index], [*proof, root], root)
    if proof:
        assert not merkle.verify_inclusion(index, size, leaves[index], proof[:-1], root)
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
        assert not merkle.verify_inclusion(index, size, leaves[index], changed, root)


@given(SIZES, SIZES, st.data())
def test_growth_is_proved_and_rewriting_is_not(old: int, more: int, data: st.DataObject) -> None:
    leaves = _leaves(old + more)
    old_root, new_root = merkle.root(leaves[:old]), merkle.root(leaves)
    proof = merkle.consistency_proof(old, leaves)
    assert merkle.verify_consistency(old, old + more, old_root, new_root, proof)
    rewritten = list(leaves)
    rewritten[data.draw(st.integers(0, old - 1))] = merkle.leaf_hash(b"rewritten")
    forged = merkle.consistency_proof(old, rewritten)
    assert not merkle.verify_consistency(old, old + more, old_root, merkle.root(rewritten), forged)


@given(SIZES)
def test_a_tree_is_consistent_with_itself_by_an_empty_proof(size: int) -> None:
    root = merkle.root(_leaves(size))
    assert merkle.consistency_proof(size, _leaves(size)) == []
    assert merkle.verify_consistency(size, size, root, root, [])


@given(SIZES, st.data())
def test_ranges_are_perfect_or_at_the_edge(size: int, data: st.DataObject) -> None:
    """What makes a proof readable from stored tiles: every range starts at a multiple of its rounded length."""
    old = data.draw(st.integers(1, size))
    for start, end in merkle.inclusion_ranges(old - 1, size) + merkle.consistency_ranges(old, size):
        width = 1 << (end - start - 1).bit_length()
        assert start % width == 0
        assert end - start == width or end == size


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (0, 0), (3, 3)])
def test_no_proof_of_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ManifestError):
        merkle.inclusion_proof(index, _leaves(size))


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3)])
def test_no_proof_from_an_empty_or_larger_tree(old: int, size: int) -> None:
    with pytest.raises(ManifestError):
        merkle.consistency_proof(old, _leaves(size))
