"""Sends alerts with Apprise, which knows a hundred services by their addresses."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from integrations.errors import UnavailableError

if TYPE_CHECKING:
    from apprise import Apprise


class AppriseChannel:
    """``addresses`` are Apprise's, such as ``mailtos://…``, ``pagerduty://…``, ``msteams://…`` or ``jsons://…``."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = tuple(addresses)
        self._apprise: Apprise | None = None

    async def send(self, title: str, body: str) -> None:
        """As AlertChannel."""
        if self._apprise is None:
            self._apprise, _ = _open(self._addresses)
        if not await self._apprise.async_notify(title=title, body=body):
            # Which one, and why, Apprise tells its own log; addresses hold secrets.
            raise UnavailableError("An alert did not reach every place that alerts.urls names.")


def is_address(text: str) -> bool:
    """Whether Apprise knows what to do with it."""
    return _open([text])[1]


def _open(addresses: Sequence[str]) -> tuple[Apprise, bool]:
    """Apprise with these addresses, and whether it knows them all. Imported when needed, for it is heavy; on older
    Pythons it warns of a module that newer ones lack."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from apprise import Apprise

        made = Apprise()
        return made, bool(made.add(list(addresses)))
