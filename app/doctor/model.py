"""A finding of the doctor: what is well, or what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

import msgspec

from app.clock import Clock
from app.settings.model import Settings

FindingStatus = Literal["ok", "problem", "unasked"]


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """``unasked``: it could not be asked, because something before it is wrong or it is not set up."""

    name: str
    status: FindingStatus
    summary: str
    remedy: str = ""


class Report(msgspec.Struct, frozen=True):
    ok: bool
    findings: tuple[Finding, ...]


class Patient(msgspec.Struct, frozen=True):
    """What is examined."""

    settings: Settings
    clock: Clock


Examination: TypeAlias = Callable[[Patient], Awaitable[tuple[Finding, ...]]]


def ok(name: str, summary: str) -> Finding:
    return Finding(name, "ok", summary)


def problem(name: str, summary: str, remedy: str) -> Finding:
    return Finding(name, "problem", summary, remedy)


def unasked(name: str, summary: str) -> Finding:
    return Finding(name, "unasked", summary)
