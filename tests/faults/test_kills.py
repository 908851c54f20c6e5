"""Killed between any two steps and started again, the service ends where it would have ended, and does nothing twice.

``COUNTERSIGN_KILLS=all`` tries every step that the journey takes, not only the first of each kind.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.faults.journey import Deploy, Picture, by_pipeline, by_protection_rule, picture, play, verified
from tests.faults.running import Kill, running, staged

ALL = os.environ.get("COUNTERSIGN_KILLS") == "all"

WRITTEN = (
    "db.Inbox._flush", "db.PullEvaluator._evaluate", "db.Outward._prompted", "db.ChangeSync._write", "db.Gate._write",
    "db.Deployments.redeem", "db.Deployments.report",
)  # fmt: skip
RARE = (
    "db.RepositoryEvents.__call__", "db.WorkRunner._work", "db.People.persons", "db.Groups._members",
    "db.Outward._done", "db.Repair._mark",
)  # fmt: skip
SENT = (
    "github.create_check_run", "github.create_comment", "github.edit_comment", "servicenow.open_change",
    "servicenow.attach", "servicenow.add_work_note", "servicenow.advance", "servicenow.close_change",
)  # fmt: skip
ALSO: list[Kill] = [
    ("before", "github.create_comment", 1), ("before", "servicenow.open_change", 1),
    ("after", "db.PullEvaluator._evaluate", 3), ("after", "db.ChangeSync._write", 3),
]  # fmt: skip
"""Before a step is after another, so that of most steps "after" is enough."""
ALIKE = ("github.edit_comment", "servicenow.attach", "servicenow.add_work_note", "db.Deployments.report")
"""What is written and sent again just as others are; tried with all."""
MOST = {"db.WorkRunner._work": 30, "db.Inbox._flush": 20, "db.RepositoryEvents.__call__": 12}


def kills() -> list[Kill]:
    if not ALL:
        return [*(("after", name, 1) for name in (*WRITTEN, *SENT) if name not in ALIKE), *ALSO]
    return [
        (side, name, number)
        for name in (*WRITTEN, *RARE, *SENT)
        for number in range(1, MOST.get(name, 9) + 1)
        for side in ("before", "after")
    ]


def at_protection_rule() -> list[Kill]:
    answering = "github.answer_protection_rule"
    chosen: list[Kill] = [("before", answering, 1), ("after", answering, 1)]
    further: list[Kill] = [("after", "db.Gate._write", 1), ("after", "db.ProtectionRules._answer", 1)]
    return [*chosen, *further] if ALL else chosen


async def lived(folder: Path, kill: Kill | None, deploy: Deploy) -> tuple[Picture, tuple[object, ...], bool]:
    """The end of a journey, what an auditor finds, and whether the kill came to pass."""
    async with staged(folder) as stage:
        async with running(stage, kill) as child:
            await child.ready.wait()
            played = await play(stage, deploy)
        found = await asyncio.to_thread(verified, stage)
        steps = stage.steps()
        return await picture(stage, played), found, kill is None or kill in steps


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Picture:
    """How the journey ends when nothing happens to it."""
    seen, found, _ = asyncio.run(lived(tmp_path_factory.mktemp("undisturbed"), None, by_pipeline))
    assert found == ()
    return seen


def test_the_undisturbed_journey_does_everything_once(undisturbed: Picture) -> None:
    assert undisturbed.check[:2] == ("success", "Allowed: production")
    assert undisturbed.once == {
        "release.proposed": 1, "change.opened": 1, "grant.recorded": 2, "decision.redeemed": 1,
        "deployment.recorded": 1, "change.closed": 1, "grant.voided": 0, "release.closed": 0,
    }  # fmt: skip
    assert undisturbed.stages == (
        "release.proposed", "grant.recorded", "decision.redeemed", "deployment.recorded", "change.closed",
    )  # fmt: skip
    assert len(undisturbed.changes) == 1
    assert undisturbed.changes[0][:2] == ("closed", "successful")
    assert undisturbed.changes[0][-2:] == (1, 1), "one piece of evidence, one note"


@pytest.mark.parametrize("kill", kills(), ids=lambda kill: "-".join(map(str, kill)))
async def test_a_kill_changes_nothing_in_the_end(tmp_path: Path, undisturbed: Picture, kill: Kill) -> None:
    seen, found, reached = await lived(tmp_path, kill, by_pipeline)
    assert reached or ALL, "the step was never taken, so nothing was tried"
    assert found == ()
    assert lines(seen) == lines(undisturbed)


@pytest.mark.parametrize("kill", at_protection_rule(), ids=lambda kill: "-".join(map(str, kill)))
async def test_a_protection_rule_is_answered_once_also_after_a_kill(
    tmp_path: Path, undisturbed: Picture, kill: Kill
) -> None:
    seen, found, reached = await lived(tmp_path, kill, by_protection_rule)
    assert reached
    assert found == ()
    assert seen.changes == undisturbed.changes
    assert seen.once == undisturbed.once


def lines(seen: Picture) -> list[str]:
    """Comparable line by line, so that a failure shows what differs."""
    return [
        line for name in seen.__struct_fields__ for line in str(getattr(seen, name)).replace("\\n", "\n").split("\n")
    ]
