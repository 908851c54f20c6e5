"""The outcome of working on a pull request, before it is written down."""

from __future__ import annotations

import msgspec

from app.clock import SECOND
from app.facts.view import PullView
from app.inbox.store import StoredDelivery
from app.pulls.observe import Said
from app.pulls.situation import Consented, Note
from app.pulls.store import Head, Observation, Repository
from app.rebuild.pull import PullSaid
from app.releases.store import StoredRelease
from app.reminders.due import awaited, next_due
from app.tenants.registry import Tenant
from gates.model import Outcome, Snapshot, Verdict

UNREAD_S = 60


class Evaluation(msgspec.Struct, frozen=True):
    """The outcome of working on a pull request, about to be committed. ``said`` is what the log said before."""

    tenant: Tenant
    repository: Repository
    view: PullView
    releases: dict[str, StoredRelease]
    before: tuple[StoredRelease, ...]
    deliveries: tuple[StoredDelivery, ...]
    heads: tuple[Head, ...]
    fresh: tuple[tuple[Observation, Said], ...]
    consented: Consented
    verdicts: tuple[tuple[str, Snapshot, Verdict], ...]
    notes: tuple[Note, ...]
    now: int
    public_url: str
    said: PullSaid

    @property
    def outcome(self) -> Outcome:
        outcomes = {verdict.outcome for _, _, verdict in self.verdicts}
        return "deny" if "deny" in outcomes else "wait" if "wait" in outcomes else "allow"

    @property
    def due(self) -> int | None:
        """When the clock alone can change a verdict, or somebody has to be reminded."""
        moments = [verdict.recheck_at for _, _, verdict in self.verdicts if verdict.recheck_at]
        if any(group.problem for release in self.view.releases for found in release.groups.values() for group in found):
            # Nobody tells us when a group can be read again.
            moments.append(self.now + UNREAD_S * SECOND)
        moments += [moment for moment in map(self._reminds_at, self.verdicts) if moment]
        return min(moments, default=None) if self.view.facts.state == "open" else None

    def _reminds_at(self, judged: tuple[str, Snapshot, Verdict]) -> int | None:
        path, snapshot, verdict = judged
        release = self.view.release(path)
        deadline = awaited(release.rules.get(snapshot.environment) if release else None, snapshot, verdict)
        return None if deadline is None else next_due(deadline, snapshot.release.head_since, self.now)
