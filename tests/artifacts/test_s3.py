from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from integrations.artifacts.client import Artifacts
from integrations.artifacts.hashing import BLOCK
from integrations.artifacts.port import ArtifactSource, FoundArtifact
from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, RefusedError, UnavailableError
from tests.artifacts.servers import S3Server, s3_error

LIMIT = 1 << 30


@pytest.fixture
async def source(s3_server: S3Server) -> AsyncIterator[ArtifactSource]:
    artifacts = Artifacts([], [], s3_server.endpoint, timeout_s=20, s3_buckets=["models"])
    yield artifacts
    await artifacts.close()


@pytest.mark.parametrize("size", [0, 1, BLOCK, 3 * BLOCK + 7])
async def test_every_byte_of_an_object_is_hashed(source: ArtifactSource, s3_server: S3Server, size: int) -> None:
    data = os.urandom(size)
    s3_server.objects["/models/intraday/3.2.0/m.pt"] = data
    found = await source.digest("s3://models/intraday/3.2.0/m.pt", LIMIT)
    assert found == FoundArtifact(hashlib.sha256(data).hexdigest(), size)
    assert "AKIAEXAMPLE" in s3_server.headers[0]["authorization"]


async def test_one_client_serves_many_objects(source: ArtifactSource, s3_server: S3Server) -> None:
    s3_server.objects |= {f"/models/{index}": bytes(index) for index in range(8)}
    found = await asyncio.gather(*(source.digest(f"s3://models/{index}", LIMIT) for index in range(8)))
    assert [artifact.size for artifact in found] == list(range(8))


async def test_a_key_is_percent_decoded_once(source: ArtifactSource, s3_server: S3Server) -> None:
    s3_server.objects["/models/a b%20c"] = b"x"
    assert (await source.digest("s3://models/a%20b%2520c", LIMIT)).size == 1


async def test_a_version_can_be_named(source: ArtifactSource, s3_server: S3Server) -> None:
    s3_server.objects["/models/m.pt"] = b"x"
    await source.digest("s3://models/m.pt?versionId=abc", LIMIT)
    assert s3_server.asked == ["/models/m.pt?versionId=abc"]


async def test_what_is_not_there_is_not_found(source: ArtifactSource) -> None:
    with pytest.raises(NotFoundError):
        await source.digest("s3://models/missing.pt", LIMIT)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "NoSuchBucket", NotFoundError),
        (404, "NoSuchVersion", NotFoundError),
        (403, "AccessDenied", RefusedError),
        (403, "InvalidAccessKeyId", RefusedError),
        (400, "InvalidBucketName", RefusedError),
        (429, "TooManyRequests", RateLimitedError),
        (503, "SlowDown", RateLimitedError),
        (500, "InternalError", UnavailableError),
        (503, "ServiceUnavailable", UnavailableError),
    ],
)
async def test_what_s3_answers_becomes_one_of_our_errors(
    source: ArtifactSource, s3_server: S3Server, status: int, code: str, error: type[NeighbourError]
) -> None:
    async def failing(request: web.Request) -> web.StreamResponse:
        return s3_error(status, code)

    s3_server.answers["/models/m.pt"] = failing
    with pytest.raises(error) as caught:
        await source.digest("s3://models/m.pt", LIMIT)
    assert type(caught.value) is error
    assert code in str(caught.value)


async def test_an_object_over_the_limit_is_refused(source: ArtifactSource, s3_server: S3Server) -> None:
    s3_server.objects["/models/m.pt"] = b"12345"
    assert (await source.digest("s3://models/m.pt", 5)).size == 5
    with pytest.raises(RefusedError, match=r"artifacts\.max_bytes"):
        await source.digest("s3://models/m.pt", 4)


async def test_an_object_cut_short_is_unavailable(source: ArtifactSource, s3_server: S3Server) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": "1000"})
        await response.prepare(request)
        await response.write(b"x")
        assert request.transport is not None
        request.transport.close()
        return response

    s3_server.answers["/models/m.pt"] = cut
    with pytest.raises(UnavailableError):
        await source.digest("s3://models/m.pt", LIMIT)


async def test_an_endpoint_that_is_not_there_is_unavailable(s3_server: S3Server) -> None:
    await s3_server.stop()
    source = Artifacts([], [], s3_server.endpoint, timeout_s=5, s3_buckets=["models"])
    with pytest.raises(UnavailableError):
        await source.digest("s3://models/m.pt", LIMIT)
    await source.close()


async def test_without_credentials_it_says_so(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    source = Artifacts([], [], s3_server.endpoint, s3_buckets=["models"])
    with pytest.raises(RefusedError, match="credentials"):
        await source.digest("s3://models/m.pt", LIMIT)
    assert s3_server.asked == []
    await source.close()


@pytest.mark.parametrize(
    "uri",
    ["s3://Models/m.pt", "s3://m/x", "s3://models:1/m.pt", "s3://models/m.pt?acl", "s3://models/m.pt?versionId=a&x=b"],
)
async def test_any_other_form_is_refused_before_anything_is_asked(
    source: ArtifactSource, s3_server: S3Server, uri: str
) -> None:
    with pytest.raises(RefusedError):
        await source.digest(uri, LIMIT)
    assert s3_server.asked == []


async def test_a_bucket_that_is_not_listed_is_never_read(s3_server: S3Server) -> None:
    s3_server.objects["/payroll/all"] = b"x"
    artifacts = Artifacts([], [], s3_server.endpoint, timeout_s=20, s3_buckets=["models"])
    with pytest.raises(RefusedError, match="s3_buckets"):
        await artifacts.digest("s3://payroll/all", LIMIT)
    assert not s3_server.headers
    await artifacts.close()
