"""Logs: one JSON object per line (or readable text), with the ids of what is being done, without secrets."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import IO, Any, Literal

import msgspec
import structlog
from structlog.contextvars import bound_contextvars

REDACTED = "[redacted]"

_PEM = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)"
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(_PEM, re.S), REDACTED),
    (re.compile(r"\bgithub_pat_\w{8,}"), REDACTED),
    # An installation token may hold a JWT, so dots and dashes belong to it.
    (re.compile(r"\bgh[a-z]_[A-Za-z0-9._-]{16,}"), REDACTED),
    (re.compile(r"\bcs_[0-9a-z]+_[A-Za-z0-9_-]{20,}"), REDACTED),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)?"), REDACTED),
    (re.compile(r"\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{16,}", re.I), rf"\1 {REDACTED}"),
    (re.compile(r"(\w://[^/\s:@]*):[^/\s@]+@"), rf"\1:{REDACTED}@"),
)
_DEPTH = 8


def redact_text(text: str) -> str:
    """The text without anything that looks like a token, a private key or a password in an address."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """structlog processor: every value, however deep, without secrets. Put it after exceptions are formatted."""
    return {key: _clean(value, 0) for key, value in event.items()}


def bound(**ids: str) -> AbstractContextManager[None]:
    """Within this block every line carries these ids: delivery, release, trace, request, …"""
    return bound_contextvars(**ids)


def configure(
    level: Literal["debug", "info", "warning", "error"] = "info",
    form: Literal["json", "text"] = "json",
    stream: IO[str] | None = None,
) -> None:
    """Set up logging of the whole process, the standard library's included. Call once, at the start."""
    stream = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                _renderer(form, stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)


def _renderer(form: str, stream: IO[str]) -> structlog.typing.Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(serializer=_json)
    return structlog.dev.ConsoleRenderer(colors=stream.isatty())


def _json(event: Any, **_options: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def _clean(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if depth >= _DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {redact_text(str(key)): _clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, depth + 1) for item in value]
    # SecretStr and our private keys already hide themselves in their text.
    return redact_text(str(value))
