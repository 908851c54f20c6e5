"""Where people are told that something must be looked at now."""

from __future__ import annotations

from typing import Protocol


class AlertChannel(Protocol):
    """Raises integrations.errors.NeighbourError."""

    async def send(self, title: str, body: str) -> None:
        """Returns once every place that is set up took it."""
        ...
