"""What this machine can do right now: the yardstick of every other number."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time

import msgspec

SECONDS = 1.0
HASHED_BYTES = 10 * 1024
APPENDED_BYTES = 4 * 1024
REFERENCE = 6_000.0
"""Operations a second of the machine that the floors of ``result.Measured`` were set on, while it was quiet."""


class Calibration(msgspec.Struct, frozen=True):
    """``per_second`` operations of the kind that ``what`` says, one after the other."""

    what: str
    per_second: float


def calibrate(seconds: float = SECONDS) -> Calibration:
    """Hash 10 KB and append 4 KB durably, over and over: a processor and a disk in the mix of our own work."""
    hashed, appended = os.urandom(HASHED_BYTES), os.urandom(APPENDED_BYTES)
    done = 0
    with tempfile.NamedTemporaryFile() as file:
        started = time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            hashlib.sha256(hashed).digest()
            os.write(file.fileno(), appended)
            os.fdatasync(file.fileno())
            done += 1
    return Calibration("sha256 of 10 KB and a durable append of 4 KB", round(done / elapsed, 1))
