"""Whatever happens to pull requests, the tables are what the log says."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.rebuild.service import examine
from app.sandbox.world import REPOSITORY, TENANT
from tests.stateful.histories import PEOPLE, History
from tests.stateful.lively import Lively

ACTS = {
    "approve": lambda history, who: history.approve(who),
    "review": lambda history, who: history.review(who, "APPROVED"),
    "request changes": lambda history, who: history.review(who, "CHANGES_REQUESTED"),
    "hold": lambda history, who: history.withhold(who, "hold"),
    "reject": lambda history, who: history.withhold(who, "reject"),
    "unhold": lambda history, who: history.unhold(who),
    "push": lambda history, who: history.push(who),
    "force back": lambda history, who: history.force_back(who, 0),
    "edit": lambda history, who: history.spoil(0, "edit", who),
    "close and reopen": lambda history, who: history.close_and_reopen(who),
    "retarget": lambda history, who: history.retarget_and_back(who),
    "leave": lambda history, who: history.leave("senior-developers", who),
    "join": lambda history, who: history.join("risk", who, "mallory"),
    "double": lambda history, who: history.lively.github.double_next(2),
    "sweep": lambda history, who: history.lively.sweep(),
}


@settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.sampled_from(PEOPLE), st.booleans()), max_size=10))
def test_no_history_leaves_a_difference(lively: Lively, acts: list[tuple[str, str, bool]]) -> None:
    history = History(lively)
    lively.settle()
    for name, who, at_once in acts:
        ACTS[name](history, who)
        if not at_once:
            lively.settle()
    lively.settle()
    assert lively.read(lambda tx: examine(tx, TENANT)).differences == ()
    history.restore_teams()
    if history.pull.state == "open":
        lively.github.merge_pull(REPOSITORY, history.number, by="mallory")
    lively.settle()
    assert lively.read(lambda tx: examine(tx, TENANT)).differences == ()
