from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from integrations.artifacts.client import Artifacts
from integrations.artifacts.hashing import BLOCK
from integrations.artifacts.port import ArtifactSource, FoundArtifact
from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, RefusedError, UnavailableError
from tests.artifacts.servers import HttpsServer, answer

LIMIT = 1 << 30


@pytest.fixture
async def source(https_server: HttpsServer) -> AsyncIterator[ArtifactSource]:
    artifacts = Artifacts(
        [],
        [https_server.host, https_server.named_host],
        None,
        timeout_s=20,
        allow_loopback=True,
        tls=https_server.client_tls,
    )
    yield artifacts
    await artifacts.close()


@pytest.mark.parametrize("size", [0, 1, BLOCK, 3 * BLOCK + 7])
async def test_every_byte_served_is_hashed(source: ArtifactSource, https_server: HttpsServer, size: int) -> None:
    data = os.urandom(size)
    https_server.answers["/m.pt"] = answer(data)
    for host in (https_server.host, https_server.named_host):
        found = await source.digest(f"https://{host}/m.pt", LIMIT)
        assert found == FoundArtifact(hashlib.sha256(data).hexdigest(), size)


async def test_the_query_and_percent_codes_are_sent_as_written(
    source: ArtifactSource, https_server: HttpsServer
) -> None:
    https_server.answers["/a b.pt"] = answer(b"x")
    await source.digest(f"https://{https_server.host}/a%20b.pt?signature=a%2Fb", LIMIT)
    assert https_server.asked == ["/a%20b.pt?signature=a%2Fb"]


async def test_bytes_are_asked_for_uncompressed_and_compressed_ones_refused(
    source: ArtifactSource, https_server: HttpsServer
) -> None:
    https_server.answers["/m.pt"] = answer(gzip.compress(b"x"), headers={"content-encoding": "gzip"})
    with pytest.raises(RefusedError, match="content encoding"):
        await source.digest(f"https://{https_server.host}/m.pt", LIMIT)
    assert https_server.headers[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFoundError),
        (410, NotFoundError),
        (204, RefusedError),
        (206, RefusedError),
        (401, RefusedError),
        (403, RefusedError),
        (408, UnavailableError),
        (429, RateLimitedError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
async def test_a_status_other_than_200_is_never_an_artifact(
    source: ArtifactSource, https_server: HttpsServer, status: int, error: type[NeighbourError]
) -> None:
    https_server.answers["/m.pt"] = answer(b"x" if status != 204 else b"", status)
    with pytest.raises(error) as caught:
        await source.digest(f"https://{https_server.host}/m.pt", LIMIT)
    assert type(caught.value) is error
    assert caught.value.status in (status, None)


async def test_too_many_requests_says_how_long_to_wait(source: ArtifactSource, https_server: HttpsServer) -> None:
    https_server.answers["/m.pt"] = answer(status=429, headers={"retry-after": "17"})
    with pytest.raises(RateLimitedError) as caught:
        await source.digest(f"https://{https_server.host}/m.pt", LIMIT)
    assert caught.value.retry_after == 17


async def test_an_announced_size_over_the_limit_is_refused(source: ArtifactSource, https_server: HttpsServer) -> None:
    https_server.answers["/m.pt"] = answer(b"12345")
    assert (await source.digest(f"https://{https_server.host}/m.pt", 5)).size == 5
    with pytest.raises(RefusedError, match=r"artifacts\.max_bytes"):
        await source.digest(f"https://{https_server.host}/m.pt", 4)


async def test_an_endless_body_is_left_at_the_limit(source: ArtifactSource, https_server: HttpsServer) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 16))

    https_server.answers["/m.pt"] = endless
    with pytest.raises(RefusedError, match=r"artifacts\.max_bytes"):
        await source.digest(f"https://{https_server.host}/m.pt", 2 * BLOCK)


async def test_a_body_cut_short_is_unavailable(source: ArtifactSource, https_server: HttpsServer) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": "1000"})
        await response.prepare(request)
        await response.write(b"x")
        assert request.transport is not None
        request.transport.close()
        return response

    https_server.answers["/m.pt"] = cut
    with pytest.raises(UnavailableError):
        await source.digest(f"https://{https_server.host}/m.pt", LIMIT)


async def test_a_silent_host_is_unavailable(https_server: HttpsServer) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    https_server.answers["/m.pt"] = silent
    hosts, tls = [https_server.host], https_server.client_tls
    source = Artifacts([], hosts, None, timeout_s=0.3, allow_loopback=True, tls=tls)
    with pytest.raises(UnavailableError):
        await source.digest(f"https://{https_server.host}/m.pt", LIMIT)
    await source.close()


async def test_a_body_that_drips_is_unavailable(https_server: HttpsServer) -> None:
    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.02)

    https_server.answers["/m.pt"] = dripping
    hosts, tls = [https_server.host], https_server.client_tls
    source = Artifacts([], hosts, None, timeout_s=0.5, allow_loopback=True, tls=tls)
    with pytest.raises(UnavailableError):
        await source.digest(f"https://{https_server.host}/m.pt", LIMIT)
    await source.close()


async def test_a_host_that_is_not_listed_is_never_asked(source: ArtifactSource, https_server: HttpsServer) -> None:
    for host in ("localhost", "models.example", f"localhost.:{https_server.port}", f"[::1]:{https_server.port}"):
        with pytest.raises(RefusedError, match=r"artifacts\.https_hosts"):
            await source.digest(f"https://{host}/m.pt", LIMIT)
    assert https_server.asked == []


async def test_a_host_without_a_port_means_443_only(https_server: HttpsServer) -> None:
    source = Artifacts([], ["localhost"], None, allow_loopback=True, tls=https_server.client_tls)
    with pytest.raises(RefusedError, match=r"artifacts\.https_hosts"):
        await source.digest(f"https://{https_server.named_host}/m.pt", LIMIT)
    await source.close()


async def test_loopback_is_refused_by_name_and_by_number_even_when_listed(https_server: HttpsServer) -> None:
    https_server.answers["/m.pt"] = answer(b"x")
    port = https_server.port
    hosts = [f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"[::ffff:127.0.0.1]:{port}", f"127.1:{port}"]
    source = Artifacts([], hosts, None, tls=https_server.client_tls)
    for host in hosts:
        with pytest.raises((RefusedError, UnavailableError)) as caught:
            await source.digest(f"https://{host}/m.pt", LIMIT)
        assert "127.1" in host or isinstance(caught.value, RefusedError)
    assert https_server.asked == []
    await source.close()


async def test_a_certificate_that_nobody_trusts_is_unavailable(https_server: HttpsServer) -> None:
    https_server.answers["/m.pt"] = answer(b"x")
    source = Artifacts([], [https_server.host], None, allow_loopback=True)
    with pytest.raises(UnavailableError):
        await source.digest(f"https://{https_server.host}/m.pt", LIMIT)
    assert https_server.asked == []
    await source.close()


async def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    source = Artifacts([], ["models.invalid"], None)
    with pytest.raises(UnavailableError):
        await source.digest("https://models.invalid/m.pt", LIMIT)
    await source.close()


async def test_a_redirect_to_a_listed_host_is_followed(source: ArtifactSource, https_server: HttpsServer) -> None:
    other = f"https://{https_server.named_host}/real.pt"
    https_server.answers["/m.pt"] = answer(status=302, headers={"location": other})
    https_server.answers["/relative.pt"] = answer(status=307, headers={"location": "real.pt"})
    https_server.answers["/real.pt"] = answer(b"x")
    for name in ("m.pt", "relative.pt"):
        found = await source.digest(f"https://{https_server.host}/{name}", LIMIT)
        assert found.sha256 == hashlib.sha256(b"x").hexdigest()


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example/m.pt",
        "//elsewhere.example/m.pt",
        "http://{host}/m.pt",
        "https://user@{host}/m.pt",
        "file:///etc/hostname",
        "https://169.254.169.254/latest",
        "https://[",
    ],
)
async def test_a_redirect_to_elsewhere_is_refused(
    source: ArtifactSource, https_server: HttpsServer, location: str
) -> None:
    target = location.format(host=https_server.host)
    https_server.answers["/first.pt"] = answer(status=302, headers={"location": target})
    with pytest.raises(RefusedError):
        await source.digest(f"https://{https_server.host}/first.pt", LIMIT)
    assert https_server.asked == ["/first.pt"]


async def test_redirects_in_a_circle_come_to_an_end(source: ArtifactSource, https_server: HttpsServer) -> None:
    https_server.answers["/m.pt"] = answer(status=302, headers={"location": "/m.pt"})
    with pytest.raises(RefusedError, match="redirects"):
        await source.digest(f"https://{https_server.host}/m.pt", LIMIT)


async def test_a_signature_in_the_query_shows_in_no_error(source: ArtifactSource, https_server: HttpsServer) -> None:
    with pytest.raises(NotFoundError) as caught:
        await source.digest(f"https://{https_server.host}/m.pt?signature=hidden", LIMIT)
    assert "hidden" not in str(caught.value)
