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

# Of the steps that only write, "after" is enough: before it is after another.
WRITTEN = (
    "db.Inbox._flush", "db.RepositoryEvents.__call__", "db.WorkRunner._work", "db.People.persons", "db.Groups._members",
    "db.PullEvaluator._evaluate", "db.Outward._done", "db.Outward._prompted", "db.ChangeSync._write", "db.Gate._write",
    "db.Deployments.redeem", "db.Deployments.report", "db.Repair._mark",
)  # fmt: skip
SENT = (
    "github.create_check_run", "github.create_comment", "github.edit_comment", "servicenow.open_change",
    "servicenow.attach", "servicenow.add_work_note", "servicenow.advance", "servicenow.close_change",
)  # fmt: skip
AGAIN = {"db.PullEvaluator._evaluate": 3, "db.ChangeSync._write": 4, "servicenow.advance": 2, "db.Outward._prompted": 2}
"""Steps whose later turns mean something else."""
MOST = {"db.WorkRunner._work": 30, "db.Inbox._flush": 20, "db.RepositoryEvents.__call__": 12}


def kills() -> list[Kill]:
    chosen: list[Kill] = []
    for name in (*WRITTEN, *SENT):
        last = MOST.get(name, 9) if ALL else AGAIN.get(name, 1)
        sides = ("before", "after") if ALL or name in SENT else ("after",)
        chosen += [(side, name, number) for number in range(1, last + 1) for side in sides]
    return chosen


def at_protection_rule() -> list[Kill]:
    return [
        ("after", "db.Gate._write", 1),
        ("after", "db.ProtectionRules._answer", 1),
        ("before", "github.answer_protection_rule", 1),
        ("after", "github.answer_protection_rule", 1),
    ]


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
