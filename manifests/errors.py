"""What can be wrong with a document, said so that its author can mend it."""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One mistake in a document: where it is, what was expected, what was found, what to do.

    ``line`` and ``column`` count from 1; 0 means the document as a whole.
    """

    code: str
    message: str
    remedy: str
    path: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}: " if self.line else f"{self.path}: " if self.path else ""
        return f"{place}{self.message} {self.remedy}".rstrip()


class ManifestError(ValueError):
    """A document that is refused, with every problem found in it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems
