"""Encoded queries in which a value can never become a condition.

ServiceNow has no documented way to quote ``^``, so values that hold one are refused, as are values that the
instance would evaluate (``javascript:``) and empty ones, which match every unset field.
"""

from __future__ import annotations

from collections.abc import Iterable

from integrations.errors import RefusedError


def equals(field: str, value: str) -> str:
    """The condition ``field=value``; RefusedError when the value is not safe in a query."""
    return f"{field}={_safe(field, value)}"


def one_of(field: str, values: Iterable[str]) -> str:
    """The condition ``fieldINa,b``; RefusedError for an unsafe value or an empty list."""
    safe = [_safe(field, value) for value in values]
    if not safe or any("," in value for value in safe):
        raise RefusedError(f"a query for {field} needs at least one value, none with a comma")
    return f"{field}IN{','.join(safe)}"


def query(*conditions: str, order: tuple[str, ...] = ("sys_id",)) -> str:
    """All conditions joined by AND, in a fixed order so that pages do not overlap."""
    return "^".join([*conditions, *(f"ORDERBY{field}" for field in order)])


def _safe(field: str, value: str) -> str:
    if not value or "^" in value or not value.isprintable() or value.strip() != value:
        raise RefusedError(
            f"cannot ask ServiceNow for {field} = {value!r}: expected printable text, no ^, no outer blanks"
        )
    if value.lower().startswith("javascript:"):
        raise RefusedError(f"cannot ask ServiceNow for {field} = {value!r}: it would be run as a script")
    return value
