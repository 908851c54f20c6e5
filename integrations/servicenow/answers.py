"""Judges every answer of an instance before pysnow sees it.

pysnow raises late, loses the text of a refusal and takes a partial result for a whole one; so nothing reaches
it that is not a complete 200 or 201 with a ``result``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import requests

from integrations.errors import (
    InDoubtError,
    NeighbourError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
)

SIMULATOR_HEADER = "X-Countersign-Simulator"
_TEXT_LIMIT = 600
_LONGEST_WAIT_S = 86_400.0
_READS = frozenset({"GET", "HEAD"})


class _Problem(msgspec.Struct, frozen=True):
    message: str | None = None
    detail: str | None = None


class _Envelope(msgspec.Struct, frozen=True):
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: _Problem | str | None = None


class Judge:
    """A response hook for requests: passes a complete answer on, raises a NeighbourError for anything else.

    ``clock`` gives microseconds since 1970 UTC; ``secrets`` never appear in an error's text;
    ``refuse_simulator`` keeps a service that is meant for the real thing from deciding on play.
    """

    def __init__(self, clock: Callable[[], int], secrets: Iterable[str], *, refuse_simulator: bool = False) -> None:
        self._refuse_simulator = refuse_simulator
        self._clock = clock
        self._secrets = tuple(secret for secret in secrets if secret)

    def __repr__(self) -> str:
        return "Judge()"

    def __call__(self, response: requests.Response, *_args: object, **_kwargs: Any) -> None:
        failure = self.failure(response)
        if failure is not None:
            raise failure

    def failure(self, response: requests.Response) -> NeighbourError | None:
        """The error that this answer means, or None when it is complete and good."""
        if self._refuse_simulator and SIMULATOR_HEADER in response.headers:
            return RefusedError(f"{_where(response)} was answered by a simulator, expected a real instance")
        status = response.status_code
        envelope = _decode(response.content)
        if status in (200, 201) and envelope is not None:
            if envelope.error is None and envelope.result is not msgspec.UNSET:
                return None
            return self._lost(response, f"answered {status} with only part of a result{self._text(response, envelope)}")
        if status in (200, 201):
            return self._lost(response, f"answered {status} with no JSON object ({_kind(response)})")
        return self._refusal(response, envelope)

    def _refusal(self, response: requests.Response, envelope: _Envelope | None) -> NeighbourError:
        status = response.status_code
        text = f"answered {status}{self._text(response, envelope)}"
        where = _where(response)
        if status == 429:
            wait = self._wait(response)
            return RateLimitedError(f"{where} {text}", status=status, retry_after=60.0 if wait is None else wait)
        if status == 404:
            return NotFoundError(f"{where} {text}", status=status)
        if 400 <= status < 500 and status != 408:
            return RefusedError(f"{where} {text}", status=status)
        return self._lost(response, text)

    def _lost(self, response: requests.Response, text: str) -> NeighbourError:
        """A read that failed may be repeated; a write that met the same may have happened."""
        kind = UnavailableError if (response.request.method or "") in _READS else InDoubtError
        return kind(f"{_where(response)} {text}", status=response.status_code, retry_after=self._wait(response))

    def _wait(self, response: requests.Response) -> float | None:
        given = _number(response.headers.get("Retry-After"))
        reset = _number(response.headers.get("X-RateLimit-Reset"))
        if given is None and reset is not None:
            given = reset - self._clock() / 1_000_000
        return None if given is None else min(max(given, 0.0), _LONGEST_WAIT_S)

    def _text(self, response: requests.Response, envelope: _Envelope | None) -> str:
        if envelope is None or envelope.error is None:
            return ""
        if isinstance(envelope.error, str):
            text = envelope.error
        else:
            text = ": ".join(part for part in (envelope.error.message, envelope.error.detail) if part)
        sent = response.request.headers.get("Authorization", "").partition(" ")[2]
        for secret in (*self._secrets, sent):
            text = text.replace(secret, "…") if secret else text
        readable = " ".join(text.split())
        return f": {readable[:_TEXT_LIMIT]}"


def _decode(content: bytes) -> _Envelope | None:
    try:
        return msgspec.json.decode(content, type=_Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None


def _kind(response: requests.Response) -> str:
    kind = response.headers.get("Content-Type", "no content type").split(";")[0]
    return f"{kind}: is the instance hibernating or behind a sign-in page?" if "html" in kind else kind


def _where(response: requests.Response) -> str:
    request = response.request
    return f"ServiceNow {request.method} {request.path_url.split('?')[0]}"
