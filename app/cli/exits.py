"""How a command ends: 0 yes, 1 no or not yet, 2 used wrongly, 3 could not find out."""

from __future__ import annotations

import sys
import traceback
from typing import Final

YES: Final = 0
NO: Final = 1
USAGE: Final = 2
UNKNOWN: Final = 3


class CommandError(Exception):
    """Ends the command with this exit code; the text is for the person at the terminal."""

    exit_code = UNKNOWN


class NoError(CommandError):
    """An answer was found, and it is no."""

    exit_code = NO


class UsageError(CommandError):
    """The command was used wrongly."""

    exit_code = USAGE


class CannotFindOutError(CommandError):
    """No answer was found: nobody may read it as a yes, nor as a no."""


def report(error: BaseException) -> int:
    """Say on stderr what went wrong; the exit code."""
    if isinstance(error, CommandError):
        _say(str(error))
        return error.exit_code
    code = getattr(error, "code", "")
    if isinstance(code, str) and code.startswith("settings."):
        _say(f"The settings are refused:\n{error}")
        return USAGE
    if isinstance(code, str) and code:
        _say(str(error))
        return USAGE if code == "database.address" else UNKNOWN
    if isinstance(error, OSError):
        _say(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return UNKNOWN
    traceback.print_exception(error, file=sys.stderr)
    return UNKNOWN


def _say(text: str) -> None:
    print(text, file=sys.stderr)
