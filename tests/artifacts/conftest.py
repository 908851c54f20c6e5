"""Real servers on loopback: one that speaks HTTPS, one that speaks as much S3 as GetObject needs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.artifacts.servers import HttpsServer, S3Server


@pytest.fixture
async def https_server() -> AsyncIterator[HttpsServer]:
    server = HttpsServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def s3_server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[S3Server]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = S3Server()
    await server.start()
    yield server
    await server.stop()
