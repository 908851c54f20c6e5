"""Ask the gate, and go on asking while the answer is wait."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from random import SystemRandom

import msgspec

from app.cli import answer
from app.cli.answer import Answer
from app.cli.api import Api, BusyError
from app.cli.exits import UsageError
from app.cli.hashing import Subject

_DURATION = re.compile(r"(\d+)(s|m|h)")
_UNITS = {"s": 1, "m": 60, "h": 3600}
SHORTEST_S, LONGEST_S = 2.0, 10.0


class Question(msgspec.Struct, frozen=True):
    """The body of POST /api/v1/decisions."""

    environment: str
    repository: str
    commit: str
    subjects: tuple[Subject, ...]


class Waiting(msgspec.Struct, frozen=True):
    """How long to wait, and with what; replaced in tests."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    pause: Callable[[], float] = lambda: SystemRandom().uniform(SHORTEST_S, LONGEST_S)


def duration(text: str) -> float:
    """Seconds of `90s`, `30m` or `2h`. Raises UsageError."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise UsageError(f"expected a duration like 90s, 30m or 2h, found {text!r}")
    return int(found[1]) * _UNITS[found[2]]


def ask(api: Api, question: Question, waiting: Waiting, progress: Callable[[str], None]) -> tuple[Answer, bytes]:
    """The answer and its bytes: allow or deny as soon as there is one, else the last wait.

    While there is time left, a service that cannot be reached is asked again. ``progress`` is called with a
    line only when it says something new.
    """
    end = waiting.clock() + waiting.seconds
    told = ""
    while True:
        found: tuple[Answer, bytes] | None = None
        try:
            data = api.post("/api/v1/decisions", question)
            found = answer.read(data), data
            now = "\n".join(answer.lines(found[0])) if found[0].decision == "wait" else ""
        except BusyError as error:
            if waiting.clock() >= end:
                raise
            now = str(error)
        if found is not None and (found[0].decision != "wait" or waiting.clock() >= end):
            return found
        comparable = re.sub(r"decision \S+", "", now)
        if comparable != told:
            progress(now)
            told = comparable
        waiting.sleep(min(waiting.pause(), max(0.0, end - waiting.clock())))
