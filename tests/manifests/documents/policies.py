"""Any policy, and the document that says it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from manifests.measures import UNITS
from manifests.policy import (
    GATE_NAMES,
    PERMISSIONS,
    RISKS,
    SCHEMA,
    STRENGTHS,
    Freeze,
    Group,
    Policy,
    Rule,
    Seat,
    Size,
    TrustedSigner,
    When,
)
from manifests.policy_parser_evidence import ORDERS
from manifests.policy_parser_forms import WAYS
from manifests.policy_terms import (
    SEVERITIES,
    BreakGlassRule,
    ChangeRule,
    Comparison,
    DeadlineRule,
    DelegationRule,
    FindingsRule,
    KeepRule,
    Recurrence,
    RequiredCheck,
    Requirement,
)
from manifests.release_parser_forms import CHANGE_TYPES, KINDS
from tests.manifests.documents.samples import FINGERPRINT

GROUPS = ("devs", "risk", "board")
_DURATIONS = {
    "expires", "review_time", "within", "remind", "longest", "valid", "review_within", "duration",
}  # fmt: skip
_RENAMED = {"except_dates": "except", "severity": "from", "exceptions_by": "by"}
_KEYS = {("text", "one-of"): "one_of", ("text", "none-of"): "none_of", ("boolean", "is"): "is"}

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12)
GROUP = st.sampled_from(GROUPS)
PATTERN = st.text("ab*/?.", min_size=1, max_size=6)
TYPE = st.sampled_from(("test-result", "bias-report", "scan"))
SECONDS = st.integers(1, 4 * 3600)
YES = st.booleans()


def some(one: st.SearchStrategy[Any], *, least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, min_size=least, max_size=3, unique=True).map(tuple)


def maybe(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | one


SIZES = st.builds(Size, maybe(st.integers(1, 99)), maybe(st.integers(1, 99))).filter(lambda size: size != Size())
_UNDECLARED = {
    "environment": some(st.sampled_from(("production", "staging"))), "paths": some(PATTERN), "base_ref": some(PATTERN),
    "repository": some(PATTERN), "size": maybe(SIZES), "changed": some(PATTERN), "requester": some(GROUP),
}  # fmt: skip
_DECLARED = {
    "kind": some(st.sampled_from(KINDS)), "name": some(PATTERN), "head_ref": some(st.just("alice:fix-*")),
    "labels": some(st.sampled_from(("Risky", "1.0", "a b"))), "risk": maybe(st.sampled_from(RISKS)),
}  # fmt: skip
_NOT = st.recursive(
    st.builds(When, **_UNDECLARED).filter(lambda one: one != When()),
    lambda below: st.builds(When, all=st.tuples(below), any=st.just(()), not_=maybe(below)),
    max_leaves=3,
)
_SOME = st.builds(When, **_UNDECLARED, **_DECLARED).filter(lambda one: one != When())
WHENS = st.just(When()) | st.recursive(
    _SOME,
    lambda below: st.builds(When, kind=_DECLARED["kind"], all=some(below), any=st.tuples(below), not_=maybe(_NOT)),
    max_leaves=4,
)
NUMBERS = st.builds(
    lambda number, unit: f"{number} {unit}".strip(), st.decimals(0, 99, places=2), st.sampled_from(("", *UNITS))
)
FIELD = st.sampled_from(("a", "metrics.breach_rate", "x-y.z"))
COMPARISONS = st.one_of(
    st.builds(Comparison, FIELD, st.just("number"), st.sampled_from((*ORDERS, "=", "!=")), st.tuples(NUMBERS)),
    st.builds(Comparison, FIELD, st.just("age"), st.sampled_from(ORDERS), st.tuples(SECONDS.map(str))),
    st.builds(
        Comparison, FIELD, st.just("time"), st.sampled_from(ORDERS), st.tuples(st.just("2026-01-01T00:00:00+01:00"))
    ),
    st.builds(Comparison, FIELD, st.just("text"), st.sampled_from(("one-of", "none-of")), some(TEXT, least=1)),
    st.builds(Comparison, FIELD, st.just("set"), st.sampled_from(("includes", "excludes")), some(TEXT, least=1)),
    st.builds(Comparison, FIELD, st.just("boolean"), st.just("is"), st.tuples(st.sampled_from(("true", "false")))),
)
RECURRENCES = st.builds(
    Recurrence,
    st.sampled_from(("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SA,SU", "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3")),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(lambda at: at.isoformat(timespec="seconds")),  # noqa: DTZ001
    st.integers(1, 31 * 86_400),
    st.sampled_from(("UTC", "Europe/Zurich", "Etc/GMT+5")),
    some(st.dates(datetime(2000, 1, 1).date(), datetime(2099, 1, 1).date()).map(str)),  # noqa: DTZ001
)
SEATS = st.builds(
    Seat, GROUP, st.integers(1, 20), maybe(st.sampled_from(STRENGTHS)), some(st.sampled_from(WAYS), least=1), some(TYPE)
)
DEADLINES = st.builds(DeadlineRule, st.integers(10, 99), some(st.integers(1, 9)), some(GROUP))
BREAKING = st.builds(BreakGlassRule, some(GROUP, least=1), GROUP, st.integers(2, 20), SECONDS, SECONDS)
CHANGES = st.builds(ChangeRule, st.sampled_from(CHANGE_TYPES), maybe(TEXT), YES, st.integers(1, 20))
FINDINGS = st.builds(FindingsRule, st.sampled_from(SEVERITIES), some(TYPE, least=1), GROUP, SECONDS)


@st.composite
def rules(draw: st.DrawFn, name: str) -> Rule:
    evidence = draw(some(TYPE, least=1))
    asked = draw(some(COMPARISONS, least=1))
    return Rule(
        name=name,
        when=draw(WHENS),
        seats=tuple(draw(st.lists(SEATS, max_size=2))),
        expires=draw(SECONDS),
        gates=GATE_NAMES,
        evidence=evidence,
        change=draw(CHANGES),
        veto=draw(some(GROUP)),
        exclude=draw(st.sampled_from(((), ("reporting-line",)))),
        requirements=draw(st.sampled_from(((), (Requirement(evidence[0], asked),)))),
        required_checks=draw(some(st.builds(RequiredCheck, TEXT, st.sampled_from(("any", "status", "ci"))), least=1)),
        findings=draw(FINDINGS),
        review_time=draw(SECONDS),
        deadline=draw(maybe(DEADLINES)),
        windows=draw(some(RECURRENCES)),
        keep=draw(maybe(st.builds(KeepRule, some(PATTERN)))),
        delegation=draw(maybe(st.builds(DelegationRule, SECONDS))),
        break_glass=draw(maybe(BREAKING)),
    )


GROUP_SOURCES = st.builds(
    Group,
    github_team=st.just("acme/risk"), github_team_id=maybe(st.integers(1, 99)), servicenow_group=maybe(TEXT),
    members=some(st.sampled_from(("alice", "bob"))), github_org=maybe(st.just("acme")),
    permission=maybe(st.sampled_from(PERMISSIONS)), codeowners=YES, idp_group=maybe(TEXT),
)  # fmt: skip
FREEZES = st.builds(Freeze, st.just("once"), st.integers(1, 9), st.integers(10, 99), some(st.just("production"))) | (
    st.builds(Freeze, st.just("again"), recurrence=RECURRENCES, emergency=YES)
)
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy of two rules at most, with instants in whole seconds."""
    groups = {name: draw(GROUP_SOURCES) for name in GROUPS}
    groups["made"] = draw(st.builds(Group, any_of=some(GROUP, least=1), all_of=some(GROUP)))
    freezes = tuple(
        msgspec.structs.replace(one, start=_instant(one.start), end=_instant(one.end)) if one.end else one
        for one in draw(st.lists(FREEZES, max_size=1))
    )
    signer = TrustedSigner(FINGERPRINT, draw(TEXT), None, draw(maybe(st.just("alice"))))
    named = [draw(rules(name)) for name in draw(st.lists(TEXT, max_size=2, unique=True))]
    return Policy(SCHEMA, groups, {"test-result": (signer,)}, tuple(named), freezes)


def _instant(seconds: int) -> int:
    return int((_EPOCH + timedelta(seconds=seconds)).timestamp()) * 1_000_000


def document(policy: Policy) -> bytes:
    """The document that says the policy: JSON, which is YAML too."""
    said = _said(policy)
    said["rules"] = [_rule(rule) for rule in policy.rules]
    return json.dumps(said, ensure_ascii=False).encode()


def _rule(rule: Rule) -> dict[str, Any]:
    said: dict[str, Any] = _said(rule)
    asked = {one.type: [_comparison(each) for each in one.comparisons] for one in rule.requirements}
    said.pop("requirements", None)
    said["evidence"] = [{"type": one, "require": asked[one]} if one in asked else one for one in rule.evidence]
    found = said["findings"]
    found["exceptions"] = {"by": found.pop("by"), "longest": found.pop("longest")}
    return said


def _comparison(one: Comparison) -> dict[str, Any]:
    key = _KEYS.get((one.kind, one.operator), one.operator if one.kind == "set" else one.kind)
    value: Any = list(one.values)
    if one.kind in ("number", "time"):
        value = f"{one.operator} {one.values[0]}"
    elif one.kind == "age":
        value = f"{one.operator} {one.values[0]}s"
    elif one.kind == "boolean":
        value = one.values[0] == "true"
    return {"field": one.field, key: value}


def _said(value: Any, key: str = "") -> Any:
    """Keys that say nothing are left out; durations and instants are written as policies write them."""
    if isinstance(value, msgspec.Struct):
        fields = {field.encode_name: getattr(value, field.name) for field in msgspec.structs.fields(value)}
        return {
            _RENAMED.get(name, name): _said(one, name)
            for name, one in fields.items()
            if one not in (None, (), {}) and one is not False and one != When() and (name, one) not in _UNSAID
        }
    if isinstance(value, dict):
        return {name: _said(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return [_said(one, key) for one in value]
    if isinstance(value, int) and key in _DURATIONS:
        return f"{value}s"
    if key in ("start", "end") and isinstance(value, int):
        return datetime.fromtimestamp(value / 1_000_000, UTC).isoformat()
    return value


_UNSAID = (("start", 0), ("end", 0))
