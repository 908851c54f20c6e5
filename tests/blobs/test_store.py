"""A blob is the bytes that its digest names, or an error that says what to do."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.blobs.errors import BlobAlteredError, BlobMissingError
from app.blobs.store import BlobStore
from app.db.tx import Tx
from tests.db.opened import opened
from tests.db.unguarded import unguarded

BLOBS = BlobStore(lambda: 7)


async def test_a_blob_comes_back_under_its_own_hash(database_url: str) -> None:
    async with opened(database_url) as database:
        body = bytes(range(256)) * 40
        digest = await database.write(partial(BLOBS.put, kind="policy", body=body))
        assert digest == hashlib.sha256(body).hexdigest()
        assert await database.read(partial(BLOBS.get, digest=digest)) == body


async def test_storing_it_again_changes_nothing(database_url: str) -> None:
    async with opened(database_url) as database:
        one = await database.write(partial(BLOBS.put, kind="policy", body=b"same"))
        two = await database.write(partial(BLOBS.put, kind="snapshot", body=b"same"))
        pair = [("policy", b"same"), ("policy", b"other"), ("policy", b"other")]
        digests = await database.write(partial(BLOBS.put_many, blobs=pair))
        assert one == two == digests[0]
        assert digests[1] == digests[2]
        found = await database.read(partial(BLOBS.get_many, digests=digests))
        assert found == {digests[0]: b"same", digests[1]: b"other"}


async def test_what_is_not_there_is_named(database_url: str) -> None:
    async with opened(database_url) as database:
        kept = await database.write(partial(BLOBS.put, kind="policy", body=b"kept"))
        for read in (partial(BLOBS.get, digest="ab" * 32), partial(BLOBS.get_many, digests=[kept, "ab" * 32])):
            with pytest.raises(BlobMissingError, match=r"abab.*Restore it") as caught:
                await database.read(read)
            assert caught.value.digest == "ab" * 32


async def test_altered_bytes_are_never_answered(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    async with opened(url) as database:
        digest = await database.write(partial(BLOBS.put, kind="policy", body=b"allow nobody"))
    with unguarded(tmp_path / "one.db") as connection:
        connection.execute("UPDATE blobs SET body = ?", (b"allow everybody",))
    async with opened(url) as database:
        for read in (partial(BLOBS.get, digest=digest), partial(BLOBS.get_many, digests=[digest])):
            with pytest.raises(BlobAlteredError, match="audit verify"):
                await database.read(read)


@settings(max_examples=20, deadline=None)
@given(bodies=st.lists(st.binary(max_size=50), max_size=8))
def test_many_are_stored_as_each_alone(bodies: list[bytes]) -> None:
    from sqlalchemy import create_engine

    from app.db.upgrade import upgrade

    with create_engine("sqlite://").connect() as connection:
        upgrade(connection)
        tx = Tx(connection)
        digests = BLOBS.put_many(tx, [("raw", body) for body in bodies])
        assert digests == [BLOBS.put(tx, "raw", body) for body in bodies]
        assert BLOBS.get_many(tx, digests) == dict(zip(digests, bodies, strict=True))
