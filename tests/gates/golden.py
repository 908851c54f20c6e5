"""Stored decisions: what was decided once has to be decided again from the same facts.

``python -m tests.gates.golden`` writes them anew; a difference in version control then shows what changed.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from gates.decide import decide
from gates.model import Policies, Question, Snapshot, Verdict
from manifests.policy import Freeze, Seat
from tests.gates.builders import ALICE, BOB, BOBS, CAROL, CAROLS, HOUR, NOW, RISK, SENIORS, alter, consent
from tests.gates.tables import Change, altered

FOLDER = Path(__file__).with_name("golden")


class Golden(msgspec.Struct, frozen=True):
    policies: Policies
    snapshot: Snapshot
    verdict: Verdict


_BOTH = consent(BOB, "senior-developers", "risk-managers", way="command")
_HOLD = consent(CAROL, "risk-managers", id="hold", decision="hold", environments=(), reason="Drift?")

CASES: dict[str, tuple[Change, Question, bool]] = {
    "deploy-allowed": ({}, "deploy", False),
    "merge-allowed": ({}, "merge", False),
    "nobody-approved": ({"consents": ()}, "merge", False),
    "one-person-in-both-groups": (
        {"groups": (SENIORS, alter(RISK, members=(BOB,))), "consents": (_BOTH,)},
        "deploy",
        False,
    ),
    "requester-approves": ({"consents": (consent(ALICE, "senior-developers", way="command"), CAROLS)}, "merge", False),
    "head-moved-on": ({"pull.head_sha": "d5" * 20, "release.revision": "e6" * 32}, "merge", False),
    "approval-edited": ({"consents.0.void": "its comment was edited by eve"}, "deploy", False),
    "approval-altered-in-the-database": ({"consents.1.difference": "the record has another head"}, "deploy", False),
    "approvals-expired": ({"at": NOW + 80 * HOUR}, "merge", False),
    "held-elsewhere": (
        {"consents": (BOBS, CAROLS, alter(_HOLD, repository_id=902, pull_number=3))},
        "deploy",
        False,
    ),
    "frozen": ({"tenant_policy.freezes": (Freeze("year end", NOW - HOUR, NOW + 9 * HOUR),)}, "deploy", False),
    "other-artifact-deployed": ({"deployment.subjects.0.sha256": "0" * 64}, "deploy", False),
    "facts-gone-stale": ({"at": NOW + 120_000_000}, "deploy", False),
    "no-rule": ({"repository_policy.rules": ()}, "merge", False),
    "unknown-contributor": ({"contributors.unknown": ("commit 1234567 is by an unknown address",)}, "merge", False),
    "two-of-one-group": ({"repository_policy.rules.0.seats": (Seat("risk-managers", 2),)}, "merge", True),
    "no-manifest": ({"release.manifest": None}, "merge", False),
}


def make(name: str) -> Golden:
    policies, snapshot = altered(*CASES[name])
    return Golden(policies, snapshot, decide(policies, snapshot))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in CASES:
        (FOLDER / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(make(name))) + b"\n")


if __name__ == "__main__":
    main()
