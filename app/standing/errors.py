"""Why a version of a policy is not adopted."""

from __future__ import annotations


class AdoptionError(Exception):
    """Refused; nothing was changed. The text says what was expected and found, ``remedy`` what to do."""

    def __init__(self, code: str, expected: str, found: str, remedy: str, *, status: int = 409) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.code = code
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.status = status
