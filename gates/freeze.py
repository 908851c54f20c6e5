"""The freeze gate: no freeze of either policy, nor the manifest's own window, stands against deploying now."""

from __future__ import annotations

from gates.case import Case, Finding, judged
from gates.model import Result
from gates.window import beginnings, within
from gates.words import instant, listing
from manifests.policy import Freeze


def freeze(case: Case) -> Finding:
    """Deploying waits during a freeze; merging only hears of it."""
    at, deploy = case.snapshot.at, case.snapshot.question == "deploy"
    freezes = _freezes(case)
    now = [item for item in freezes if item.start <= at < item.end]
    if not deploy:
        mention = f" Deploying waits: {listing([_said(item) for item in now])}." if now else ""
        return Finding(Result("freeze", "pass", f"A freeze does not stop merging.{mention}"))
    moments = [moment for item in freezes for moment in beginnings(at, item.start, item.end)]
    results = [Result("freeze", "wait", f"{_said(item)}.", f"Deploy after {instant(item.end)}.") for item in now]
    manifest = case.snapshot.release.manifest
    if manifest is not None and (window := manifest.change.window) is not None:
        moments += beginnings(at, window.start, window.end)
        if (result := within(at, window.start, window.end, "the release")) is not None:
            results.append(result)
    good = "No freeze or window stands against deploying now."
    return Finding(judged("freeze", good, results), tuple(sorted(moments)))


def _freezes(case: Case) -> list[Freeze]:
    environment = case.snapshot.environment.casefold()
    found = [
        item
        for policy in (case.policies.tenant, case.policies.repository)
        if policy is not None
        for item in policy.freezes
        if not item.environments or environment in {name.casefold() for name in item.environments}
    ]
    return sorted(found, key=lambda item: (item.end, item.start, item.name))


def _said(item: Freeze) -> str:
    return f"the freeze {item.name} lasts until {instant(item.end)}"
