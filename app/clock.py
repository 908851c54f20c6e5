"""Time, randomness and ids, passed in wherever they are needed so that tests decide them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Microseconds since 1970 UTC."""

NewId = Callable[[], str]
"""128 random bits as 32 lower-case hex digits."""


def now() -> int:
    return time.time_ns() // 1000


def new_id() -> str:
    return secrets.token_hex(16)


SECOND = 1_000_000
