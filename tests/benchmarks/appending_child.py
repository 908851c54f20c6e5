"""Producers and writers of ``appending`` in a process of their own: a job in, what came of it out."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from tests.benchmarks.appending import Job, append

if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    sys.stdout.write(msgspec.json.encode(asyncio.run(append(given))).decode() + "\n")
    sys.stdout.flush()
