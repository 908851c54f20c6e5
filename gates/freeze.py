"""The freeze gate: no freeze of either policy, nor the manifest's own window, stands against deploying now."""

from __future__ import annotations

from gates.calendar import REMEDY, Times, times
from gates.case import Case, Finding, judged
from gates.emergency import approved_emergency
from gates.model import Result, Snapshot
from gates.window import beginnings, within
from gates.words import instant, listing
from manifests.policy import Freeze


def freeze(case: Case) -> Finding:
    """Deploying waits during a freeze; merging only hears of it. Whether a freeze recurs now has to be known."""
    at, deploy = case.snapshot.at, case.snapshot.question == "deploy"
    found = [(item, _times(item, case.snapshot)) for item in freezes(case)]
    now = sorted(((item, known.until) for item, known in found if known.until is not None), key=_place)
    if not deploy:
        mention = f" Deploying waits: {listing([_said(item, end) for item, end in now])}." if now else ""
        return Finding(Result("freeze", "pass", f"A freeze does not stop merging.{mention}"))
    moments = [moment for _, known in found for moment in known.changes_at]
    results = [_untold(name, why) for name, why in sorted({(item.name, k.problem) for item, k in found if k.problem})]
    if any(item.emergency for item, _ in now):
        number, why, changes = approved_emergency(case)
        moments += changes
        results += [_now(item, end, number, why) for item, end in now]
    else:
        results += [_now(item, end) for item, end in now]
    manifest = case.snapshot.release.manifest
    if manifest is not None and (window := manifest.change.window) is not None:
        moments += beginnings(at, window.start, window.end)
        if (result := within(at, window.start, window.end, "the release")) is not None:
            results.append(result)
    good = "No freeze or window stands against deploying now."
    return Finding(judged("freeze", good, results), tuple(sorted(moments)))


def freezes(case: Case) -> list[Freeze]:
    """The freezes of both policies that are for this environment."""
    environment = case.snapshot.environment.casefold()
    found = [
        item
        for policy in (case.policies.tenant, case.policies.repository)
        if policy is not None
        for item in policy.freezes
        if not item.environments or environment in {name.casefold() for name in item.environments}
    ]
    return sorted(found, key=lambda item: (item.end, item.start, item.name, item.emergency))


def _times(item: Freeze, snapshot: Snapshot) -> Times:
    if item.recurrence is not None:
        return times(item.recurrence, snapshot)
    on = item.start <= snapshot.at < item.end
    return Times(item.end if on else None, changes_at=beginnings(snapshot.at, item.start, item.end))


def _place(frozen: tuple[Freeze, int]) -> tuple[int, int, str, bool]:
    item, end = frozen
    return end, item.start, item.name, item.emergency


def _now(item: Freeze, end: int, emergency: str = "", why: str = "") -> Result:
    if item.emergency and emergency:
        return Result("freeze", "waived", f"{_said(item, end)}; {emergency} is an approved emergency change.")
    remedy = f"Deploy after {instant(end)}."
    if not item.emergency:
        return Result("freeze", "wait", f"{_said(item, end)}.", remedy)
    return Result(
        "freeze",
        "wait",
        f"{_said(item, end)}, and an approved emergency change would go through it, but {why}.",
        f"Deploy after {instant(end)}, or get an emergency change approved in ServiceNow.",
        changes=f"the end of the freeze at {instant(end)}, or an approved emergency change",
    )


def _untold(name: str, problem: str) -> Result:
    return Result("freeze", "error", f"Whether the freeze {name} is on now cannot be told: {problem}.", REMEDY)


def _said(item: Freeze, end: int) -> str:
    return f"the freeze {item.name} lasts until {instant(end)}"
