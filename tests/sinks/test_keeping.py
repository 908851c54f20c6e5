"""An object is there once and proven to be there, whatever gets lost on the way."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from app.clock import SECOND, now
from integrations.errors import InDoubtError, NotFoundError, RefusedError, UnavailableError
from integrations.objectlock.keeping import keep
from integrations.objectlock.local import LocalWorm
from integrations.objectlock.port import Held, Version, WormStore
from integrations.objectlock.s3 import S3Worm
from tests.sinks.conftest import open_worm
from tests.sinks.proxy import Proxy
from tests.sinks.radosgw import Gateway

DAY = 86_400 * SECOND
KEY = "acme/segment/1"


@pytest.fixture
async def proxy(gateway: Gateway) -> AsyncIterator[Proxy]:
    async with Proxy.to(gateway.endpoint) as made:
        yield made


async def test_an_answer_lost_after_the_commit_makes_no_second_version(proxy: Proxy, worm: S3Worm, bucket: str) -> None:
    through = open_worm(proxy.endpoint, bucket)
    proxy.lose = 1
    data = os.urandom(2_000_000)
    kept = await keep(through, KEY, data, now() + DAY, look=False)
    await through.close()
    assert proxy.lost == 1
    (version,) = await worm.versions(KEY)
    assert (kept.version_id, kept.sha256) == (version.version_id, hashlib.sha256(data).hexdigest())


async def test_a_put_with_a_lost_answer_is_in_doubt(proxy: Proxy, worm: S3Worm, bucket: str) -> None:
    through = open_worm(proxy.endpoint, bucket)
    proxy.lose = 1
    with pytest.raises(InDoubtError):
        await through.put(KEY, b"x", now() + DAY)
    await through.close()
    assert len(await worm.versions(KEY)) == 1


async def test_a_put_that_did_not_get_through_stays_in_doubt_and_is_done_again(
    proxy: Proxy, worm: S3Worm, bucket: str
) -> None:
    through = open_worm(proxy.endpoint, bucket)
    proxy.cut = True
    with pytest.raises((InDoubtError, UnavailableError)):
        await keep(through, KEY, b"x", now() + DAY, look=False)
    assert await worm.versions(KEY) == []
    proxy.cut = False
    await keep(through, KEY, b"x", now() + DAY, look=True)
    await through.close()
    assert len(await worm.versions(KEY)) == 1


async def test_what_an_attempt_before_left_is_found(worm: S3Worm) -> None:
    until = now() + DAY
    version = await worm.put(KEY, b"ours", until)
    kept = await keep(worm, KEY, b"ours", until + 60 * SECOND, look=True)
    assert kept.version_id == version
    assert len(await worm.versions(KEY)) == 1


async def test_other_bytes_or_a_shorter_lock_are_not_taken_for_ours(worm: S3Worm) -> None:
    other = await worm.put(KEY, b"oops", now() + 9 * DAY)
    short = await worm.put(KEY, b"ours", now() + DAY)
    kept = await keep(worm, KEY, b"ours", now() + 9 * DAY, look=True)
    assert kept.version_id not in (other, short)
    assert (await worm.read(KEY, kept.version_id)).until > now() + 8 * DAY


class Lying:
    """A store that answers a put and holds something else."""

    def __init__(self, held: Held) -> None:
        self._held = held

    async def put(self, key: str, data: bytes, until: int) -> str:
        return "1"

    async def read(self, key: str, version_id: str) -> Held:
        return self._held

    async def versions(self, key: str) -> Sequence[Version]:
        return []

    async def keys(self, prefix: str, after: str = "", most: int = 1000) -> Sequence[str]:
        return []

    async def problems(self, days: int) -> Sequence[str]:
        return []

    async def close(self) -> None:
        return None


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (Held(b"other", True, 10 * DAY), "5 other bytes"),
        (Held(b"ours", False, 10 * DAY), "no lock that holds"),
        (Held(b"ours", True, 10 * DAY - SECOND), "a lock until"),
    ],
)
async def test_what_is_not_read_back_as_it_was_put_is_refused(held: Held, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        await keep(Lying(held), KEY, b"ours", 10 * DAY, look=False)


async def test_a_folder_keeps_read_only_files_until_their_time(tmp_path: Path) -> None:
    store: WormStore = LocalWorm(tmp_path)
    until = now() + DAY
    kept = await keep(store, KEY, b"ours", until, look=False)
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert await store.read(KEY, kept.version_id) == Held(b"ours", True, until)
    assert await store.put(KEY, b"ours", until) == kept.version_id
    other = await store.put(KEY, b"other", until)
    assert {one.version_id for one in await store.versions(KEY)} == {kept.version_id, other}
    assert await store.keys("acme/") == [KEY]
    assert await store.keys("acme/", after=KEY) == []
    with pytest.raises(NotFoundError):
        await store.read(KEY, "0" * 64)


async def test_a_folder_keeps_nothing_outside_of_itself(tmp_path: Path) -> None:
    with pytest.raises(RefusedError):
        await LocalWorm(tmp_path / "worm").put("../outside", b"x", now())
