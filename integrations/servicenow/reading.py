"""Reads whole lists and makes sure that the instance answered the question that was asked.

An unknown field in a query is dropped and the rest matches everything, so each row must show the asked key
again.
"""

from __future__ import annotations

from collections.abc import Callable

from integrations.errors import UnavailableError
from integrations.servicenow.records import Row, field_names, read_row
from integrations.servicenow.transport import Transport

_PAGE = 500
_MOST = 20_000


async def rows(
    transport: Transport, table: str, query: str, shape: type[Row], asked: Callable[[Row], bool]
) -> tuple[Row, ...]:
    """Every row that matches, each once, in the query's order.

    Raises UnavailableError when a row was not asked for, cannot be read, or the list does not end.
    """
    return await _all(transport, f"/table/{table}", query, shape, asked)


async def listed(
    transport: Transport, path: str, query: str, shape: type[Row], asked: Callable[[Row], bool]
) -> tuple[Row, ...]:
    """The same for an API that is not a table, such as ``/attachment``."""
    return await _all(transport, path, query, shape, asked)


async def _all(
    transport: Transport, path: str, query: str, shape: type[Row], asked: Callable[[Row], bool]
) -> tuple[Row, ...]:
    found: dict[object, Row] = {}
    offset = 0
    while offset < _MOST:
        page, total = await transport.page(path, query, field_names(shape), _PAGE, offset)
        for raw in page:
            row = read_row(shape, raw)
            if not asked(row):
                raise UnavailableError(
                    f"ServiceNow {path}: a row came back that was not asked for; the query was not honoured"
                )
            found.setdefault(raw["sys_id"], row)
        offset += _PAGE
        # Rows hidden by access rules shorten a page, so only the total or an empty page ends the list.
        if (total is not None and offset >= total) or (total is None and not page):
            return tuple(found.values())
    raise UnavailableError(f"ServiceNow {path}: more than {_MOST} rows match; the query is too wide")
