"""Telling somebody how each call to a neighbour ended."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Literal

from integrations.errors import (
    InDoubtError,
    NeighbourError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
)

CallResult = Literal["ok", "refused", "not_found", "rate_limited", "unavailable", "in_doubt"]
Observe = Callable[[str, CallResult, float], None]
"""Told the neighbour, how the call ended and how many seconds it took; may be called on any thread."""

_RESULTS: tuple[tuple[type[NeighbourError], CallResult], ...] = (
    (RefusedError, "refused"),
    (NotFoundError, "not_found"),
    (RateLimitedError, "rate_limited"),
    (InDoubtError, "in_doubt"),
)


def result_of(error: NeighbourError) -> CallResult:
    """What a failed call is counted as; any other failure is ``unavailable``."""
    return next((result for kind, result in _RESULTS if isinstance(error, kind)), "unavailable")


@contextlib.contextmanager
def observed(observe: Observe | None, neighbour: str, clock: Callable[[], int]) -> Iterator[None]:
    """Around one call; a call that is cancelled is not told. ``clock`` gives microseconds since 1970 UTC."""
    begun = clock()
    result: CallResult = "ok"
    try:
        yield
    except NeighbourError as error:
        result = result_of(error)
        raise
    except BaseException:
        observe = None
        raise
    finally:
        if observe is not None:
            observe(neighbour, result, max(clock() - begun, 0) / 1_000_000)
