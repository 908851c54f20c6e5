"""Where a process is to die, and the wrappers that let it: round the database, and round what leaves it.

Everything is counted by name, so that a test can say "before the second `github.create_comment`". Reads are not
counted: they leave nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from app.db.database import Database, Unit
from app.db.refused import Observer
from integrations.github.port import GitHubApp

T = TypeVar("T")
GITHUB_WRITES = ("create_check_run", "create_comment", "edit_comment", "answer_protection_rule")
SERVICENOW_WRITES = (
    "open_change", "update_change", "advance", "attach", "add_work_note", "cancel_change", "close_change",
)  # fmt: skip
QUIET = ("WorkRunner._take", "Tokens.create")
"""Writes without a meaning of their own: the runner's look for work, and the tests' own preparations."""


class Steps:
    """Counts steps by name, notes them in ``trace``, and dies at ``kill`` (``before`` or ``after``, name, number)."""

    def __init__(self, trace: Path, kill: tuple[str, str, int] | None) -> None:
        self._trace = trace.open("a", buffering=1)
        self._kill = kill
        self._counts: Counter[str] = Counter()

    async def around(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        self._counts[name] += 1
        number = self._counts[name]
        self._at("before", name, number)
        done = await call()
        self._at("after", name, number)
        return done

    def _at(self, side: str, name: str, number: int) -> None:
        with contextlib.suppress(OSError):  # where no file can grow
            self._trace.write(f"{side} {name} {number}\n")
        if (side, name, number) == self._kill:
            os.kill(os.getpid(), signal.SIGKILL)


class CountedDatabase:
    """A database whose writes are steps named after the unit of work."""

    def __init__(self, database: Database, steps: Steps) -> None:
        self._database = database
        self._steps = steps
        self.dialect = database.dialect

    @property
    def on_refused(self) -> Observer | None:
        return self._database.on_refused

    @on_refused.setter
    def on_refused(self, told: Observer | None) -> None:
        self._database.on_refused = told

    @property
    def on_unwritable(self) -> Callable[[str], None] | None:
        return self._database.on_unwritable

    @on_unwritable.setter
    def on_unwritable(self, told: Callable[[str], None] | None) -> None:
        self._database.on_unwritable = told

    async def write(self, unit: Unit[T]) -> T:
        name = _name(unit)
        if name in QUIET:
            return await self._database.write(unit)
        return await self._steps.around(f"db.{name}", lambda: self._database.write(unit))

    async def read(self, unit: Unit[T]) -> T:
        return await self._database.read(unit)

    async def close(self) -> None:
        await self._database.close()


class CountedApp:
    """The GitHub App; the writes of its installations are steps."""

    def __init__(self, app: GitHubApp, steps: Steps) -> None:
        self._app = app
        self._steps = steps

    def installation(self, installation_id: int) -> Any:
        return Counted(self._app.installation(installation_id), self._steps, "github", GITHUB_WRITES)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)


class Counted:
    """A client, the ``writes`` of which are steps."""

    def __init__(self, inner: Any, steps: Steps, where: str, writes: tuple[str, ...]) -> None:
        self._inner = inner
        self._steps = steps
        self._where = where
        self._writes = writes

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in self._writes:
            return method

        async def step(*arguments: Any, **named: Any) -> Any:
            return await self._steps.around(f"{self._where}.{name}", partial(method, *arguments, **named))

        return step


def _name(unit: Unit[Any]) -> str:
    """Of the method that made the unit: ``Outward._done``."""
    inner = unit.func if isinstance(unit, partial) else unit
    return str(getattr(inner, "__qualname__", "unit")).partition(".<locals>")[0]
