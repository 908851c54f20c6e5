"""What an append-only table refused, told apart from other errors and handed to whoever records attempts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from migrations import append_only

MAX_STATEMENT = 500

_RAISED = re.compile(r"countersign: (\w+) is append-only, (\w+) is refused")
_DENIED = re.compile(r"permission denied for table (\w+)")
_INSUFFICIENT_PRIVILEGE = "42501"
_VALUES = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b")
_VERB = re.compile(r"\b(UPDATE|DELETE|TRUNCATE|REPLACE)\b", re.IGNORECASE)


class AppendOnlyError(Exception):
    """A unit tried to change or remove what is only ever added to. ``statement`` holds no values, ``unit`` is the
    function that tried."""

    code = "database.append_only"

    def __init__(self, table: str, verb: str, statement: str = "", unit: str = "") -> None:
        super().__init__(f"countersign: {table} is append-only, {verb} is refused")
        self.table = table
        self.verb = verb
        self.statement = statement
        self.unit = unit


Observer = Callable[[AppendOnlyError], Awaitable[None]]
"""Told of each attempt before whoever tried is. It must not raise."""


def refusal(error: BaseException, unit: Callable[..., Any]) -> AppendOnlyError | None:
    """The attempt behind a driver's error, or behind SQLAlchemy's wrapping of one; None for any other error."""
    driver = getattr(error, "orig", None) or error
    statement = getattr(error, "statement", None) or ""
    raised = _RAISED.search(str(driver))
    if raised is not None:
        return AppendOnlyError(raised[1], raised[2], _without_values(statement), _name(unit))
    denied = _DENIED.search(str(driver))
    if getattr(driver, "sqlstate", "") != _INSUFFICIENT_PRIVILEGE or denied is None:
        return None
    verb = _VERB.search(statement)
    if denied[1] not in append_only.protected() or verb is None:
        return None
    return AppendOnlyError(denied[1], verb[1].upper(), _without_values(statement), _name(unit))


async def raise_refused(error: BaseException, unit: Callable[..., Any], observer: Observer | None) -> None:
    """Raises AppendOnlyError if that is what happened, after the observer was told; returns for any other error."""
    attempt = refusal(error, unit)
    if attempt is None:
        return
    if observer is not None:
        await observer(attempt)
    raise attempt from error


def _without_values(statement: str) -> str:
    shortened = " ".join(_VALUES.sub("?", statement).split())
    return shortened[:MAX_STATEMENT]


def _name(unit: Callable[..., Any]) -> str:
    inner = unit.func if isinstance(unit, partial) else unit
    return f"{getattr(inner, '__module__', '')}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"
