"""The service's HTTP API, from the command line. The standard library's client keeps start-up short."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

import msgspec

from app.cli.exits import CannotFindOutError, CommandError, NoError, UsageError
from app.cli.terminal import plain

TIMEOUT_S = 30
MAX_ANSWER = 64 << 20
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_EXITS: dict[int, type[CommandError]] = {400: UsageError, 413: UsageError, 422: UsageError, 409: NoError, 410: NoError}


class _ProblemDocument(msgspec.Struct, frozen=True):
    title: str = ""
    code: str = ""
    detail: str = ""
    expected: str = ""
    found: str = ""
    remedy: str = ""


class BusyError(CannotFindOutError):
    """The service cannot answer now, but may a little later."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token must not follow to where an answer points."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


class Api:
    """One service at ``url``, asked with ``token``. Raises CommandError with the exit code it means."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"expected --url like https://countersign.example.com, found {plain(url)!r}")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise UsageError(f"expected https for {parts.hostname}: a token never travels in the clear")
        if not token:
            raise UsageError("expected a token, found none; set COUNTERSIGN_TOKEN (see `countersign tokens create`)")
        if not token.isascii() or not token.isprintable():
            raise UsageError("expected a token of printable ASCII, found other characters")
        self.url = url.rstrip("/")
        self._token = token
        self._opener = urllib.request.build_opener(_NoRedirects)

    def get(self, path: str) -> bytes:
        return self._call("GET", path, None)

    def post(self, path: str, body: Any) -> bytes:
        return self._call("POST", path, msgspec.json.encode(body))

    def delete(self, path: str) -> bytes:
        return self._call("DELETE", path, None)

    def _call(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                answer: bytes = response.read(MAX_ANSWER + 1)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except urllib.error.URLError as error:
            raise BusyError(f"{self.url} cannot be reached: {error.reason}") from None
        except (http.client.HTTPException, OSError) as error:
            raise BusyError(f"{self.url} broke off its answer: {type(error).__name__}") from None
        if len(answer) > MAX_ANSWER:
            raise CannotFindOutError(f"{self.url} answered more than {MAX_ANSWER} bytes")
        return answer


def _refusal(error: urllib.error.HTTPError) -> CommandError:
    try:
        document = msgspec.json.decode(error.read(1 << 20), type=_ProblemDocument)
    except (msgspec.DecodeError, UnicodeDecodeError, OSError, http.client.HTTPException):
        document = _ProblemDocument()
    title = plain(document.title) or f"HTTP status {error.code} {plain(str(error.reason))}"
    told = (title, plain(document.detail), plain(document.remedy))
    text = "\n  ".join(line for line in told if line) + (f"\n  ({plain(document.code)})" if document.code else "")
    if error.code in (429, 502, 503, 504):
        return BusyError(text)
    return _EXITS.get(error.code, CannotFindOutError)(text)
