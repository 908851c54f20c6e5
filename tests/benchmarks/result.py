"""One measured number beside the number that was promised, and how they are printed."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Column, Table

from tests.benchmarks.calibration import REFERENCE, Calibration, calibrate

WRITTEN_TO = Path("build/benchmarks.json")


class Measured(msgspec.Struct, frozen=True):
    """A number as it was measured. ``bound`` says on which side of ``target`` it should be; a number without a
    target is for information. ``scaled`` False: a faster machine would not change it (a count, bytes).

    With a ``floor``, the target is what was aimed at on a quiet machine, and ``met`` compares with the floor, which
    moves with what the machine can do at the moment: see ``calibration.REFERENCE``.
    """

    name: str
    value: float
    unit: str
    bound: Literal["≥", "≤", ""] = ""
    target: float | None = None
    scaled: bool = True
    floor: float | None = None

    def limit(self, per_second: float) -> float | None:
        """What ``met`` compares with, on a machine that calibrates to this."""
        if self.floor is None:
            return self.target
        faster = per_second / REFERENCE
        return self.floor * faster if self.bound == "≥" else self.floor / faster

    def met(self, per_second: float) -> bool | None:
        limit = self.limit(per_second)
        if limit is None:
            return None
        return self.value >= limit if self.bound == "≥" else self.value <= limit


class Result(msgspec.Struct, frozen=True):
    """A line of build/benchmarks.json. ``target`` reads ``≥ 5000``, with a floor ``≥ 5000 [≥ 1234 here]``; ``met`` is
    null where nothing was promised.

    ``ratio`` is the value times (a duration) or over (a rate) the calibration's operations per second, so that
    it says how many calibration operations one unit costs, or how many units one operation buys.
    """

    name: str
    value: float
    unit: str
    target: str | None
    met: bool | None
    ratio: float | None = None
    calibration: Calibration | None = None


Benchmark = Callable[[bool], Awaitable[Sequence[Measured]]]
"""Measures; True asks for a short run."""


async def run(benchmark: Benchmark, quick: bool) -> list[Result]:
    """Calibrates, measures, and puts both together."""
    calibration = await asyncio.to_thread(calibrate)
    return [_result(measured, calibration) for measured in await benchmark(quick)]


def _result(measured: Measured, calibration: Calibration) -> Result:
    per = calibration.per_second
    target, met = _target(measured, per), measured.met(per)
    value = float(f"{measured.value:.4g}")
    if not measured.scaled:
        return Result(measured.name, value, measured.unit, target, met)
    seconds = {"ms": 1e-3, "s": 1.0}.get(measured.unit)
    ratio = measured.value / per if seconds is None else measured.value * seconds * per
    return Result(measured.name, value, measured.unit, target, met, float(f"{ratio:.4g}"), calibration)


def _target(measured: Measured, per_second: float) -> str | None:
    if measured.target is None:
        return None
    aimed = f"{measured.bound} {measured.target:g}"
    return aimed if measured.floor is None else f"{aimed} [{measured.bound} {measured.limit(per_second):.4g} here]"


def show(results: Iterable[Result]) -> None:
    table = Table(Column("benchmark", no_wrap=True), "value", "unit", "target", "met", "ratio")
    for result in results:
        met = {True: "yes", False: "[red]no[/red]", None: ""}[result.met]
        ratio = "" if result.ratio is None else f"{result.ratio:g}"
        table.add_row(result.name, f"{result.value:g}", result.unit, result.target or "", met, ratio)
    Console().print(table)


def write(results: Sequence[Result], path: Path = WRITTEN_TO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def main(benchmark: Benchmark, description: str | None) -> None:
    """The command line of a single benchmark."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="a short run, for trying it out")
    arguments = parser.parse_args()
    results = asyncio.run(run(benchmark, arguments.quick))
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(results).decode() + "\n")
    else:
        show(results)
