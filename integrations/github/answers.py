"""What an answer of GitHub means: which of our errors a refusal is, and how long a rate limit lasts."""

from __future__ import annotations

import re

import msgspec

from integrations.errors import (
    InDoubtError,
    NeighbourError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
)
from integrations.github.transport import Answer, Request

# GitHub asks for at least a minute when it names no time.
UNNAMED_WAIT_S = 60.0
_SECRET = re.compile(r"gh[a-z]_[A-Za-z0-9._-]{16,}|github_pat_\w{16,}|eyJ[\w-]{8,}\.[\w-]+\.?[\w-]*")
_SPACES = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")


class _Problem(msgspec.Struct):
    message: str = ""
    errors: msgspec.Raw = msgspec.Raw(b"")


_problem = msgspec.json.Decoder(_Problem)


def lost(request: Request, reason: str) -> NeighbourError:
    """The error for an answer that never came whole."""
    return _failed(request, f"no answer ({reason})", None)


def unreadable(request: Request, answer: Answer, reason: str) -> NeighbourError:
    """The error for an answer that is not what GitHub documents."""
    return _failed(request, f"an unreadable answer (HTTP {answer.status}: {reason})", answer.status)


def refusal(request: Request, answer: Answer, now_s: float) -> NeighbourError:
    """The error for an answer that is not a success. ``now_s`` in seconds since 1970."""
    status = answer.status
    text = f"{request.what}: GitHub answered {status}{_detail(answer)}"
    wait = rate_limit_wait(answer, now_s)
    if wait is not None:
        return RateLimitedError(f"{text}; wait {wait:.0f} s", status=status, retry_after=wait)
    if status in (404, 410, 451):
        return NotFoundError(f"{text}: it is not there, or the App may not see it", status=status)
    if 300 <= status < 400:
        return NotFoundError(f"{text}: it has moved; use its new owner/name", status=status)
    if 400 <= status < 500:
        return RefusedError(text, status=status)
    return _failed(request, f"GitHub answered {status}{_detail(answer)}", status)


def rate_limit_wait(answer: Answer, now_s: float) -> float | None:
    """Seconds until the limit lifts; None when this is no rate limit.

    A primary limit is a 403 or 429 with no request remaining, a secondary one may carry retry-after, or
    nothing but its message (GitHub, "Rate limits for the REST API").
    """
    if answer.status not in (403, 429):
        return None
    after = _seconds(answer.headers.get("retry-after"))
    if after is not None:
        return after
    reset = _seconds(answer.headers.get("x-ratelimit-reset"))
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset is not None:
        return max(reset - now_s, 1.0)
    if answer.status == 429 or "rate limit" in _read(answer).message.lower():
        return UNNAMED_WAIT_S
    return None


def clean(text: str, limit: int = 300) -> str:
    """A neighbour's text for an error or a log: one line, shortened, nothing that looks like a token."""
    return _SECRET.sub("[secret]", _SPACES.sub(" ", text))[:limit]


def _failed(request: Request, what: str, status: int | None) -> NeighbourError:
    if request.repeatable:
        return UnavailableError(f"{request.what}: {what}", status=status)
    return InDoubtError(f"{request.what}: {what}; it may have happened, look before repeating", status=status)


def _read(answer: Answer) -> _Problem:
    try:
        return _problem.decode(answer.body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _Problem()


def _detail(answer: Answer) -> str:
    problem = _read(answer)
    errors = bytes(problem.errors).decode("utf-8", "replace")
    detail = clean(f"{problem.message} {errors if errors not in ('', 'null', '[]') else ''}".strip())
    return f" ({detail})" if detail else ""


def _seconds(value: str | None) -> float | None:
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 12:
        return None
    return float(value)
