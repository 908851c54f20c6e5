"""``gates.decide`` alone, on a deployment question with 20 grants over 10 seats."""

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

GROUPS = 5
SEATS_EACH = 2
GRANTS = 20
ROUNDS = 15


async def measure(quick: bool) -> Sequence[Measured]:
    policies, snapshot = crowded()
    verdict = decide(policies, snapshot)
    if verdict.outcome != "allow":
        raise RuntimeError(f"expected an allow, found {verdict.outcome} for {verdict.failing()}")
    took = await asyncio.to_thread(_median_ms, policies, snapshot, 50 if quick else 300)
    return [Measured("decide", took, "ms", "≤", 0.3)]


def crowded() -> tuple[Policies, Snapshot]:
    """The passing example with five groups of two seats each and four approvals for every group."""
    people = [member(100 + number, f"Person{number}") for number in range(GRANTS)]
    names = [f"group-{number}" for number in range(GROUPS)]
    rule = alter(RULE, seats=tuple(Seat(name, SEATS_EACH, "attested", ("review", "command")) for name in names))
    assert POLICIES.repository is not None
    policy = alter(
        POLICIES.repository, rules=(rule,), groups={name: Group(github_team=f"acme/{name}") for name in names}
    )
    policies = alter(POLICIES, repository=policy)
    groups = tuple(GroupFacts(name, tuple(people[nth::GROUPS]), SNAPSHOT.at) for nth, name in enumerate(names))
    consents = tuple(
        consent(who, names[nth % GROUPS], strength="attested", way="command") for nth, who in enumerate(people)
    )
    return policies, under(policies, alter(SNAPSHOT, groups=groups, consents=consents))


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
