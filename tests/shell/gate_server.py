"""A service that gives prepared answers over real HTTP and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Asked(NamedTuple):
    method: str
    path: str
    authorization: str
    body: Any


class GateServer:
    """``answers`` are given in turn, the last one for ever: (status, body, headers)."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: list[tuple[int, Any, dict[str, str]]] = []
        self.url = ""

    def answer(self, status: int, body: Any, **headers: str) -> None:
        self.answers.append((status, body, headers))

    def next(self) -> tuple[int, Any, dict[str, str]]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def running() -> Iterator[GateServer]:
    state = GateServer()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            state.asked.append(Asked(self.command, self.path, self.headers.get("Authorization", ""), body))
            status, answer, headers = state.next()
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _handle

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def verdict(decision: str, status: str = "pass", **more: Any) -> dict[str, Any]:
    """An answer of the gate with one result in its tree."""
    result = {
        "name": "approvals",
        "status": status,
        "summary": "1 of 2 seats",
        "remedy": "Ask acme/risk.",
        "children": [{"name": "seat risk", "status": status, "summary": "empty"}],
    }
    return {
        "decision": decision,
        "decision_id": "d-1",
        "expires_at": "2026-11-20T10:15:00Z",
        "release": {"id": "r"},
        "verdict": {"question": "deploy", "results": [result]},
        "attestation": {"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": []},
        **more,
    }
