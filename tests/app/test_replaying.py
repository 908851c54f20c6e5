"""Decisions that the first release stored: replayed by this one they decide the same, in other words or not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from app.blobs.store import BlobStore
from app.db.tx import Tx
from app.decisions import replaying, snapshots
from app.decisions import store as decisions
from app.decisions.snapshots import SnapshotEncoder
from app.decisions.store import StoredDecision
from gates.model import Result, Verdict
from manifests import canonical
from tests.db.opened import opened
from tests.gates.builders import alter
from tests.gates.golden import Golden
from tests.gates.test_golden import FIRST, stored

BLOBS = BlobStore(lambda: 7)
ALLOWED = "deploy-allowed"
Alter = Callable[[Verdict], Verdict]


def keep(tx: Tx, golden: Golden) -> StoredDecision:
    """As the release that decided it wrote it down."""
    encoded = SnapshotEncoder().encode(golden.policies, golden.snapshot)
    snapshots.save(tx, BLOBS, encoded)
    verdict = golden.verdict
    decision = StoredDecision(
        "d" * 32, "acme", "", verdict.question, verdict.environment, verdict.outcome, encoded.digest,
        BLOBS.put(tx, "verdict", canonical.encode(verdict)), "b2" * 20, golden.snapshot.at, 0, "token:pipeline",
    )  # fmt: skip
    decisions.insert(tx, decision)
    return decision


@pytest.mark.parametrize("name", [ALLOWED, "head-moved-on", "no-rule"])
async def test_what_the_first_release_decided_comes_out_the_same_though_it_is_worded_otherwise(
    database_url: str, name: str
) -> None:
    golden = stored(FIRST / f"{name}.json")
    async with opened(database_url) as database:
        decision = await database.write(partial(keep, golden=golden))
        found = await database.read(lambda tx: replaying.replay(tx, BLOBS, decision))
    assert (found.same, found.stored) == (True, golden.verdict)
    assert found.wording == ("same" if found.today == golden.verdict else "changed")
    assert found.wording == {ALLOWED: "changed", "head-moved-on": "changed", "no-rule": "same"}[name]


def deeper(verdict: Verdict, change: Callable[[Result], Result]) -> Verdict:
    """The verdict with the first child of its approvals changed."""
    at = next(number for number, result in enumerate(verdict.results) if result.name == "approvals")
    approvals = verdict.results[at]
    children = (change(approvals.children[0]), *approvals.children[1:])
    results = list(verdict.results)
    results[at] = alter(approvals, children=children)
    return alter(verdict, results=tuple(results))


REWORDED: dict[str, Alter] = {
    "a summary": lambda verdict: deeper(verdict, lambda child: alter(child, summary="filled")),
    "a remedy": lambda verdict: deeper(verdict, lambda child: alter(child, remedy="ask")),
    "who may act": lambda verdict: deeper(verdict, lambda child: alter(child, who="risk")),
    "what would change it": lambda verdict: deeper(verdict, lambda child: alter(child, changes="a push")),
    "when to look again": lambda verdict: alter(verdict, recheck_at=1),
}
DECIDED: dict[str, Alter] = {
    "the outcome": lambda verdict: alter(verdict, outcome="wait"),
    "the question": lambda verdict: alter(verdict, question="merge"),
    "the environment": lambda verdict: alter(verdict, environment="staging"),
    "the revision": lambda verdict: alter(verdict, revision="0" * 64),
    "the effective rule": lambda verdict: alter(verdict, effective_rule="0" * 64),
    "who fills the seats": lambda verdict: alter(verdict, persons=verdict.persons[1:]),
    "a gate gone": lambda verdict: alter(verdict, results=verdict.results[1:]),
    "gates in another order": lambda verdict: alter(verdict, results=verdict.results[::-1]),
    "a name deep down": lambda verdict: deeper(verdict, lambda child: alter(child, name="x")),
    "a status deep down": lambda verdict: deeper(verdict, lambda child: alter(child, status="waived")),
    "a child more": lambda verdict: deeper(verdict, lambda child: alter(child, children=(child,))),
}


@pytest.mark.parametrize("name", [*REWORDED, *DECIDED])
def test_only_what_decides_makes_a_replay_another(name: str) -> None:
    today = stored(FIRST / f"{ALLOWED}.json").verdict
    before = {**REWORDED, **DECIDED}[name](today)
    assert before != today
    found = replaying.compared(canonical.encode(before), today)
    assert (found.same, found.wording) == (name in REWORDED, "changed")
    assert replaying.compared(canonical.encode(today), today).wording == "same"
