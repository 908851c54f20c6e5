"""Random histories of whole repositories: policies, labels, delegations, broken glasses and their reviews, deployments.

Whatever people and the network do, what passes was agreed to by those whom the policy asks, or broken by two of them
and owed for. ``COUNTERSIGN_HISTORIES`` and ``COUNTERSIGN_STEPS`` make runs longer.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.glass.lapsing import Lapses
from tests.stateful.acts import ENDING, INCIDENT, LETTING, TRAPS
from tests.stateful.cases import SECOND
from tests.stateful.histories import MEMBERS, PEOPLE
from tests.stateful.playground import ENVIRONMENTS, KINDS, LOOSE, Desk
from tests.stateful.powers import Powers
from tests.stateful.watch import Watch

EXAMPLES = int(os.environ.get("COUNTERSIGN_HISTORIES", "15"))
STEPS = int(os.environ.get("COUNTERSIGN_STEPS", "16"))

people = st.sampled_from(PEOPLE)
approvers = st.sampled_from(("bob", "carol", "dana", "bob", "carol", "alice", "mallory"))
named = st.sampled_from((ENVIRONMENTS, ENVIRONMENTS, ("production",), ("staging",)))
environments = st.sampled_from(("production", "production", "staging"))
members = st.sampled_from([(team, who) for team, found in MEMBERS.items() for who in sorted(found)])
incidents = st.sampled_from((INCIDENT, INCIDENT, "CHG0099999"))
small = st.integers(0, 7)


def act(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(st.just(name), *arguments)


said = st.one_of(
    act("approve", approvers, named),
    act("approve", people, named, small),
    act("review", approvers, st.sampled_from(("APPROVED", "APPROVED", "CHANGES_REQUESTED"))),
    act("withhold", people, st.sampled_from(("reject", "hold", "revoke", "revoke"))),
    act("unhold", people),
    act("delegate", approvers, people, named),
    act("spoil", small, st.sampled_from(("edit", "delete")), people),
)
done = st.one_of(
    act("push", people, st.sampled_from(("release", "readme", "readme", "source"))),
    act("force_back", people, small),
    act("close_and_reopen", people),
    act("retarget_and_back", people),
    act("label", people, st.booleans()),
    act("merge", people, st.sampled_from(("merge", "squash"))),
    act("policy", st.sampled_from(KINDS), st.just(True)),
    act("policy", st.sampled_from(KINDS), st.just(False)),
    members.map(lambda member: ("leave", *member)),
    st.tuples(members, people).map(lambda both: ("join", *both[0], both[1])),
)
signed: st.SearchStrategy[tuple[str, str, str, dict[str, Any]]] = st.one_of(
    st.tuples(approvers, st.just("approve"), environments, st.just({})),
    st.tuples(people, st.sampled_from(("reject", "hold")), environments, st.just({})),
    st.tuples(approvers, st.just("break-glass"), environments, st.fixed_dictionaries({"incident": incidents})),
    st.tuples(
        approvers, st.just("delegate"), environments,
        st.fixed_dictionaries({"to": people, "scope": st.sampled_from(("release", "repository"))}),
    ),
)  # fmt: skip


def noted(act: Any) -> Any:
    """Keeps the first thing that did not hold, whatever comes out when the history is played again."""

    @functools.wraps(act)
    def keep(self: Histories, *arguments: Any, **named: Any) -> None:
        try:
            act(self, *arguments, **named)
        except Exception as error:
            self.failed.append(f"{type(error).__name__}: {error}\n{self.powers.told()}")
            raise

    return keep


@pytest.fixture(scope="module")
def watch(desk: Desk) -> Watch:
    return Watch(desk.lively)


class Histories(RuleBasedStateMachine):
    """Rules act at GitHub, sign and ask; the invariants hold after each, once the service has caught up."""

    desk: Desk
    watch: Watch
    failed: ClassVar[list[str]]

    def __init__(self) -> None:
        super().__init__()
        self.lively = self.desk.lively
        self.held_back = False
        self.in_doubt = False

    @initialize(kind=st.sampled_from(("plain", "keep", "plain", "strict")), letting=st.sampled_from(sorted(LETTING)))
    def begin(self, kind: str, letting: str) -> None:
        self.powers = Powers(self.desk, kind)
        LETTING[letting](self.powers)
        self.lively.settle()

    # What people do

    @rule(letting=st.sampled_from(sorted(LETTING)))
    def let(self, letting: str) -> None:
        LETTING[letting](self.powers)

    @rule(letting=st.sampled_from(sorted(LETTING)))
    def let_again(self, letting: str) -> None:
        self.let(letting)

    @rule(ending=st.sampled_from(sorted(ENDING)))
    def end(self, ending: str) -> None:
        ENDING[ending](self.powers)

    @rule(trap=st.sampled_from(sorted(set(TRAPS) - {"the clock is behind the log"})))
    def trap(self, trap: str) -> None:
        TRAPS[trap](self.powers)

    @rule(word=said)
    def say(self, word: tuple[Any, ...]) -> None:
        getattr(self.powers, word[0])(*word[1:])

    @rule(word=signed)
    def sign(self, word: tuple[str, str, str, dict[str, Any]]) -> None:
        who, decision, environment, more = word
        self.powers.sign(who, decision, environment, **more)

    @rule(deed=done)
    def do(self, deed: tuple[Any, ...]) -> None:
        getattr(self.powers, deed[0])(*deed[1:])

    @rule(author=st.sampled_from(("alice", "alice", "mallory", "bob")), same=st.booleans())
    def propose(self, author: str, same: bool) -> None:
        if not self.powers.case.open:
            self.powers.propose(author, same)

    @rule(kind=st.sampled_from(("plain", "keep")))
    def mend(self, kind: str) -> None:
        """A policy that counts, and a release that nothing was said about."""
        if self.powers.kind != self.powers.counting:
            self.powers.policy(kind, True)
        if not self.powers.case.open:
            self.powers.propose("alice")

    @rule(who=st.sampled_from(("dana", "bob", "mallory", "carol")), index=small)
    def review_glass(self, who: str, index: int) -> None:
        self.powers.review_glass(who, index)

    # What pipelines do

    @rule(environment=environments, method=st.sampled_from(("merge", "squash")), twice=st.booleans())
    @noted
    def deploy(self, environment: str, method: Any, twice: bool) -> None:
        """Merge what is green, ask and redeem."""
        self.lively.settle()
        if self.watch.is_green(self.powers):
            self.powers.merge("bob", method)
        for _ in range(1 + twice):
            self.watch.ask(self.powers, environment, self.sure)
        for _ in range(1 + twice):
            self.watch.redeem(self.powers, -1)

    @rule(environment=environments)
    @noted
    def ask(self, environment: str) -> None:
        self.watch.ask(self.powers, environment, self.sure)

    @rule(index=small)
    @noted
    def redeem(self, index: int) -> None:
        self.watch.redeem(self.powers, index)

    # Time, and trouble

    @rule(hours=st.sampled_from((0.1, 1, 3, 7, 40, 71)))
    def wait(self, hours: float) -> None:
        self.powers.tell(f"{hours} h pass")
        self.lively.pass_time(hours * 3600)

    @rule()
    def hourly(self) -> None:
        service = self.lively.service
        self.lively.run(Lapses(service.database, service.tenants, self.lively.clock, service.runner.wake)())

    @rule(minutes=st.sampled_from((1, 30, 600)), environment=environments)
    @noted
    def set_the_clock_back(self, minutes: int, environment: str) -> None:
        """And look at everything, and ask; then the clock is right again."""
        self.lively.settle()
        right = self.lively.now
        self.powers.tell(f"the clock is set back by {minutes} min")
        self.lively.now -= minutes * 60_000_000
        powers = self.powers
        powers.github.comment(powers.repository, powers.case.number, by="mallory", body="/recheck")
        self.lively.settle()
        told = powers.ask(environment)
        assert told is None or told["decision"] != "allow", powers.told()
        self.lively.now = max(right, self.lively.now) + 2_000_000
        powers.github.comment(powers.repository, powers.case.number, by="mallory", body="/recheck")

    @rule(kind=st.sampled_from(("restart", "double", "lose", "hold back")), count=st.integers(1, 3))
    def trouble(self, kind: str, count: int) -> None:
        self.powers.tell(f"trouble: {kind} {count}")
        github = self.lively.github
        if kind == "restart":
            self.lively.restart()
        elif kind == "double":
            github.double_next(count)
        elif kind == "lose":
            github.lose_next(count)
            self.in_doubt = self.powers.unclear = True
        elif not self.held_back:
            github.deliveries.pause()
            self.held_back = self.powers.unclear = True

    @rule()
    def sweep(self) -> None:
        self.lively.github.deliveries._fates.clear()
        self.release()
        self.lively.settle()
        self.powers.tell("a sweep")
        self.lively.sweep()
        self.in_doubt = self.powers.unclear = False

    @precondition(lambda self: self.held_back)
    @rule()
    def release(self) -> None:
        self.lively.github.deliveries.resume()
        self.held_back = False
        self.lively.settle()
        self.powers.unclear = self.in_doubt

    # What holds

    @property
    def sure(self) -> bool:
        return not self.held_back and not self.in_doubt

    @invariant()
    @noted
    def what_passes_was_agreed_to_and_is_on_record(self) -> None:
        if hasattr(self, "powers"):
            self.watch.look(self.powers, self.sure)

    def teardown(self) -> None:
        self.lively.github.deliveries._fates.clear()
        self.lively.github.deliveries.resume()
        if hasattr(self, "powers"):
            self.watch.end(self.powers)


@pytest.mark.parametrize("letting", LETTING)
def test_what_let_a_release_pass_ends_when_it_has_to(desk: Desk, watch: Watch, letting: str) -> None:
    """By the check, and by the gate once it is merged all the same."""
    pairs = [(ending, kind) for ending in sorted(ENDING) for kind in LOOSE]
    for ending, kind in pairs if EXAMPLES > 15 else random.Random(letting).sample(pairs, 8):
        powers = Powers(desk, kind)
        LETTING[letting](powers)
        watch.look(powers)
        assert watch.is_green(powers), powers.told()
        ENDING[ending](powers)
        watch.look(powers)
        powers.merge("bob", "merge")
        watch.ask(powers, "production")
        watch.end(powers)


@pytest.mark.parametrize("trap", TRAPS)
def test_what_looks_like_enough_is_not(desk: Desk, watch: Watch, trap: str) -> None:
    powers, right = Powers(desk, "plain"), desk.lively.now
    TRAPS[trap](powers)
    watch.look(powers)
    assert not watch.is_green(powers), powers.told()
    powers.merge("mallory", "merge")
    assert watch.ask(powers, "production") != "allow", powers.told()
    desk.lively.now = max(right, desk.lively.now) + 7200 * SECOND
    watch.end(powers)


def test_random_histories_of_what_a_policy_can_say_keep_the_invariants(desk: Desk, watch: Watch) -> None:
    class Machine(Histories):
        pass

    Machine.desk, Machine.watch, Machine.failed = desk, watch, []
    with contextlib.suppress(Flaky):
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=EXAMPLES <= 15,
                suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate),
                database=None,
            ),
        )  # fmt: skip
    assert not Machine.failed, Machine.failed[0]
    assert {"green", "gate allow"} <= set(watch.seen), watch.seen
