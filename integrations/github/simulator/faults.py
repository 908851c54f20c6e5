"""Trouble on request: errors before and after the work, rate limits, HTML, silence."""

from __future__ import annotations

import dataclasses
import re


@dataclasses.dataclass
class Fault:
    """Meets the next ``times`` calls that match.

    ``commit_first``: the work is done and only the answer is replaced. ``drop``: the connection is closed
    without an answer. ``hang_s``: the answer comes only after so many seconds.
    """

    method: str
    path: re.Pattern[str]
    status: int = 500
    body: bytes = b'{"message":"Server Error"}'
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    commit_first: bool = False
    drop: bool = False
    hang_s: float = 0.0
    times: int = 1


class Faults:
    """``latency_s`` is added to every call."""

    def __init__(self) -> None:
        self.latency_s = 0.0
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def next(self, method: str, path: str) -> Fault | None:
        for fault in self._faults:
            if fault.method in ("*", method) and fault.path.search(path):
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None
