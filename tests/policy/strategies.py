"""Any file of tests that the reader accepts, as a document that can be written as JSON, which is YAML too."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from app.policy import words
from app.policy.model import STRANGER
from manifests.policy import RISKS, STRENGTHS
from manifests.policy_parser_forms import WAYS
from manifests.release_parser_forms import CHANGE_TYPES, KINDS

Document = dict[str, Any]

LOGINS = st.sampled_from(("alice", "Alice", "bob", "carol", "dora", "zoe", "rita"))
GROUPS = st.sampled_from(("developers", "risk", "board"))
ENVIRONMENTS = st.sampled_from(("production", "staging", "policy"))
YES = st.booleans()
INSTANTS = st.datetimes().map(
    lambda moment: moment.replace(year=2000 + moment.year % 100, day=1 + moment.day % 28).strftime("%Y-%m-%dT%H:%M:%SZ")
)
TIMES = st.one_of(
    INSTANTS,
    st.builds("{}{}{}".format, st.sampled_from(("", "-", "+")), st.integers(0, 3650), st.sampled_from("smhd")),
)
SENTENCES = st.one_of(
    st.text(
        st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("C", "Z")), min_size=1, max_size=30
    ),
    st.sampled_from(("it was edited", "<b>@team</b> | `x` #1", "::error::x", "# a\nb")),
)
SIGNERS = st.sampled_from(("training cluster", "back-test service", "research desk", STRANGER))


def table(required: Document | None = None, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(required or {}, optional=optional)


def some(one: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(one, max_size=most)


def one_or_many(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return one | st.lists(one, min_size=1, max_size=3, unique=True)


TYPES = ("test-result", "scan", "lineage")
PATHS = st.sampled_from(("releases/a/release.yaml", "docs/a b.md", "limits/var.yaml", ".github/countersign.yaml"))
POWER: Document = {
    "at": TIMES, "environments": one_or_many(ENVIRONMENTS), "strength": st.sampled_from(STRENGTHS), "void": SENTENCES,
}  # fmt: skip
FOUND = st.sampled_from(("CVE-2026-1", "G101"))
VALUES = st.recursive(
    st.one_of(SENTENCES, YES, st.none(), st.integers(-5, 5), st.sampled_from((0.5, "0.5 %", "2026-05-01T00:00:00Z"))),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(SENTENCES, inner, max_size=2),
    max_leaves=4,
)
WINDOW = table({"start": TIMES, "end": TIMES})
WITHHELD: Document = {
    "at": TIMES, "environments": one_or_many(ENVIRONMENTS), "groups": st.lists(GROUPS, unique=True), "void": SENTENCES,
    "reason": SENTENCES,
}  # fmt: skip
CONSENT = LOGINS | table(
    {"by": LOGINS}, way=st.sampled_from(WAYS), strength=st.sampled_from(STRENGTHS), via_app=YES,
    changed_since=one_or_many(st.sampled_from(words.PARTS)), shown=st.lists(st.sampled_from(TYPES), unique=True),
    pushed=st.lists(PATHS, unique=True), **WITHHELD,
)  # fmt: skip
STOP = LOGINS | table({"by": LOGINS}, **WITHHELD)
RELEASE = table(
    kind=st.sampled_from(KINDS), name=st.sampled_from(("example", "other.model")), version=st.just("3.2.0"),
    rationale=SENTENCES | st.just(""), environments=one_or_many(ENVIRONMENTS),
    path=st.sampled_from(("releases/a/release.yaml", "x.yaml")), repository=st.sampled_from(("acme/models", "a/b")),
    base_ref=st.sampled_from(("main", "dev")), author=LOGINS, proposed=TIMES, state=st.sampled_from(words.STATES),
    draft=YES, window=WINDOW, risk=st.sampled_from(RISKS), labels=st.lists(SENTENCES, unique_by=str.casefold),
    changed=st.lists(PATHS, unique=True), files=st.integers(0, 10**6), lines=st.integers(0, 10**6),
    head_ref=st.sampled_from(("feature", "eve:hotfix/1")), head_since=TIMES, superseded=SENTENCES,
    unread=one_or_many(st.sampled_from(words.UNREAD)),
)  # fmt: skip
MEMBERS = some(LOGINS | table({"login": LOGINS}, since=TIMES, added_by=LOGINS))
SIGNED = SIGNERS | st.lists(SIGNERS, unique=True)
CHANGE = table(
    present=YES, type=st.sampled_from(CHANGE_TYPES),
    state=st.sampled_from(("new", "assess", "scheduled", "closed", "odd")),
    on_hold=YES, window=WINDOW, content_at=TIMES, problem=SENTENCES,
    approvals=some(table(
        {"by": LOGINS}, state=st.sampled_from(("approved", "rejected", "requested")), group=SENTENCES, at=TIMES,
        own_hand=YES, active=YES, in_group=YES, linked=YES,
    )),
)  # fmt: skip
FACTS: Document = {
    "question": st.sampled_from(words.QUESTIONS),
    "at": INSTANTS,
    "environment": ENVIRONMENTS,
    "seen": TIMES,
    "release": RELEASE,
    "people": st.dictionaries(LOGINS, table(also=one_or_many(LOGINS), bot=YES), max_size=2),
    "groups": st.dictionaries(GROUPS, MEMBERS | table(members=MEMBERS, problem=SENTENCES), max_size=3),
    "approvals": some(CONSENT, 6),
    "rejections": some(STOP, 1),
    "holds": some(STOP, 1),
    "contributors": some(table({"who": LOGINS}, role=st.sampled_from(words.ROLES)) | table({"unknown": SENTENCES})),
    "artifacts": st.lists(
        st.sampled_from(("a.bin", "b.bin"))
        | table({"name": st.just("c.bin")}, state=st.sampled_from(words.ARTIFACT_STATES)),
        min_size=1, max_size=2, unique_by=lambda one: one if isinstance(one, str) else one["name"],
    ),
    "lineage": table(present=YES, readable=YES, signed_by=SIGNED, covers=YES, datasets=YES),
    "evidence": some(table(
        {"type": st.sampled_from(("test-result", "scan"))}, readable=YES, signed_by=SIGNED, covers=YES,
        result=st.sampled_from(("PASSED", "FAILED")),
        fields=st.dictionaries(st.sampled_from(("metrics.breach_rate", "regime", "finished", "x.y")), VALUES),
        without=one_or_many(st.sampled_from(("regime", "x.y"))),
        findings=st.just("unreadable") | some(FOUND | table(
            {"id": FOUND}, severity=st.sampled_from(("low", "high", "odd")), about=SENTENCES,
        )),
    )),
    "delegations": some(table(
        {"by": LOGINS, "to": LOGINS}, groups=st.lists(GROUPS, unique=True), until=TIMES,
        scope=st.sampled_from(words.SCOPES), **{"from": TIMES}, **POWER,
    )),
    "exceptions": some(table(
        {"by": LOGINS, "type": st.sampled_from(TYPES), "finding": FOUND}, control=SENTENCES, until=TIMES, **POWER,
    )),
    "glass": some(LOGINS | table(
        {"by": LOGINS}, incident=SENTENCES, reason=SENTENCES, groups=st.lists(GROUPS, unique=True),
        changed_since=one_or_many(st.sampled_from(words.PARTS)), **POWER,
    )),
    "retrospectives": some(table(due=TIMES, release=SENTENCES, environment=ENVIRONMENTS, own=YES)),
    "checks": table({"problem": SENTENCES}) | some(SENTENCES | table(
        {"name": SENTENCES}, app=st.sampled_from(("github-actions", "status")),
        conclusion=st.sampled_from(words.CONCLUSIONS), at_head=YES,
    )),
    "reporting": table(
        managers=st.dictionaries(LOGINS, one_or_many(LOGINS), max_size=2), unknown=one_or_many(LOGINS),
        problem=SENTENCES,
    ),
    "change": CHANGE,
    "deployment": table(present=YES, reachable=YES, same_revision=YES, same_artifacts=YES),
}  # fmt: skip
EXPECT = st.sampled_from(words.OUTCOMES) | table(
    {"outcome": st.sampled_from(words.OUTCOMES)}, says=one_or_many(SENTENCES),
    gates=st.dictionaries(st.sampled_from(words.GATES), st.sampled_from(words.STATUSES), max_size=2),
)  # fmt: skip


def suites() -> st.SearchStrategy[Document]:
    """Whole files."""
    case = table({"name": SENTENCES, "expect": EXPECT}, why=SENTENCES, **FACTS)
    cases = st.lists(case, min_size=1, max_size=2, unique_by=lambda one: one["name"])
    return table({"schema": st.just("countersign/policy-tests/v1"), "cases": cases}, given=table(**FACTS))
