"""Small worlds of people, groups and consents, most of them in order and some not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from gates.model import Consent, Contributor, Delegation, GroupFacts, Member, Policies, Snapshot
from manifests.policy import Group, Rule, Seat
from manifests.policy_terms import DelegationRule
from tests.gates.builders import (
    CONTRIBUTORS,
    DAY,
    HOUR,
    NOW,
    POLICIES,
    POLICY,
    PROPOSED,
    SECOND,
    SNAPSHOT,
    alter,
    consent,
    rule_of,
)

GROUPS = ("g0", "g1", "g2")
PEOPLE = tuple(range(10, 15))

_FAULTS: tuple[dict[str, Any], ...] = (
    {"void": "edited"},
    {"repository_id": 1},
    {"pull_number": 8},
    {"manifest_path": "releases/x/release.yaml"},
    {"base_ref": "next"},
    {"head_sha": "0" * 40},
    {"revision": "0" * 64},
    {"effective_rule": "0" * 64},
    {"environments": ("staging",)},
    {"artifacts": ()},
    {"issued_at": NOW + 1},
    {"issued_at": NOW - 72 * HOUR},
    {"not_after": NOW},
    {"kind": "Bot"},
    {"via_app": True},
    {"person": ""},
    {"account": "github:999"},
    {"decision": "reject"},
    {"difference": "other bytes"},
)

_DELEGATION = st.sampled_from([DelegationRule(), DelegationRule(), DelegationRule(9000), None])
"""9000 seconds are less than the three hours since which some delegations are given."""


def _some(of: tuple[str, ...], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(of), unique=True, min_size=least).map(tuple)


def _member(number: int) -> st.SearchStrategy[Member]:
    return st.builds(
        Member,
        st.just(f"github:{number}"),
        st.sampled_from([f"p{number}"] * 9 + ["p10"]),
        st.just(f"P{number}"),
        st.sampled_from(["User"] * 9 + ["Bot"]),
        st.sampled_from([NOW - 90 * DAY] * 8 + [None, PROPOSED]),
        st.sampled_from([None] * 7 + ["github:1", f"github:{number}", "github:10"]),
        st.sampled_from([()] * 8 + [("p-alice",)]),
    )


@st.composite
def consents(draw: Callable[[Any], Any], digest: str) -> Consent:
    who = _person(draw(st.sampled_from(PEOPLE)))
    fault = draw(st.sampled_from([{}] * 25 + list(_FAULTS)))
    fields: dict[str, Any] = {
        "strength": draw(st.sampled_from(["attested", "personal", "passkey"])),
        "way": draw(st.sampled_from(["review", "command", "cli", "servicenow", "servicenow"])),
        "effective_rule": digest,
        "id": f"c{draw(st.integers(0, 10**6))}",
    }
    if draw(st.integers(0, 2)) == 0:
        to = _person(draw(st.sampled_from(PEOPLE)))
        starts = draw(st.sampled_from([0] * 8 + [NOW - 2 * HOUR, NOW - HOUR]))
        terms = Delegation(to.person, to.account, starts, draw(st.sampled_from(["release", "repository"])))
        fields |= {"decision": "delegate", "delegation": terms, "effective_rule": "0" * 64}
        if draw(st.booleans()):
            fields["issued_at"] = NOW - 3 * HOUR
    return consent(who, *draw(_some(GROUPS, 1)), **fields | fault)


def _person(number: int) -> Member:
    return Member(f"github:{number}", f"p{number}", f"P{number}")


@st.composite
def worlds(draw: Callable[[Any], Any]) -> tuple[Policies, Snapshot]:
    """Policies and a snapshot in which only people, groups and consents differ from the passing case."""
    seats = tuple(
        Seat(
            group,
            draw(st.integers(1, 2)),
            draw(st.sampled_from(["attested", "attested", "personal", None])),
            draw(st.sampled_from([("review", "command", "cli", "servicenow"), ("cli",), ("cli", "servicenow")])),
        )
        for group in draw(_some(GROUPS, 1))
    )
    policy = alter(
        POLICY,
        groups={name: Group(github_team=f"acme/{name}") for name in GROUPS},
        rules=(Rule("r", seats=seats, delegation=draw(_DELEGATION)),),
    )
    policies = alter(POLICIES, repository=policy)
    groups = tuple(
        GroupFacts(
            name,
            tuple(draw(_member(n)) for n in draw(st.lists(st.sampled_from(PEOPLE), unique=True, min_size=2))),
            NOW - SECOND,
        )
        for name in GROUPS
    )
    hands = tuple(
        Contributor(f"github:{number}", f"p{number}", draw(st.sampled_from(["committer", "evidence"])))
        for number in draw(st.lists(st.sampled_from(PEOPLE), max_size=1))
    )
    known = alter(CONTRIBUTORS, known=CONTRIBUTORS.known + hands)
    snapshot = alter(SNAPSHOT, contributors=known, groups=groups, consents=())
    digest = rule_of(policies, snapshot).digest
    return policies, alter(snapshot, consents=tuple(draw(st.lists(consents(digest), max_size=7))))


@st.composite
def acting_worlds(draw: Callable[[Any], Any]) -> tuple[Policies, Snapshot]:
    """Policies and a snapshot in which everything is in order, and many act for others."""
    seats = tuple(Seat(group, draw(st.integers(1, 2)), "attested") for group in draw(_some(GROUPS, 1)))
    policy = alter(
        POLICY,
        groups={name: Group(github_team=f"acme/{name}") for name in GROUPS},
        rules=(Rule("r", seats=seats, delegation=DelegationRule()),),
    )
    policies = alter(POLICIES, repository=policy)
    groups = tuple(
        GroupFacts(
            name,
            tuple(alter(_person(n), since=0) for n in draw(st.sets(st.sampled_from(PEOPLE), min_size=1, max_size=3))),
            NOW - SECOND,
        )
        for name in GROUPS
    )
    snapshot = alter(SNAPSHOT, groups=groups, consents=())
    digest = rule_of(policies, snapshot).digest
    approving = draw(st.sets(st.sampled_from(PEOPLE), min_size=1))
    given = draw(st.sets(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), max_size=6))
    said = [consent(_person(n), *GROUPS, id=f"a{n}", effective_rule=digest) for n in approving]
    said += [
        consent(
            _person(by),
            *draw(_some(GROUPS, 1)),
            id=f"d{by}-{to}",
            decision="delegate",
            delegation=Delegation(f"p{to}", f"github:{to}", 0),
        )
        for by, to in given
    ]
    return policies, alter(snapshot, consents=tuple(said))
