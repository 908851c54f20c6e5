"""Verifies in a process of its own, as the command line does, and prints the milliseconds of each run.

usage: verifying_child <what> <database> <verifier key> <folder of segments> <runs>
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from app.clock import now
from app.verification.report import Report
from app.verification.sample import sample
from app.verification.segments import verify_folder
from app.verification.verify import verify
from manifests.note import VerifierKey


def main() -> None:
    what, database, key, folder, runs = sys.argv[1:]
    keys = [VerifierKey.parse(key)]
    processes = min(2, os.cpu_count() or 1)
    ways: dict[str, Callable[[], Report]] = {
        "all": lambda: verify(database, keys, ["acme"], clock=now, blobs=False, processes=processes),
        "one": lambda: verify(database, keys, ["acme"], clock=now, blobs=False),
        "sample": lambda: sample(database, keys, ["acme"], choose=random.Random()),
        "segments": lambda: verify_folder(database, Path(folder), ["acme"]),
    }
    for run in range(int(runs) + 1):
        started = time.perf_counter()
        report = ways[what]()
        spent = (time.perf_counter() - started) * 1000
        if report.exit_code:
            raise SystemExit(f"expected nothing to be wrong, found {report.findings[:3]}")
        if run:  # The first one also loads what the others have
            print(spent)


if __name__ == "__main__":
    main()
