"""Which version of a branch's policy counts after these steps, in the order of the log; and what is said otherwise."""

from __future__ import annotations

import pytest

from app.clock import SECOND
from app.pulls.store import Repository
from app.rebuild.policies import PolicyRow
from app.standing.model import Branch
from app.standing.versions import Version, sentence

OLD, NEW = "a" * 64, "b" * 64
NOON = 43_200 * SECOND


def row(state: str, sha256: str, by: str, at: int = 0) -> PolicyRow:
    release = f"release {at}" if state == "released" else ""
    return PolicyRow(1, "main", sha256, state, by, release, NOON + at)


def proposed(sha256: str, by: str = "one") -> PolicyRow:
    return row("proposed", sha256, by)


def adopted(sha256: str, by: str = "two", at: int = 0) -> PolicyRow:
    return row("adopted", sha256, by, at)


def released(sha256: str, at: int = 0) -> PolicyRow:
    return row("released", sha256, "service:countersign", at)


FIRST = (proposed(OLD), adopted(OLD))
SECOND_ONE = (proposed(NEW), adopted(NEW))
TABLE = {
    "nothing": ((), "unknown", "unknown"),
    "one steward": ((proposed(OLD),), "proposed", "unknown"),
    "two stewards": (FIRST, "adopted", "unknown"),
    "another one since": ((*FIRST, *SECOND_ONE), "superseded", "adopted"),
    "adopted again": ((*FIRST, *SECOND_ONE, *FIRST), "adopted", "superseded"),
    "proposed again": ((*FIRST, *SECOND_ONE, proposed(OLD)), "proposed", "adopted"),
    "a release since": ((*FIRST, released(NEW)), "superseded", "released"),
    "released again": ((released(OLD), released(NEW, 5 * SECOND), released(OLD, 9 * SECOND)), "released", "superseded"),
    "a proposal older than what counts": ((proposed(OLD), released(NEW)), "unknown", "released"),
    "its confirmation": ((proposed(OLD), released(NEW), adopted(OLD)), "superseded", "released"),
    "nobody proposed it": ((adopted(OLD),), "superseded", "unknown"),
    "confirmed by who proposed it": ((proposed(OLD), adopted(OLD, "one")), "proposed", "unknown"),
    "a merge that is seen late": ((released(NEW, 5 * SECOND), released(OLD)), "superseded", "released"),
    "merged before the adoption": (
        (proposed(NEW), adopted(NEW, at=5 * SECOND), released(OLD, 4 * SECOND)), "superseded", "adopted",
    ),
    "merged in the second of the adoption": (
        (proposed(NEW), adopted(NEW, at=5 * SECOND + 9), released(OLD, 5 * SECOND)), "released", "superseded",
    ),
    "adopted before the merge was seen": ((released(NEW, 5 * SECOND), *FIRST), "adopted", "superseded"),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "old", "new"), TABLE.values(), ids=TABLE)
def test_the_newest_step_counts(rows: tuple[PolicyRow, ...], old: str, new: str) -> None:
    branch = Branch(rows)
    assert (branch.state(OLD), branch.state(NEW)) == (old, new)
    assert branch.counts(OLD) is (old in ("adopted", "released"))


def test_nothing_counts_while_log_and_table_differ() -> None:
    assert Branch(FIRST, ("the row is gone",)).state(OLD) == "differs"
    assert not Branch(FIRST, ("the row is gone",)).counts(OLD)


SAID = {
    "nothing": ((), ["which is neither; no version was ever released or adopted for main", "Release this one by"]),
    "one steward": ((proposed(OLD),), ["which one proposed", "let a second steward run"]),
    "another one": (SECOND_ONE, ["which is neither. Put back the one that counts, with SHA-256 bbb", "two stewards"]),
    "another one since": (
        (*FIRST, *SECOND_ONE),
        ["putting it back does not make it count again", f"SHA-256 {NEW}, or release this one again"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "fragments"), SAID.values(), ids=SAID)
def test_what_does_not_count_is_said_with_what_to_do(rows: tuple[PolicyRow, ...], fragments: list[str]) -> None:
    version = Version(Repository(1, "acme", "acme/models", 2), "main", "c" * 40, OLD)
    said = sentence(version, Branch(rows))
    assert said.startswith("Expected a version of .github/countersign.yaml on main")
    assert said.endswith("run countersign policy adopt acme/models --branch main.")
    assert [one for one in fragments if one not in said] == [], said
