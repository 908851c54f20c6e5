"""What can go wrong with people."""

from __future__ import annotations


class LinkError(ValueError):
    """Two accounts cannot be linked as asked; the text says what was expected."""

    code = "people.link_refused"


class KeyRefusedError(ValueError):
    """A key is not enrolled, confirmed or revoked as asked."""

    def __init__(self, code: str, expected: str, found: str, remedy: str, *, status: int = 409) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.code = code
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.status = status
