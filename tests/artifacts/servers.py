"""Servers whose answers a test sets, and which remember what they were asked."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOST = "127.0.0.1"


class Server:
    """Serves ``answers`` by path; what is not there is a 404. ``asked`` are the paths in order."""

    tls: ssl.SSLContext | None = None

    def __init__(self) -> None:
        self.answers: dict[str, Handler] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, 0, ssl_context=self.tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def missing(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        return await self.answers.get(request.path, self.missing)(request)


class HttpsServer(Server):
    """HTTPS with a certificate of its own, trusted by ``client_tls``."""

    def __init__(self) -> None:
        super().__init__()
        certificate, key = _certificate()
        self.client_tls = ssl.create_default_context(cadata=certificate.decode())
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "server.pem")
            path.write_bytes(certificate + key)
            self.tls.load_cert_chain(path)

    @property
    def host(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def named_host(self) -> str:
        return f"localhost:{self.port}"


class S3Server(Server):
    """Path-style GetObject over ``objects`` (``/bucket/key`` → bytes)."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def missing(self, request: web.Request) -> web.StreamResponse:
        body = self.objects.get(request.path)
        if body is None:
            return s3_error(404, "NoSuchKey")
        return web.Response(body=body, headers={"ETag": '"0"'})


def s3_error(status: int, code: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>-</Message></Error>'
    return web.Response(status=status, text=text, content_type="application/xml")


def answer(body: bytes = b"", status: int = 200, headers: dict[str, str] | None = None) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return handle


def _certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
