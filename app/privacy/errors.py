"""Why something about people's data cannot be done."""

from __future__ import annotations


class PrivacyError(Exception):
    """Refused; nothing was changed. The text says what was expected and found, ``remedy`` what to do."""

    def __init__(self, code: str, expected: str, found: str, remedy: str, *, status: int = 409) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.code = code
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.status = status


class SealKeyError(Exception):
    """The key that wraps people's keys cannot be used; the text says what was expected and what to do."""

    code = "privacy.seal_key"


class RetentionShortenedError(Exception):
    """The settings keep something shorter than was recorded; the text says what and how to record it first."""

    code = "privacy.retention_shortened"
