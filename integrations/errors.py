"""How a neighbour can fail us. Every client maps what it meets to one of these."""

from __future__ import annotations


class NeighbourError(Exception):
    """A neighbouring system did not do what was asked. ``retry_after`` is in seconds."""

    code = "neighbour.failed"

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class NotFoundError(NeighbourError):
    """It is not there, or we may not see it (both neighbours answer 404 for either)."""

    code = "neighbour.not_found"


class RefusedError(NeighbourError):
    """Understood and refused: 401, 403 without a rate limit, 409, 422. Trying again as is will not help."""

    code = "neighbour.refused"


class RateLimitedError(NeighbourError):
    """Too many requests; ``retry_after`` says how long to wait."""

    code = "neighbour.rate_limited"


class UnavailableError(NeighbourError):
    """A time-out, broken connection, 5xx or unreadable answer to a read, or before a write was sent."""

    code = "neighbour.unavailable"


class InDoubtError(NeighbourError):
    """A write whose answer was lost or was a 5xx: it may have happened. Look before doing it again."""

    code = "neighbour.in_doubt"
