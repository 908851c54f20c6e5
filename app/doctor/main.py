"""`countersign doctor`: every examination, told with its remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from app.cli.exits import NO, YES
from app.cli.terminal import mark, plain
from app.clock import now
from app.doctor import database, identity, log, machine, neighbours, policies, sinks
from app.doctor.model import Examination, Finding, Patient, Report, problem
from app.logging import redact_text
from app.settings import SettingsError, load

EXAMINATIONS: Final[Mapping[str, Examination]] = MappingProxyType(
    {
        "settings": machine.complete,
        "public address": machine.public_url,
        "console": machine.console,
        "server keys": machine.server_keys,
        "tenant policies": machine.policies,
        "directories": machine.data_directory,
        "database": database.database,
        "append-only triggers": database.guarded,
        "audit log": log.verified,
        "copies of the log": sinks.sinks,
        "backup": log.backups,
        "neighbours": neighbours.simulators,
        "GitHub App": neighbours.github_app,
        "installations": neighbours.installations,
        "policies that count": policies.counting,
        "ServiceNow": neighbours.servicenow,
        "identity provider": identity.identity,
    }
)
_MARKS: Final = {"ok": "pass", "problem": "fail", "unasked": "wait"}


def run(config: Path | None, *, as_json: bool) -> int:
    """Print the report; the exit code."""
    report = asyncio.run(examine_file(config))
    if as_json:
        print(msgspec.json.encode(report).decode())
    else:
        for finding in report.findings:
            print(f"{mark(_MARKS[finding.status])} {plain(finding.name)}: {plain(finding.summary)}")
            if finding.remedy:
                print(f"  → {plain(finding.remedy)}")
    return YES if report.ok else NO


async def examine_file(config: Path | None) -> Report:
    """The report on the settings as loaded; when they are refused, on that alone."""
    try:
        settings = load(config)
    except SettingsError as error:
        return _report([problem(item.path or "settings", item.message, item.remedy) for item in error.problems])
    return await examine(Patient(settings, now))


async def examine(patient: Patient, examinations: Mapping[str, Examination] = EXAMINATIONS) -> Report:
    """Every examination's findings, in the order of the table. An examination that breaks is a problem."""
    found = await asyncio.gather(*(_one(name, ask, patient) for name, ask in examinations.items()))
    return _report([finding for findings in found for finding in findings])


async def _one(name: str, ask: Examination, patient: Patient) -> tuple[Finding, ...]:
    try:
        return await ask(patient)
    except Exception as error:
        text = redact_text(f"it could not be examined: {type(error).__name__}: {error}")
        return (problem(name, text, "Report this: the doctor should have an answer."),)


def _report(findings: list[Finding]) -> Report:
    return Report(all(finding.status != "problem" for finding in findings), tuple(findings))
