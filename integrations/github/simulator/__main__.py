"""Runs the simulated GitHub as a process of its own and prints one line of JSON about it.

    python -m integrations.github.simulator --webhook-url http://127.0.0.1:8080/webhooks/github

Everything else is steered over HTTP: ``GET /_sim/`` lists how.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import signal
import sys
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from integrations.github.simulator.server import GitHubSimulator


class Announcement(msgspec.Struct, frozen=True):
    """What another process needs: the address, the App and, when made here, its key's file."""

    base_url: str
    app_id: int
    app_slug: str
    installation_id: int
    webhook_secret: str
    private_key_pem: str


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m integrations.github.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--webhook-url", help="where deliveries go; without it none is sent")
    parser.add_argument("--webhook-secret", help="at least 32 characters; made when left out")
    parser.add_argument("--private-key", type=Path, help="the App's key as PEM; made when left out")
    parser.add_argument("--app", default="countersign", help="slug of the App")
    parser.add_argument("--account", default="acme", help="organisation that the App is installed on")
    parser.add_argument("--events", help="comma-separated events of the App; all when left out")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="added to every API call")
    parser.add_argument("--delivery-workers", type=int, default=1, help="1 delivers in order")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    secret = arguments.webhook_secret or secrets.token_hex(32)
    pem = await asyncio.to_thread(_key, arguments.private_key)
    simulator = GitHubSimulator(delivery_workers=arguments.delivery_workers)
    simulator.faults.latency_s = arguments.latency_ms / 1000
    base_url = await simulator.start(arguments.host, arguments.port)
    app = simulator.create_app(
        arguments.app,
        _public(pem),
        webhook_url=arguments.webhook_url,
        secret=secret.encode(),
        events=arguments.events.split(",") if arguments.events else None,
    )
    installation = simulator.install_app(app.slug, arguments.account)
    about = Announcement(base_url, app.id, app.slug, installation.id, secret, pem.decode())
    sys.stdout.write(msgspec.json.encode(about).decode() + "\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        await stopped.wait()
    finally:
        await simulator.stop()


def _key(path: Path | None) -> bytes:
    if path is not None:
        return path.read_bytes()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public(pem: bytes) -> rsa.RSAPrivateKey:
    from integrations.github.auth import load_key

    return load_key(pem)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(_arguments()))
