"""Against a real object-lock server: what is kept stays, whatever its owner tries."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import pytest

from app.clock import SECOND, now
from integrations.errors import NotFoundError, RefusedError, UnavailableError
from integrations.objectlock.keeping import keep
from integrations.objectlock.s3 import S3Worm
from tests.sinks.buckets import Buckets
from tests.sinks.conftest import open_worm
from tests.sinks.radosgw import Gateway

DAY = 86_400 * SECOND
KEY = "acme/segment/1"


async def test_what_is_put_is_read_back_by_its_version_under_its_lock(worm: S3Worm) -> None:
    data, until = os.urandom(300_000), now() + 9 * DAY
    version = await worm.put(KEY, data, until)
    held = await worm.read(KEY, version)
    assert (held.data, held.locked) == (data, True)
    assert until <= held.until < until + SECOND


async def test_a_version_on_top_changes_nothing_below(worm: S3Worm) -> None:
    first = await worm.put(KEY, b"ours", now() + DAY)
    second = await worm.put(KEY, b"theirs", now() + DAY)
    assert (await worm.read(KEY, first)).data == b"ours"
    assert {one.version_id for one in await worm.versions(KEY)} == {first, second}


async def test_a_delete_marker_hides_nothing_from_us(worm: S3Worm, buckets: Buckets, bucket: str) -> None:
    version = await worm.put(KEY, b"ours", now() + DAY)
    await buckets.client.delete_object(Bucket=bucket, Key=KEY)
    assert await worm.keys("acme/segment/") == [KEY]
    assert [one.version_id for one in await worm.versions(KEY)] == [version]
    assert (await worm.read(KEY, version)).data == b"ours"


Attack = Callable[[Buckets, str, str], Awaitable[object]]

ATTACKS: dict[str, Attack] = {
    "delete": lambda b, bucket, v: b.client.delete_object(Bucket=bucket, Key=KEY, VersionId=v),
    "delete, bypassing governance": lambda b, bucket, v: b.client.delete_object(
        Bucket=bucket, Key=KEY, VersionId=v, BypassGovernanceRetention=True
    ),
    "shorten": lambda b, bucket, v: b.retain(bucket, KEY, v, now() + DAY),
    "shorten, bypassing governance": lambda b, bucket, v: b.retain(
        bucket, KEY, v, now() + DAY, BypassGovernanceRetention=True
    ),
    "a weaker mode": lambda b, bucket, v: b.retain(bucket, KEY, v, now() + 9 * DAY, "GOVERNANCE"),
    "suspend versioning": lambda b, bucket, v: b.client.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
    ),
    "delete the bucket": lambda b, bucket, v: b.client.delete_bucket(Bucket=bucket),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_lock_holds_against_its_owner(worm: S3Worm, buckets: Buckets, bucket: str, attack: str) -> None:
    from botocore.exceptions import ClientError

    until = now() + 9 * DAY
    version = await worm.put(KEY, b"ours", until)
    with pytest.raises(ClientError) as refused:
        await ATTACKS[attack](buckets, bucket, version)
    assert 400 <= refused.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    held = await worm.read(KEY, version)
    assert (held.data, held.locked, held.until >= until) == (b"ours", True, True)


async def test_several_pages_of_names_are_all_listed(worm: S3Worm) -> None:
    names = [f"acme/segment/{number:03d}" for number in range(7)]
    for name in names:
        await worm.put(name, b"x", now() + DAY)
    assert list(await worm.keys("acme/segment/")) == names
    assert list(await worm.keys("acme/segment/", after=names[3])) == names[4:]
    for _ in range(3):
        await worm.put(names[0], b"y", now() + DAY)
    assert list(await worm.keys("acme/segment/", most=2)) == names[:2]
    assert list(await worm.keys("acme/segment/", after=names[1], most=3)) == names[2:5]
    assert list(await worm.keys("other/")) == []


async def test_a_key_is_not_confused_with_those_it_begins(worm: S3Worm) -> None:
    version = await worm.put("acme/1", b"x", now() + DAY)
    await worm.put("acme/10", b"y", now() + DAY)
    assert [one.version_id for one in await worm.versions("acme/1")] == [version]


async def test_a_bucket_as_it_must_be_has_no_problems(worm: S3Worm) -> None:
    assert list(await worm.problems(10)) == []
    assert list(await worm.problems(9)) == []


async def test_a_weaker_bucket_is_told(gateway: Gateway, worm: S3Worm, buckets: Buckets, bucket: str) -> None:
    (shorter,) = await worm.problems(11)
    assert "expected a default retention of 11 days, found 10" in shorter
    await buckets.default(bucket, 10, "GOVERNANCE")
    (mode,) = await worm.problems(10)
    assert "expected default retention in mode COMPLIANCE, found GOVERNANCE" in mode
    await buckets.create(f"{bucket}-plain", lock=False)
    plain = open_worm(gateway.endpoint, f"{bucket}-plain")
    said = " ".join(await plain.problems(10))
    await plain.close()
    assert "object lock to be enabled" in said
    assert "versioning to be enabled" in said
    assert "a default retention of 10 days, found none" in said


async def test_a_bucket_without_lock_keeps_nothing_for_us(gateway: Gateway, buckets: Buckets, bucket: str) -> None:
    await buckets.create(f"{bucket}-plain", lock=False)
    plain = open_worm(gateway.endpoint, f"{bucket}-plain")
    with pytest.raises(RefusedError):
        await keep(plain, KEY, b"x", now() + DAY, look=False)
    await plain.close()


async def test_what_is_not_there_or_not_ours_or_not_up_is_said(gateway: Gateway, worm: S3Worm) -> None:
    with pytest.raises(NotFoundError):
        await worm.read(KEY, "no-such-version")
    nowhere = open_worm(gateway.endpoint, "no-such-bucket")
    with pytest.raises(NotFoundError):
        await nowhere.put(KEY, b"x", now() + DAY)
    await nowhere.close()
    stranger = S3Worm("b", endpoint=gateway.endpoint, region="us-east-1", keys=("nobody", "nothing"))
    with pytest.raises(RefusedError):
        await stranger.put(KEY, b"x", now() + DAY)
    await stranger.close()
    down = open_worm("http://127.0.0.1:9", "b")
    with pytest.raises(UnavailableError):
        await down.put(KEY, b"x", now() + DAY)
    await down.close()
