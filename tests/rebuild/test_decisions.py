"""A row that a decision counts is removed, altered or added, or its record altered: the decision is the untouched
log's, or a denial that names the row; once the log's rows are back, it is the untouched one again."""

from __future__ import annotations

import pytest

from app.rebuild.service import apply
from app.sandbox.world import TENANT
from tests.stateful.histories import History
from tests.stateful.lively import Lively
from tests.stateful.test_tampering import approved, behind_the_triggers, closed, outcome, run

_RELEASE = "(SELECT id FROM releases WHERE number = {number})"
_SENIORS = "(SELECT 'github-team:' || team_id FROM group_pins WHERE team = 'acme/senior-developers')"

MENDED = {
    "who pushed is another": (
        "UPDATE pushes SET actor = 'github:999999' WHERE sha IN (SELECT sha FROM heads WHERE number = {number})",
        "of pushes",
    ),
    "a push is gone": ("DELETE FROM pushes WHERE sha IN (SELECT sha FROM heads WHERE number = {number})", "of pushes"),
    "a contributor is gone": (f"DELETE FROM release_contributors WHERE release_id IN {_RELEASE}",
        "of release_contributors"),
    "a contributor is another": (
        f"UPDATE release_contributors SET person = person || 'x' WHERE release_id IN {_RELEASE}",
        "of release_contributors",
    ),
    "the artifacts are forgotten": (f"DELETE FROM release_artifacts WHERE release_id IN {_RELEASE}",
        "of release_artifacts"),
    "it was proposed later": (
        "UPDATE releases SET proposed_at = proposed_at + 864000000000 WHERE number = {number}", "of releases",
    ),
    "the requester is another": ("UPDATE releases SET requester = 'github:1' WHERE number = {number}", "of releases"),
    "the release is gone": ("DELETE FROM releases WHERE number = {number}", "of releases"),
    "a membership is older": (f"UPDATE memberships SET since = since - 1 WHERE source = {_SENIORS}", "of memberships"),
    "nobody granted a membership": (
        f"UPDATE memberships SET granted_by = granted_by || 'x' WHERE source = {_SENIORS}", "of memberships",
    ),
    "a membership is added": (
        "INSERT INTO memberships (tenant, source, account, since, granted_by, until)"
        f" VALUES ('acme', {_SENIORS}, 'github:999', 1, '', NULL)",
        "of memberships",
    ),
    "a membership is gone": (f"DELETE FROM memberships WHERE source = {_SENIORS}", "of memberships"),
    "the pinned team is another": (
        "UPDATE group_pins SET team_id = team_id + 1 WHERE team = 'acme/senior-developers'", "of group_pins",
    ),
}  # fmt: skip
"""What is rewritten, and what the denial names; the log gives it back."""

NAMED = {
    "a head is another's": ("UPDATE heads SET actor = 'github:999999' WHERE number = {number}", "of heads"),
    "a head that was left is added": (
        "INSERT INTO heads (repository_id, number, sha, event, actor, received_at, delivery)"
        " SELECT repository_id, number, sha, 'left', actor, received_at, '' FROM heads WHERE number = {number} LIMIT 1",
        "of heads",
    ),
    "a prompt lists more environments": (
        "UPDATE prompts SET environments_json = '[\"production\",\"staging\"]' WHERE number = {number}", "of prompts",
    ),
    "a prompt was never composed": (
        "INSERT INTO prompts (repository_id, number, head_sha, digest, environments_json, posted_at)"
        " SELECT repository_id, number, head_sha, 'f' || digest, environments_json, posted_at FROM prompts"
        " WHERE number = {number} LIMIT 1",
        "of prompts",
    ),
    "a prompt was shown long before": (
        "UPDATE prompts SET posted_at = posted_at - 3600000000 WHERE number = {number}", "of prompts",
    ),
    "the record of a head is rewritten": (
        "UPDATE records SET body = replace(CAST(body AS TEXT), 'arrived', 'arrivee') WHERE resource LIKE"
        " 'head/%/{number}'", "record",
    ),
    "the record of the release is taken out": (
        "DELETE FROM records WHERE resource IN (SELECT 'release/' || id FROM releases WHERE number = {number})",
        "no record tells of it",
    ),
    "the record of contributors is taken out": (
        "DELETE FROM records WHERE resource IN (SELECT 'contributors/' || id FROM releases WHERE number = {number})",
        "no record tells of it",
    ),
}  # fmt: skip


def mend(lively: Lively) -> None:
    async def write() -> None:
        await lively.service.database.write(lambda tx: apply(tx, TENANT, lively.clock))

    lively.run(write())


def asked_anew(lively: Lively, history: History) -> tuple[str, str]:
    """Once nothing that was remembered of groups is fresh."""
    lively.pass_time(60)
    return outcome(lively, history)


@pytest.mark.parametrize("name", MENDED)
def test_a_difference_denies_until_the_rows_of_the_log_are_back(lively: Lively, name: str) -> None:
    sql, told = MENDED[name]
    history = approved(lively)
    assert outcome(lively, history)[0] == "success"
    alarms = counted(lively)
    behind_the_triggers(lively, history, run(sql))
    try:
        conclusion, text = asked_anew(lively, history)
        assert conclusion == "failure"
        assert told in text.replace("\\", "")
        assert "record" in text
        assert counted(lively) > alarms
        mend(lively)
        assert asked_anew(lively, history)[0] == "success"
    finally:
        mend(lively)
        closed(lively, history)


@pytest.mark.parametrize("name", NAMED)
def test_a_difference_that_only_a_backup_mends_denies_and_is_named(lively: Lively, name: str) -> None:
    sql, told = NAMED[name]
    history = approved(lively)
    assert outcome(lively, history)[0] == "success"
    restart(lively)
    behind_the_triggers(lively, history, run(sql))
    try:
        conclusion, text = asked_anew(lively, history)
        assert conclusion == "failure"
        assert told in text.replace("\\", "")
    finally:
        closed(lively, history)


def test_a_rejection_elsewhere_is_not_shed_by_deleting_its_rows(lively: Lively) -> None:
    """The artifacts' records name it, whatever the index of the table says."""
    first = approved(lively)
    first.withhold("carol", "reject")
    lively.settle()
    shift = first.shift
    second = History(lively)
    second.shift = shift
    second._push("alice")
    second._later()
    lively.settle()
    for who in ("bob", "carol"):
        second.approve(who)
        lively.settle()
    before = outcome(lively, second)
    for sql in (
        "DELETE FROM grant_artifacts WHERE grant_id IN (SELECT id FROM grants WHERE decision = 'reject')",
        "DELETE FROM grants WHERE decision = 'reject'",
    ):
        behind_the_triggers(lively, first, run(sql))
        conclusion, told = outcome(lively, second)
        assert conclusion == "failure", told
    assert before[0] != "success"
    closed(lively, first)
    closed(lively, second)


def restart(lively: Lively) -> None:
    """Nothing that was derived is remembered, as after a start."""
    lively.service._memory._known.clear()


def counted(lively: Lively) -> float:
    found = lively.service.metrics.registry.get_sample_value("countersign_alarms_total", {"kind": "difference"})
    return found or 0.0
