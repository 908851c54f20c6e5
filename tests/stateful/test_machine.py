"""Random histories over the real service: whatever people and the network do, what passes was agreed to by two.

``COUNTERSIGN_HISTORIES`` and ``COUNTERSIGN_STEPS`` make runs longer.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from app.db.tx import Tx
from tests.stateful.histories import MEMBERS, PEOPLE, History
from tests.stateful.lively import Lively
from tests.stateful.oracle import Log, may_pass

EXAMPLES = int(os.environ.get("COUNTERSIGN_HISTORIES", "40"))
STEPS = int(os.environ.get("COUNTERSIGN_STEPS", "14"))

people = st.sampled_from(PEOPLE)
approvers = st.sampled_from(("bob", "carol", "dana", "bob", "carol", "alice"))
members = st.sampled_from([(team, who) for team, found in MEMBERS.items() for who in sorted(found)])
small = st.integers(0, 7)


class Histories(RuleBasedStateMachine):
    """Rules act at GitHub; the invariants hold after each, once the service has caught up."""

    lively: Lively

    def __init__(self) -> None:
        super().__init__()
        self.history = History(self.lively)
        self.held_back = False
        self.in_doubt = False
        self.checked: set[int] = set()
        self.lively.settle()

    @rule(who=approvers)
    def approve(self, who: str) -> None:
        self.history.approve(who)

    @rule(who=approvers)
    def approve_by_review(self, who: str) -> None:
        self.history.review(who, "APPROVED")

    @rule(who=people, index=small)
    def approve_some_head(self, who: str, index: int) -> None:
        self.history.approve(who, index)

    @rule(who=approvers)
    def request_changes(self, who: str) -> None:
        self.history.review(who, "CHANGES_REQUESTED")

    @rule(who=people, verb=st.sampled_from(("reject", "hold", "revoke")))
    def withhold(self, who: str, verb: str) -> None:
        self.history.withhold(who, verb)

    @rule(who=people)
    def unhold(self, who: str) -> None:
        self.history.unhold(who)

    @rule(index=small, how=st.sampled_from(("edit", "delete")), by=people)
    def spoil(self, index: int, how: str, by: str) -> None:
        self.history.spoil(index, how, by)

    @rule(who=people)
    def push(self, who: str) -> None:
        self.history.push(who)

    @rule(who=people, index=small)
    def force_back(self, who: str, index: int) -> None:
        self.history.force_back(who, index)

    @rule(who=people)
    def close_and_reopen(self, who: str) -> None:
        self.history.close_and_reopen(who)

    @rule(who=people)
    def retarget_and_back(self, who: str) -> None:
        self.history.retarget_and_back(who)

    @rule(member=members)
    def leave(self, member: tuple[str, str]) -> None:
        self.history.leave(*member)

    @rule(member=members, by=people)
    def join(self, member: tuple[str, str], by: str) -> None:
        self.history.join(*member, by)

    @rule(hours=st.sampled_from((0.1, 5, 40, 71)))
    def wait(self, hours: float) -> None:
        self.lively.pass_time(hours * 3600)

    @rule(count=st.integers(1, 3))
    def double(self, count: int) -> None:
        self.lively.github.double_next(count)

    @rule(count=st.integers(1, 2))
    def lose(self, count: int) -> None:
        self.lively.github.lose_next(count)
        self.in_doubt = True

    @rule()
    def sweep(self) -> None:
        self.lively.github.deliveries._fates.clear()
        self.release()
        self.lively.sweep()
        self.in_doubt = False

    @precondition(lambda self: not self.held_back)
    @rule()
    def hold_back(self) -> None:
        """Deliveries wait, and go out together later."""
        self.lively.github.deliveries.pause()
        self.held_back = True

    @precondition(lambda self: self.held_back)
    @rule()
    def release(self) -> None:
        self.lively.github.deliveries.resume()
        self.held_back = False

    @invariant()
    def what_is_green_was_agreed_to(self) -> None:
        self.lively.settle()
        run = self.lively.latest(self.history.pull)
        if not self.held_back and not self.in_doubt and run is not None and run.conclusion == "success":
            assert may_pass(self.history), self.history.told()

    @invariant()
    def every_allow_is_sound_by_the_log_and_replays(self) -> None:
        self.lively.settle()
        self.lively.read(self._read)

    def _read(self, tx: Tx) -> None:
        log = Log(tx, self.lively.service.blobs, f"{self.history.folder}/release.yaml")
        allows = log.allows()
        for allow in allows:
            if allow["seq"] not in self.checked:
                assert log.sound(allow), allow
                assert log.replays(allow), allow
                self.checked.add(allow["seq"])
        recorded = {allow["data"]["head"] for allow in allows}
        for head in self.history.heads:
            for run in self._green(head):
                assert head in recorded, f"green without a record: {run.name}: {run.title}\n{self.history.told()}"

    def _green(self, head: str) -> list[Any]:
        runs = self.lively.github.checks("acme/models", head)
        return [run for run in runs if run.conclusion == "success"]

    def teardown(self) -> None:
        self.lively.github.deliveries._fates.clear()
        self.lively.github.deliveries.resume()
        self.history.restore_teams()
        self.lively.settle()
        if self.history.pull.state == "open":
            self.lively.github.close_pull("acme/models", self.history.number, by="mallory")
        self.lively.settle()


def test_random_histories_keep_the_invariants(lively: Lively) -> None:
    class Machine(Histories):
        pass

    Machine.lively = lively
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=EXAMPLES <= 40,
            suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate),
            database=None,
        ),
    )  # fmt: skip
