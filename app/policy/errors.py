"""Why a simulation or comparison is refused."""

from __future__ import annotations


class SimulationError(Exception):
    """Nothing was computed. ``status`` is that of HTTP."""

    def __init__(self, code: str, expected: str, found: str, remedy: str, *, status: int = 400) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.code = code
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.status = status
