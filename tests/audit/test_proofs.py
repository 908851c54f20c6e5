"""Proofs convince somebody who has only a checkpoint; a library that others wrote agrees."""

from __future__ import annotations

import base64
from functools import partial
from itertools import combinations
from pathlib import Path

import msgspec
import pytest
from pymerkle import InmemoryTree

from app.audit import proofs, store
from app.audit.errors import NoProofError, TreeAlteredError
from app.audit.proofs import Consistency, Inclusion
from manifests import checkpoint, merkle, note
from manifests.note import VerifierKey
from tests.audit.made import KEY, fill
from tests.db.opened import opened
from tests.db.unguarded import unguarded

ORIGIN = "countersign.dev/log/acme"
KEYS = [VerifierKey(ORIGIN, KEY.public)]


async def test_every_record_is_proven_under_the_newest_checkpoint(database_url: str) -> None:
    await fill(database_url, batches=(3, 4, 6))
    async with opened(database_url) as database:
        for seq in range(13):
            found: Inclusion = await database.read(partial(proofs.inclusion, log="acme", seq=seq))
            signed = checkpoint.verify(found.checkpoint.encode(), ORIGIN, KEYS)
            leaf = merkle.leaf_hash(found.body)
            assert signed.size == found.size == 13
            assert merkle.verify_inclusion(seq, 13, leaf, found.proof, signed.root)
            assert not merkle.verify_inclusion(seq, 13, merkle.leaf_hash(b"other"), found.proof, signed.root)


async def test_the_root_is_the_one_that_another_library_computes(database_url: str) -> None:
    await fill(database_url, batches=(3, 4, 6))
    tree = InmemoryTree(algorithm="sha256")
    async with opened(database_url) as database:
        for seq in range(13):
            found: Inclusion = await database.read(partial(proofs.inclusion, log="acme", seq=seq))
            tree.append_entry(found.body)
        newest = await database.read(partial(store.checkpoint, log="acme"))
    assert newest is not None
    assert tree.get_root() == checkpoint.verify(newest.note.encode(), ORIGIN, KEYS).root


async def test_every_size_is_proven_to_begin_every_later_one(database_url: str) -> None:
    await fill(database_url, batches=(9,))
    async with opened(database_url) as database:
        for old, new in combinations(range(1, 10), 2):
            found: Consistency = await database.read(partial(proofs.consistency, log="acme", old=old, new=new))
            assert merkle.verify_consistency(old, new, found.old_root, found.new_root, found.proof)


@pytest.mark.parametrize("seq", [-1, 20, 10**9])
async def test_there_is_no_proof_of_what_is_not_there(database_url: str, seq: int) -> None:
    await fill(database_url)
    async with opened(database_url) as database:
        with pytest.raises(NoProofError, match="which has 20"):
            await database.read(partial(proofs.inclusion, log="acme", seq=seq))
        for old, new in ((0, 5), (6, 5), (5, 21)):
            with pytest.raises(NoProofError):
                await database.read(partial(proofs.consistency, log="acme", old=old, new=new))
        with pytest.raises(NoProofError):
            await database.read(partial(proofs.inclusion, log="other", seq=0))


async def test_the_text_of_a_proof_has_the_parts_that_c2sp_names(database_url: str) -> None:
    await fill(database_url)
    async with opened(database_url) as database:
        found: Inclusion = await database.read(partial(proofs.inclusion, log="acme", seq=7))
        newest = await database.read(partial(store.checkpoint, log="acme"))
    assert newest is not None
    head, _, rest = found.tlog_proof().partition("\n\n")
    first, index, *hashes = head.split("\n")
    assert (first, index) == ("c2sp.org/tlog-proof@v1", "index 7")
    assert tuple(base64.b64decode(line, validate=True) for line in hashes) == found.proof
    assert rest == newest.note
    assert note.parse(rest.encode()).text.startswith(f"{ORIGIN}\n20\n")


async def test_a_chain_that_was_rewritten_whole_is_not_believed(tmp_path: Path) -> None:
    """It holds together by itself, and only the tree that was signed tells."""
    path = tmp_path / "log.db"
    await fill(f"sqlite:///{path}", batches=(3, 4, 6))
    async with opened(f"sqlite:///{path}") as database:
        whole = await database.read(partial(proofs.trace, log="acme", trace_id="release-1"))
    last = whole[-1]
    body = msgspec.json.encode(msgspec.structs.replace(last, outcome="allow"))
    leaf = merkle.leaf_hash(body)
    with unguarded(path) as connection:
        connection.execute(
            "UPDATE records SET body = ?, leaf = ? WHERE log = 'acme' AND seq = ?", (body, leaf, last.seq)
        )
        connection.execute("UPDATE trace_heads SET leaf = ? WHERE trace_id = 'release-1'", (leaf,))
    async with opened(f"sqlite:///{path}") as database:
        linear = await database.read(partial(store.trace, log="acme", trace_id="release-1"))
        assert (len(linear), linear[-1].outcome) == (len(whole), "allow")
        with pytest.raises(TreeAlteredError):
            await database.read(partial(proofs.trace, log="acme", trace_id="release-1"))
