"""A process that dies before any of the steps by which keys change: in the database, or in the folder of keys."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from app.db.database import Database, Unit

T = TypeVar("T")
FILE_STEPS = frozenset({"link", "replace", "rename", "unlink", "pwrite", "ftruncate"})


class Killed(BaseException):
    """Nothing in the code under test may catch this."""


class Steps:
    """Counts, and calls ``die`` before step number ``at`` (from 0; None: never)."""

    def __init__(self, at: int | None, die: Callable[[], None]) -> None:
        self.count = 0
        self._at = at
        self._die = die

    def take(self) -> None:
        if self.count == self._at:
            self._die()
        self.count += 1


class CountedOs:
    """The operating system, with the steps that change files counted."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if name not in FILE_STEPS:
            return found

        def step(*args: Any) -> Any:
            self._steps.take()
            return found(*args)

        return step


class CountedDatabase:
    """A database of which the writes are counted; one more step stands after each."""

    def __init__(self, database: Database, steps: Steps) -> None:
        self.dialect = database.dialect
        self._database = database
        self._steps = steps

    async def write(self, unit: Unit[T]) -> T:
        self._steps.take()
        result = await self._database.write(unit)
        self._steps.take()
        return result

    async def read(self, unit: Unit[T]) -> T:
        return await self._database.read(unit)

    async def close(self) -> None:
        await self._database.close()


def raise_killed() -> None:
    raise Killed
