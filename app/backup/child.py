"""Copy and verify in a process of its own, which takes no time from the service's: `python -m app.backup.child`.

What to do comes on standard input, because an address may hold a password and arguments are for all to see.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.backup.errors import BackupAlteredError, BackupError
from app.backup.model import Manifest
from manifests.keys import PublicKey

ALTERED = 1
FAILED = 3
NICE = 10


class Task(msgspec.Struct, frozen=True):
    """``keys`` are public keys in OpenSSH's form."""

    url: str
    folder: str
    keys: tuple[str, ...]


class Child:
    """Fills folders, one at a time; see app.backup.make.Fill."""

    def __init__(self, url: str, keys: Sequence[PublicKey]) -> None:
        self._url = url
        self._keys = tuple(key.to_openssh() for key in keys)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def __call__(self, folder: Path) -> Manifest:
        """Blocks. Raises BackupError."""
        command = [sys.executable, "-m", "app.backup.child"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            self._process = process
            if self._stopped:
                process.kill()
            task = Task(self._url, str(folder.absolute()), self._keys)
            answer, said = process.communicate(msgspec.json.encode(task))
        text = said.decode(errors="replace").strip()
        if process.returncode == ALTERED:
            raise BackupAlteredError(text)
        if process.returncode:
            raise BackupError(text or f"the process that made it ended with {process.returncode}")
        return msgspec.json.decode(answer, type=Manifest)

    def stop(self) -> None:
        """What is being made is given up."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()


def main() -> int:
    from app.backup.produce import produce
    from app.clock import now

    os.nice(NICE)
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    keys = [PublicKey.parse(key) for key in task.keys]
    try:
        manifest = produce(task.url, Path(task.folder), keys, now, lambda what, done: None)
    except BackupError as error:
        print(error, file=sys.stderr)
        return ALTERED if isinstance(error, BackupAlteredError) else FAILED
    sys.stdout.buffer.write(msgspec.json.encode(manifest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
