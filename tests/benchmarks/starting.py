"""From ``countersign serve`` to ready, and what it then holds in memory."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import sys
import time
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.sandbox import documents
from tests.benchmarks import databases
from tests.benchmarks.child import Child
from tests.benchmarks.result import Measured, main

PATIENCE_S = 20


async def measure(quick: bool) -> list[Measured]:
    async with databases.folder() as folder:
        port = _free_port()
        config = await asyncio.to_thread(_settings, folder, port)
        times, sizes = [], []
        first, _ = await _start(config, port)
        for _ in range(3 if quick else 7):
            seconds, resident = await _start(config, port)
            times.append(seconds)
            sizes.append(resident)
    return [
        Measured("start.first", first, "s"),
        Measured("start.ready", statistics.median(times), "s", "≤", 1.5),
        Measured("start.memory", max(sizes), "MB", "≤", 150, scaled=False),
    ]


async def _start(config: Path, port: int) -> tuple[float, float]:
    """Seconds from the start of the process to 200 from /readyz, and its megabytes shortly after."""
    started = time.perf_counter()
    child = Child(
        await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("countersign")), "serve", "--config", str(config),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            while not await _is_ready(session):
                await asyncio.sleep(0.005)
        seconds = time.perf_counter() - started
        await asyncio.sleep(0.5)
        return seconds, child.resident_mb()
    finally:
        await child.stop()


async def _is_ready(session: aiohttp.ClientSession) -> bool:
    with contextlib.suppress(aiohttp.ClientConnectionError):
        async with session.get("/readyz") as answer:
            return answer.status == 200
    return False


def _settings(folder: Path, port: int) -> Path:
    """Everything that ``serve`` asks for. Nobody listens at the neighbour's address: starting must not need it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "tenant.yaml").write_bytes(documents.tenant_policy(1))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    config = folder / "countersign.toml"
    config.write_text(
        f"""\
[server]
port = {port}
[database]
url = "sqlite:///{folder / "countersign.db"}"
[keys]
directory = "{folder / "keys"}"
[github]
app_id = 1
api_url = "http://127.0.0.1:9"
webhook_secrets = ["{"s" * 32}"]
private_key = '''
{pem}'''
[[tenants]]
id = "acme"
policy = "{folder / "tenant.yaml"}"
"""
    )
    return config


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


if __name__ == "__main__":
    main(measure, __doc__)
