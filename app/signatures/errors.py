"""Why a statement is not prepared or not accepted."""

from __future__ import annotations

from app.http.problem import Problem
from manifests.errors import ManifestError

AGAIN = "Fetch the statement again, read it, and sign it anew."


class StatementRefusedError(Exception):
    """Nothing was recorded. ``status`` is that of HTTP."""

    def __init__(self, code: str, expected: str, found: str, remedy: str = AGAIN, *, status: int = 409) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.code = code
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.status = status


def problem(error: StatementRefusedError | ManifestError) -> Problem:
    """The refusal as its caller reads it."""
    if isinstance(error, ManifestError):
        first = error.problems[0]
        return Problem(
            400, first.code, "The statement is refused", detail=first.message, found=first.message, remedy=first.remedy
        )
    return Problem(
        error.status, error.code, "The statement is refused", expected=error.expected, found=error.found,
        remedy=error.remedy,
    )  # fmt: skip
