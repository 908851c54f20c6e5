"""What every gate is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from gates.model import Policies, Result, Snapshot, Status
from gates.terms import EffectiveRule, NoRule
from manifests.release import Artifact

MAX_CHILDREN = 100
"""A report can have thousands of findings; nobody reads more of them, and the snapshot has them all."""

SEVERITY: tuple[Status, ...] = ("pass", "waived", "wait", "fail", "error")


class Case(msgspec.Struct, frozen=True):
    """One question about one snapshot, with the rule that applies to it."""

    policies: Policies
    snapshot: Snapshot
    rule: EffectiveRule | NoRule

    def artifacts(self) -> tuple[Artifact, ...]:
        """The manifest's artifacts for this environment; none when the manifest is unreadable."""
        manifest = self.snapshot.release.manifest
        return manifest.artifacts_for(self.snapshot.environment) if manifest else ()


class Finding(msgspec.Struct, frozen=True):
    """A gate's result, the instants at which the clock alone could change it, and who fills its seats."""

    result: Result
    changes_at: tuple[int, ...] = ()
    persons: tuple[str, ...] = ()


Gate = Callable[[Case], Finding]


def worst(results: Iterable[Result]) -> Status:
    """The most severe status among the results; ``pass`` when there are none."""
    statuses = {result.status for result in results}
    return next((status for status in reversed(SEVERITY) if status in statuses), "pass")


def holds(result: Result) -> bool:
    return result.status in ("pass", "waived")


def judged(name: str, good: str, results: Iterable[Result], remedy: str = "") -> Result:
    """One result from many: ``good`` when all pass, else what does not, as children in their order.

    A single trouble is said in the parent too, so that a one-line view needs no children. Where the rest holds, what
    is waived stays to be seen.
    """
    found = tuple(results)
    bad = tuple(result for result in found if not holds(result))
    if not bad:
        waived = tuple(result for result in found if result.status == "waived")
        return (
            Result(name, "waived", waived[0].summary, children=_most(waived)) if waived else Result(name, "pass", good)
        )
    status = worst(bad)
    first = next(result for result in bad if result.status == status)
    more = f" ({len(bad) - 1} more below.)" if len(bad) > 1 else ""
    return Result(name, status, first.summary + more, remedy or first.remedy, _most(bad))


def _most(results: tuple[Result, ...]) -> tuple[Result, ...]:
    """As many as are told one by one, and how many more there are."""
    rest = results[MAX_CHILDREN:]
    if not rest:
        return results
    summary = f"{len(rest)} more {'is' if len(rest) == 1 else 'are'} left out here."
    return (*results[:MAX_CHILDREN], Result("more", worst(rest), summary, rest[0].remedy))
