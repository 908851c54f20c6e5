"""For consumers of the stream: tell the first time a record is met from every later one."""

from __future__ import annotations

from bisect import bisect_right


class Distinct:
    """Remembers what was met as stretches of numbers, so that a log read without gaps costs one pair."""

    def __init__(self) -> None:
        self._stretches: dict[str, list[list[int]]] = {}

    def first_time(self, log: str, seq: int) -> bool:
        """Whether record ``seq`` of ``log`` was not met before; from now on it was."""
        stretches = self._stretches.setdefault(log, [])
        at = bisect_right(stretches, [seq, 2**63])
        before = stretches[at - 1] if at else None
        if before is not None and seq < before[1]:
            return False
        after = stretches[at] if at < len(stretches) else None
        joins_before = before is not None and before[1] == seq
        joins_after = after is not None and after[0] == seq + 1
        if joins_before and joins_after:
            assert before is not None
            assert after is not None
            before[1] = after[1]
            del stretches[at]
        elif joins_before:
            assert before is not None
            before[1] = seq + 1
        elif joins_after:
            assert after is not None
            after[0] = seq
        else:
            stretches.insert(at, [seq, seq + 1])
        return True

    def missing(self, log: str) -> tuple[tuple[int, int], ...]:
        """The gaps up to the highest number met: (first, one after the last)."""
        stretches = self._stretches.get(log, [])
        ends = [0, *(stretch[1] for stretch in stretches)]
        return tuple((end, one[0]) for end, one in zip(ends, stretches, strict=False) if end < one[0])
