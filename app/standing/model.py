"""A version of a policy and its standing."""

from __future__ import annotations

import msgspec

from app.rebuild.policies import PolicyRow
from app.standing.messages import COUNTING, State


class Standing(msgspec.Struct, frozen=True):
    """What log and table say of one version. ``differences`` is where they do not say the same: it then counts for
    nothing, whatever either says."""

    rows: tuple[PolicyRow, ...] = ()
    differences: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        if self.differences:
            return "differs"
        known = {row.state for row in self.rows}
        states: tuple[State, ...] = (*COUNTING, "proposed")
        return next((state for state in states if state in known), "unknown")

    @property
    def counts(self) -> bool:
        return self.state in COUNTING

    def step(self, state: State) -> PolicyRow | None:
        return next((row for row in self.rows if row.state == state), None)
