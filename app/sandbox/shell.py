"""The command line as people and pipelines use it: a process of its own, with a token in its environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from app.sandbox.waiting import StoryError

PATIENCE_S = 60
_MAIN = "from app.cli.main import main; main()"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR", "PYTHONPATH")


class Done(msgspec.Struct, frozen=True):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return [line for line in (self.out + self.err).splitlines() if line.strip()]


class Shell:
    """Runs `countersign` in ``folder``, asking the service at ``url``."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder

    async def countersign(self, *words: str, token: str = "") -> Done:
        env = {name: os.environ[name] for name in _KEPT if name in os.environ}
        env |= {"COUNTERSIGN_URL": self._url, "PYTHONIOENCODING": "utf-8"}
        if token:
            env["COUNTERSIGN_TOKEN"] = token
        return await self._run(("-c", _MAIN, *words), env, f"countersign {words[0]}")

    async def python(self, *words: str) -> Done:
        """Python as it is: nothing of ours in its environment."""
        env = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return await self._run(words, env, " ".join(("python3", *words)))

    async def _run(self, words: Sequence[str], env: Mapping[str, str], what: str) -> Done:
        child = await asyncio.create_subprocess_exec(
            sys.executable, *words, cwd=self._folder, env=env, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = await asyncio.wait_for(child.communicate(), PATIENCE_S)
        except TimeoutError:
            raise StoryError(f"expected {what} to end within {PATIENCE_S} s, it did not") from None
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        assert child.returncode is not None
        return Done(child.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
