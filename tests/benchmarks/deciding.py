"""``gates.decide`` alone, on a deployment question: with 20 grants over 10 seats, and with 1,000 over 50."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence

from gates.decide import decide
from gates.model import GroupFacts, Policies, Snapshot
from manifests.policy import Group, Seat
from tests.benchmarks.result import Measured, main
from tests.gates.builders import POLICIES, RULE, SNAPSHOT, alter, consent, member, under

ROUNDS = 15


async def measure(quick: bool) -> Sequence[Measured]:
    found = []
    for name, case, times, target in (
        ("decide", crowded(groups=5, seats=2, grants=20), 50 if quick else 300, 0.3),
        ("decide.crowd", crowded(groups=25, seats=2, grants=1000), 3 if quick else 15, 5),
    ):
        verdict = decide(*case)
        if verdict.outcome != "allow":
            raise RuntimeError(f"expected an allow, found {verdict.outcome} for {verdict.failing()}")
        found.append(Measured(name, await asyncio.to_thread(_median_ms, *case, times), "ms", "≤", target))
    return found


def crowded(groups: int, seats: int, grants: int) -> tuple[Policies, Snapshot]:
    """The passing example with so many groups of so many seats each, and approvals of as many people in turn."""
    people = [member(100 + number, f"Person{number}") for number in range(grants)]
    names = [f"group-{number}" for number in range(groups)]
    rule = alter(RULE, seats=tuple(Seat(name, seats, "attested", ("review", "command")) for name in names))
    assert POLICIES.repository is not None
    policy = alter(
        POLICIES.repository, rules=(rule,), groups={name: Group(github_team=f"acme/{name}") for name in names}
    )
    policies = alter(POLICIES, repository=policy)
    facts = tuple(GroupFacts(name, tuple(people[nth::groups]), SNAPSHOT.at) for nth, name in enumerate(names))
    consents = tuple(
        consent(who, names[nth % groups], strength="attested", way="command") for nth, who in enumerate(people)
    )
    return policies, under(policies, alter(SNAPSHOT, groups=facts, consents=consents))


def _median_ms(policies: Policies, snapshot: Snapshot, times: int) -> float:
    found = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(times):
            decide(policies, snapshot)
        found.append((time.perf_counter() - started) / times * 1000)
    return statistics.median(found)


if __name__ == "__main__":
    main(measure, __doc__)
