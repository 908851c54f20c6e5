"""What changes between two policies, and whether it asks for more or for less."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.policy.cases import parse_cases
from app.policy.difference import Change, changes
from app.policy.judge import judge
from manifests.policy import Policy
from manifests.policy_parser import parse_policy
from tests.policy.samples import SUITES

RICH = (SUITES / "rich.yaml").read_text()
CASES = parse_cases((SUITES / "rich.tests.yaml").read_bytes(), "t.yaml").cases
SEAT = "signature: personal, accept: [cli, passkey]}"
TIGHTER = [
    (SEAT, "signature: passkey, accept: [passkey]}"),
    (SEAT, f"count: 2, {SEAT}"),
    ("shown: [test-result, model-card]", "shown: [test-result, model-card, scan]"),
    ("gates: [artifacts, rationale, evidence, findings", "gates: [artifacts, lineage, rationale, evidence, findings"),
    ("- {field: complete, is: true}\n", "- {field: complete, is: true}\n          - {field: x, is: true}\n"),
    ("from: high", "from: low"),
    ("types: [scan], exceptions: {by: security, longest: 7d}", "types: [scan]"),
    ("longest: 7d", "longest: 6d"),
    ("{name: licence, app: any}", "{name: licence, app: any}, {name: more, app: any}"),
    ("review_time: 2h", "review_time: 3h"),
    ("keep: {unless_changed: [\"releases/**\"]}", "keep: {unless_changed: [\"releases/**\", \"docs/**\"]}"),
    ("    keep: {unless_changed: [\"releases/**\"]}\n", ""),
    ("    delegation: {longest: 3d}\n", ""),
    ("longest: 3d", "longest: 2d"),
    ("count: 2, valid: 1h", "count: 3, valid: 1h"),
    ("count: 2, valid: 1h", "count: 2, valid: 30m"),
    ("    seats: [{group: release-board,", "    expires: 8h\n    seats: [{group: release-board,"),
    ("    emergency: true\n", ""),
]  # fmt: skip
UNCLEAR = [
    ("kind: model, environment: production", "kind: model"),
    ("groups: [developers, risk], count: 2", "groups: [developers, risk, leads], count: 2"),
    ("BYDAY=MO,TU,WE,TH", "BYDAY=MO,TU,WE"),
    ("within: 2d", "within: 3d"),
    ("careful: {any_of: [risk], all_of: [leads]}", "careful: {any_of: [risk, leads], all_of: [leads]}"),
    ("developers: {github_team: acme/developers}", "developers: {github_team: acme/others}"),
]


def _policy(text: str) -> Policy:
    return parse_policy(text.encode(), "p.yaml")


def _one(old: str, new: str) -> Change:
    assert old in RICH
    (found,) = changes(_policy(RICH), _policy(RICH.replace(old, new, 1)))
    return found


@pytest.mark.parametrize(("old", "new"), TIGHTER)
def test_what_asks_for_more_is_tighter_and_its_contrary_looser(old: str, new: str) -> None:
    there, back = (
        changes(_policy(RICH), _policy(RICH.replace(old, new, 1))),
        changes(_policy(RICH.replace(old, new, 1)), _policy(RICH)),
    )
    assert [one.direction for one in there] == ["tighter"], there
    assert [one.direction for one in back] == ["looser"], back


@pytest.mark.parametrize(("old", "new"), UNCLEAR)
def test_nothing_is_said_of_what_cannot_be_told(old: str, new: str) -> None:
    assert _one(old, new).direction == "unclear"


def test_more_in_one_thing_and_less_in_another_is_neither() -> None:
    text = RICH.replace("review_time: 2h", "review_time: 3h").replace("longest: 3d", "longest: 3660s", 1)
    looser = text.replace("delegation: {longest: 3660s}", "delegation: {longest: 9d}")
    (found,) = changes(_policy(RICH), _policy(looser))
    assert {one.field: one.direction for one in found.fields} == {"review_time": "tighter", "delegation": "looser"}
    assert found.direction == "unclear"


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [
        ("members: [zoe]", "members: [zoe, yan]", "looser"),
        ("members: [zoe, yan]", "members: [zoe]", "tighter"),
        ("permission: write", "permission: admin", "tighter"),
        ("any_of: [a]", "any_of: [a, b]", "looser"),
        ("any_of: [a], all_of: [b]", "any_of: [a, c], all_of: [b]", "unclear"),
    ],
)
@pytest.mark.parametrize("stops", [False, True])
def test_more_members_are_more_who_can_approve_where_nobody_can_stop_it(
    old: str, new: str, direction: str, stops: bool
) -> None:
    def read(group: str) -> Policy:
        veto = ", veto: [g]" if stops else ""
        return _policy(
            "schema: countersign/policy/v1\n"
            f"groups:\n  a: {{members: [x]}}\n  b: {{members: [y]}}\n  c: {{members: [y]}}\n  g: {{{group}}}\n"
            f"rules: [{{name: r, seats: [{{group: g}}]{veto}}}]\n"
        )

    (found,) = changes(read(old), read(new))
    assert (found.kind, found.direction) == ("group", "unclear" if stops else direction)


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [
        ("start: 2026-12-23T00:00:00Z", "start: 2026-12-22T00:00:00Z", "tighter"),
        ("end: 2027-01-04T00:00:00Z", "end: 2027-01-03T00:00:00Z", "looser"),
        ("environments: [production]", "environments: [production, staging]", "tighter"),
        (", environments: [production]", "", "tighter"),
        ("environments: [production]", "environments: [production], emergency: true", "looser"),
    ],
)
def test_freezes(old: str, new: str, direction: str) -> None:
    text = (SUITES / "countersign.yaml").read_text()
    freeze = text.index("freezes:")
    (found,) = changes(_policy(text), _policy(text[:freeze] + text[freeze:].replace(old, new, 1)))
    assert (found.kind, found.direction) == ("freeze", direction)


def test_parts_that_are_there_or_not() -> None:
    text = (SUITES / "countersign.yaml").read_text()
    less = Policy(_policy(text).schema)
    found = {(one.kind, one.name): (one.what, one.direction) for one in changes(None, _policy(text))}
    assert found["freeze", "close"] == ("added", "tighter")
    assert found["rule", "full"] == ("added", "unclear")
    assert found["trust", "lineage"] == ("added", "unclear")
    back = {(one.kind, one.name): (one.what, one.direction) for one in changes(_policy(text), less)}
    assert back["freeze", "close"] == ("removed", "looser")
    assert found.keys() == back.keys()


def test_signers() -> None:
    text = (SUITES / "countersign.yaml").read_text()
    policy = _policy(text)
    fewer = msgspec.structs.replace(policy, trust={**policy.trust, "test-result": policy.trust["test-result"][:1]})
    assert [one.direction for one in changes(policy, fewer)] == ["tighter"]
    assert [one.direction for one in changes(fewer, policy)] == ["looser"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(TIGHTER), st.sampled_from(CASES), st.sampled_from(("merge", "deploy")))
def test_nothing_is_allowed_by_what_is_called_tighter(change: tuple[str, str], case: object, question: str) -> None:
    """Whatever a tighter policy allows, the one before allows too: people approve what there is."""
    facts = msgspec.structs.replace(case.facts, question=question)  # type: ignore[attr-defined]
    asked = msgspec.structs.replace(case, facts=facts)  # type: ignore[type-var]
    before, after = (judge(asked, _policy(text), None).verdict for text in (RICH, RICH.replace(*change, 1)))  # type: ignore[arg-type]
    assert before.outcome == "allow" or after.outcome != "allow"
