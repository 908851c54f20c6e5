"""Verify in a process of its own, `python -m app.verification.child`: the request comes in, the report goes out.

A million records keep an interpreter busy for seconds; the service's own has webhooks to answer meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

import msgspec

from app.clock import now
from app.verification.report import Report
from app.verification.sealed import sealed_findings
from app.verification.verify import verify
from manifests.keys import PublicKey

PROCESSES = 2
"""Of a machine's processors, one is left to the service even on a small machine, by being less important."""
NICE = 10


class VerificationFailedError(Exception):
    """A verification ended without a report; nothing was found out."""


class Request(msgspec.Struct, frozen=True):
    """``keys`` are OpenSSH lines. Logs that are in ``whole`` are read from their first record, others from where the
    last verification ended."""

    database: str
    keys: tuple[str, ...]
    whole: tuple[str, ...]


async def verify_in_child(request: Request) -> Report:
    """Raises VerificationFailedError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.verification.child",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, errors = await process.communicate(msgspec.json.encode(request))
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        said = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise VerificationFailedError(f"The process that verifies ended with {process.returncode}: {said}")
    return msgspec.json.decode(out, type=Report)


def main() -> int:
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    os.nice(NICE)
    report = verify(
        request.database, [PublicKey.from_openssh(key) for key in request.keys], clock=now, incremental=True,
        whole=request.whole, processes=min(PROCESSES, os.cpu_count() or 1),
    )  # fmt: skip
    report = msgspec.structs.replace(report, findings=(*report.findings, *sealed_findings(request.database, report)))
    sys.stdout.buffer.write(msgspec.json.encode(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
