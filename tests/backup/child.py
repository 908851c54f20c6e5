"""Programs that die on the way: killed at the nth step that leads to the disk, or out of space."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from app.backup import files, place, restore
from app.backup.errors import BackupError
from tests.backup import made


def killed_at(nth: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wraps functions; the nth call of any of them is the end, before it does anything."""
    calls = count(1)

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            if next(calls) == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return called

    return wrap


def main(name: str, url: str, folder: Path, nth: int, backup: str = "") -> int:
    wrap = killed_at(nth)
    if name == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    if name in ("backup", "full"):
        files.sync = wrap(files.sync)
        files.write = wrap(files.write)
        try:
            made.back_up(url, folder)
        except BackupError as error:
            print(error, file=sys.stderr)
            return 3
    else:
        restore._copy = wrap(restore._copy)
        restore._settle = wrap(restore._settle)
        place.into_sqlite = wrap(place.into_sqlite)
        place._go_on_counting = wrap(place._go_on_counting)
        os.replace = wrap(os.replace)
        files.sync = wrap(files.sync)
        asyncio.run(made.restored(url, folder, Path(backup)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:]))
