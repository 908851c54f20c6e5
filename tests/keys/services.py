"""Key services on this machine: AWS KMS as its SDK describes it, and Vault's transit engine.

Requests and answers of KMS are held to botocore's own model (TrentService.Decrypt): what the model does not allow, the
stand-in neither takes nor sends.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.session import get_session
from botocore.validate import ParamValidator

KEY_ID = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TOKEN = "hvs.token-of-these-tests"
PREFIX = b"\x01\x02\x02\x00"


def encrypted(plaintext: bytes) -> bytes:
    """As opaque as a blob of KMS is to us."""
    return PREFIX + bytes(byte ^ 0x55 for byte in plaintext)


def vault_encrypted(plaintext: bytes) -> bytes:
    return b"vault:v1:" + base64.b64encode(plaintext[::-1])


class KeyService:
    """``asked`` is what came in; ``fail``: status and code of errors to answer with, each once."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.fail: list[tuple[int, str]] = []
        model = get_session().get_service_model("kms")
        self._operation = model.operation_model("Decrypt")

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        return self._vault(path, headers, body) if path.startswith("/v1/") else self._kms(headers, body)

    def _kms(self, headers: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        metadata = self._operation.service_model.metadata
        assert headers["X-Amz-Target"] == f"{metadata['targetPrefix']}.Decrypt"
        assert headers["Content-Type"] == f"application/x-amz-json-{metadata['jsonVersion']}"
        assert "Credential=" in headers["Authorization"]
        asked = json.loads(body)
        asked["CiphertextBlob"] = base64.b64decode(asked["CiphertextBlob"])
        _expect(self._operation.input_shape, asked)
        self.asked.append(asked)
        if self.fail:
            status, code = self.fail.pop(0)
            known = {shape.error_code for shape in self._operation.error_shapes} | {"ThrottlingException"}
            assert code in known, f"{code} is no error of Decrypt"
            return status, {"__type": code, "message": "told by the stand-in"}
        blob = asked["CiphertextBlob"]
        if not blob.startswith(PREFIX):
            return 400, {"__type": "InvalidCiphertextException"}
        if asked.get("KeyId", KEY_ID) != KEY_ID:
            return 400, {"__type": "IncorrectKeyException", "message": "another key encrypted this"}
        found = {"KeyId": KEY_ID, "Plaintext": bytes(byte ^ 0x55 for byte in blob[len(PREFIX) :])}
        found["EncryptionAlgorithm"] = "SYMMETRIC_DEFAULT"
        _expect(self._operation.output_shape, found)
        return 200, {**found, "Plaintext": base64.b64encode(found["Plaintext"]).decode()}  # type: ignore[arg-type]

    def _vault(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        self.asked.append({"path": path, **json.loads(body)})
        if self.fail:
            status, code = self.fail.pop(0)
            return status, {"errors": [code]}
        if headers["X-Vault-Token"] != TOKEN:
            return 403, {"errors": ["permission denied"]}
        hidden = json.loads(body)["ciphertext"].removeprefix("vault:v1:")
        return 200, {"data": {"plaintext": base64.b64encode(base64.b64decode(hidden)[::-1]).decode()}}


def _expect(shape: Any, value: dict[str, Any]) -> None:
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()
    assert not set(value) - set(shape.members), f"{set(value) - set(shape.members)} are not in the model"


@contextmanager
def running() -> Iterator[KeyService]:
    service = KeyService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                status, found = service.answer(self.path, self.headers, body)
            except AssertionError as error:
                status, found = 400, {"__type": "ValidationException", "message": str(error)}
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
