"""For which groups somebody acts, of their own and by delegation."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.pulls.acting import acting_groups, delegations_of
from gates.model import Consent, Delegation, GroupFacts, Member

GROUPS = (
    GroupFacts("leads", (Member("github:1", "p1", "gina"),)),
    GroupFacts("risk", (Member("github:1", "p1", "gina"), Member("github:2", "p2", "dave"))),
)
TO = Delegation("p2", "github:2", 100)
GIVEN = Consent(
    id="d", decision="delegate", person="p1", account="github:1", name="gina", repository_id=1, pull_number=7,
    manifest_path="releases/a/release.yaml", base_ref="main", head_sha="a" * 40, revision="", effective_rule="",
    environments=("production",), groups=("leads",), artifacts=(), strength="personal", way="cli", issued_at=100,
    not_after=200, delegation=TO,
)  # fmt: skip


def delegated(**changed: Any) -> Consent:
    return msgspec.structs.replace(GIVEN, **changed)


@pytest.mark.parametrize(
    ("given", "at", "expected"),
    [
        (GIVEN, 100, ("leads", "risk")),
        (GIVEN, 99, ("risk",)),
        (GIVEN, 199, ("leads", "risk")),
        (GIVEN, 200, ("risk",)),
        (delegated(delegation=msgspec.structs.replace(TO, starts_at=150)), 149, ("risk",)),
        (delegated(delegation=msgspec.structs.replace(TO, person="p3")), 150, ("risk",)),
        (delegated(delegation=msgspec.structs.replace(TO, account="github:3")), 150, ("risk",)),
        (delegated(environments=("staging",)), 150, ("risk",)),
        (delegated(void="the person revoked it"), 150, ("risk",)),
        (delegated(difference="its row is not what its record says"), 150, ("risk",)),
        (delegated(account="github:9"), 150, ("risk",)),
        (delegated(groups=("auditors",)), 150, ("risk",)),
        (delegated(groups=("leads", "risk")), 150, ("leads", "risk")),
    ],
    ids=[
        "from the start", "not before", "until the end", "not after", "not before it begins", "another person",
        "another account", "another environment", "taken back", "not borne out", "given by no member",
        "a group of nobody's", "each group once",
    ],
)  # fmt: skip
def test_a_delegation_adds_the_groups_of_whoever_gave_it(given: Consent, at: int, expected: tuple[str, ...]) -> None:
    assert acting_groups(GROUPS, "github:2", "p2", (given,), "production", at) == expected


def test_nobody_hands_on_what_was_delegated_to_them() -> None:
    on = delegated(person="p2", account="github:2", groups=("leads",), delegation=Delegation("p3", "github:3", 100))
    assert acting_groups(GROUPS, "github:3", "p3", (GIVEN, on), "production", 150) == ()


@pytest.mark.parametrize(
    ("scope", "number", "path", "reaches"),
    [
        ("release", 7, "releases/a/release.yaml", True),
        ("release", 7, "releases/b/release.yaml", False),
        ("release", 8, "releases/a/release.yaml", False),
        ("repository", 8, "releases/b/release.yaml", True),
    ],
)
def test_a_delegation_for_a_release_reaches_no_other(scope: str, number: int, path: str, reaches: bool) -> None:
    given = delegated(delegation=msgspec.structs.replace(TO, scope=scope))
    approval = delegated(decision="approve", delegation=None)
    assert delegations_of((given, approval), number, path) == ((given,) if reaches else ())
