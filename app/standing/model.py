"""The versions of a policy on one branch, and which of them counts."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.clock import SECOND
from app.rebuild.policies import PolicyRow
from app.standing.messages import COUNTING, State


class Branch(msgspec.Struct, frozen=True):
    """What log and table say of a branch: ``rows`` in the order of the log, and after them those whose record is still
    on its way. ``differences`` is where the two do not say the same: nothing counts there then, whatever either says.
    """

    rows: tuple[PolicyRow, ...] = ()
    differences: tuple[str, ...] = ()

    @property
    def newest(self) -> PolicyRow | None:
        """The step by which the one version that counts came to count."""
        return _followed(self.rows)[0]

    def proposed(self, sha256: str) -> PolicyRow | None:
        """The step by which this version was proposed, if nobody confirmed it and none came to count since."""
        return _followed(self.rows)[1].get(sha256)

    def state(self, sha256: str) -> State:
        if self.differences:
            return "differs"
        newest, proposed = _followed(self.rows)
        if newest is not None and newest.sha256 == sha256:
            return "released" if newest.state == "released" else "adopted"
        if sha256 in proposed:
            return "proposed"
        older = any(row.sha256 == sha256 and row.state in COUNTING for row in self.rows)
        return "superseded" if older else "unknown"

    def counts(self, sha256: str) -> bool:
        return self.state(sha256) in COUNTING


def _followed(rows: Iterable[PolicyRow]) -> tuple[PolicyRow | None, dict[str, PolicyRow]]:
    """The newest step that made a version count, and what was proposed since, by its SHA-256.

    The order is the log's. A merge that is seen late is no news where another version came to count after it: it would
    bring back what was replaced. GitHub tells merges in whole seconds.
    """
    newest: PolicyRow | None = None
    proposed: dict[str, PolicyRow] = {}
    for row in rows:
        if row.state == "proposed":
            proposed[row.sha256] = row
        elif row.state == "adopted":
            first = proposed.get(row.sha256)
            if first is not None and first.by != row.by:
                newest, proposed = row, {}
        elif row.state == "released" and (newest is None or newest.at // SECOND <= row.at // SECOND):
            newest, proposed = row, {}
    return newest, proposed
