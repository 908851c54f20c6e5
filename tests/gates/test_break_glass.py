"""Breaking the glass: who can, what it waives and what it does not, and that it helps nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.break_glass import break_glass
from gates.case import Case
from gates.decide import judge
from gates.model import Consent, GroupFacts, Member, Result, Retrospective, Snapshot, Unanchored, Verdict
from gates.terms import EffectiveRule, GroupTerms
from gates.waiving import WAIVABLE
from manifests.policy import Group
from manifests.policy_terms import BreakGlassRule, DeadlineRule
from tests.gates.arbitrary import anything, patient
from tests.gates.asking import ask, case, hold, said
from tests.gates.builders import (
    ALICE,
    BOB,
    CAROL,
    DAY,
    HOUR,
    NOW,
    POLICIES,
    PROPOSED,
    RISK,
    SECOND,
    SENIORS,
    SNAPSHOT,
    alter,
    consent,
    member,
    rule_of,
    sha,
)
from tests.gates.glass_oracle import is_broken
from tests.gates.tables import assert_explained, nodes

TWO = BreakGlassRule(("oncall", "leads"), "risk-managers", 2, 4 * 3600)
ONE_GROUP = alter(TWO, groups=("oncall",))
HANK, IVY, JACK = member(31, "Hank"), member(32, "Ivy"), member(33, "Jack", since=PROPOSED)
ONCALL = GroupFacts("oncall", (HANK, BOB, JACK, ALICE), NOW - SECOND)
LEADS = GroupFacts("leads", (IVY, BOB, ALICE), NOW - SECOND)
DEFINED = tuple(GroupTerms(name, Group(github_team=f"acme/{name}")) for name in ("leads", "oncall"))


def word(who: Member, *groups: str, **fields: Any) -> Consent:
    given = {"decision": "break-glass", "incident": "INC0012345", "reason": "Trading is down.", "issued_at": NOW - HOUR}
    return consent(who, *groups, **{**given, "id": f"glass-{who.name.lower()}", **fields})


HANKS, IVYS, BOBS = word(HANK, "oncall"), word(IVY, "leads"), word(BOB, "oncall", "leads")


def terms(rule: BreakGlassRule = TWO, **more: Any) -> dict[str, Any]:
    return {"break_glass": rule, "groups": (*rule_of(POLICIES, SNAPSHOT).groups, *DEFINED), **more}


def facts(*words: Consent, **changes: Any) -> dict[str, Any]:
    return {"groups": (SENIORS, RISK, ONCALL, LEADS), "consents": lambda old: (*old, *words), **changes}


def decided(*words: Consent, rule: BreakGlassRule = TWO, more: Any = None, **changes: Any) -> Verdict:
    return judge(case(terms(rule, **(more or {})), facts(*words, **changes)))


def result(verdict: Verdict, name: str) -> Result:
    return next(result for result in verdict.results if result.name == name)


WORDS: tuple[tuple[str, tuple[Consent, ...], str, str], ...] = (
    ("two of two groups", (HANKS, IVYS), "pass", "Hank and Ivy broke the glass for INC0012345, until 2026-11-20 21:00"),
    ("one in both groups and one in one", (HANKS, BOBS), "pass", "Bob and Hank"),
    ("the other way round", (IVYS, BOBS), "pass", "Bob and Ivy"),
    ("one person", (HANKS,), "wait", "The glass is not broken: 1 of 2 persons said so, by Hank."),
    ("one person twice", (HANKS, alter(HANKS, id="again")), "wait", "1 of 2 persons"),
    ("one person for both groups", (BOBS,), "wait", "1 of 2 persons"),
    ("one person with two accounts", (HANKS, word(IVY, "leads", person=HANK.person)), "wait", "1 of 2 persons"),
    ("two of one group", (HANKS, word(BOB, "oncall")), "wait", "nobody of leads besides"),
    ("three", (HANKS, IVYS, BOBS), "pass", "until 2026-11-20 21:00"),
    ("for different incidents", (HANKS, alter(IVYS, incident="INC2")), "wait", "Different incidents are named"),
    ("for no incident", (HANKS, alter(IVYS, incident=" ")), "wait", "it names no incident"),
    ("without a reason", (HANKS, alter(IVYS, reason=" ")), "wait", "it gives no reason"),
    ("signed by the platform", (HANKS, alter(IVYS, strength="attested")), "wait", "it is signed as attested"),
    ("with a passkey", (HANKS, alter(IVYS, strength="passkey")), "pass", ""),
    ("by the requester", (HANKS, word(ALICE, "leads")), "wait", "Alice's word does not count: they asked for this"),
    ("by another account of the requester", (HANKS, alter(IVYS, person="p-alice")), "wait", "they asked for this"),
    ("by a new member", (IVYS, word(JACK, "oncall")), "wait", "they belong to the group only since"),
    ("by a stranger", (HANKS, word(CAROL, "leads")), "wait", "the account is not a member of leads now"),
    ("for another group", (HANKS, word(CAROL, "risk-managers")), "wait", "did not belong to leads or oncall when they"),
    ("by a bot", (HANKS, alter(IVYS, kind="Bot")), "wait", "not made by a human's own hand"),
    ("through an app", (HANKS, alter(IVYS, via_app=True)), "wait", "not made by a human's own hand"),
    ("by nobody known", (HANKS, alter(IVYS, person="")), "wait", "not linked to a known person"),
    ("of another head", (HANKS, alter(IVYS, head_sha="0" * 40)), "wait", "it was given for head 0000000"),
    ("of another revision", (HANKS, alter(IVYS, revision="0" * 64)), "wait", "files of the release have changed"),
    ("into another branch", (HANKS, alter(IVYS, base_ref="next")), "wait", "for merging into next"),
    ("under another rule", (HANKS, alter(IVYS, effective_rule="0" * 64)), "wait", "rules that apply have changed"),
    ("for other artifacts", (HANKS, alter(IVYS, artifacts=(sha("x"),))), "wait", "does not name the artifact"),
    ("taken back", (HANKS, alter(IVYS, void="revoked")), "wait", "1 of 2 persons said so, by Hank."),
    ("of another release", (HANKS, alter(IVYS, pull_number=8)), "wait", "1 of 2 persons said so, by Hank."),
    ("for another environment", (HANKS, alter(IVYS, environments=("staging",))), "wait", "1 of 2 persons said so, by"),
    ("to come", (HANKS, alter(IVYS, issued_at=NOW + 1)), "wait", "Ivy's word counts only from"),
    ("over", (HANKS, alter(IVYS, issued_at=NOW - 4 * HOUR)), "wait", "Ivy's word ended at 2026-11-20 18:00 UTC"),
    ("over by its own terms", (HANKS, alter(IVYS, not_after=NOW)), "wait", "Ivy's word ended at 2026-11-20 18:00 UTC"),
    ("an approval", (HANKS, alter(IVYS, decision="approve")), "wait", "1 of 2 persons"),
    ("altered", (HANKS, IVYS, alter(BOBS, difference="x")), "wait", "consent glass-bob is not what its record"),
)


@pytest.mark.parametrize(("words", "status", "says"), [row[1:] for row in WORDS], ids=[row[0] for row in WORDS])
def test_who_breaks_the_glass(words: tuple[Consent, ...], status: str, says: str) -> None:
    finding = ask(break_glass, terms(), facts(*words))
    hold(finding, status, says)
    assert bool(finding.persons) is (status == "pass")


@pytest.mark.parametrize(
    ("rule", "words", "status"),
    [
        (ONE_GROUP, (HANKS, word(BOB, "oncall")), "pass"),
        (alter(ONE_GROUP, count=1), (HANKS,), "wait"),
        (alter(ONE_GROUP, count=0), (), "wait"),
        (alter(TWO, count=3), (HANKS, IVYS), "wait"),
        (alter(TWO, count=3), (HANKS, IVYS, BOBS), "pass"),
        (alter(TWO, groups=("oncall", "leads", "risk-managers")), (HANKS, word(BOB, "oncall")), "pass"),
        (alter(TWO, groups=()), (HANKS, IVYS), "wait"),
        (alter(TWO, groups=("oncall", "nobody")), (HANKS, word(BOB, "oncall")), "wait"),
        (alter(TWO, valid=1800), (HANKS, IVYS), "wait"),
        (alter(TWO, valid=10**9), (alter(HANKS, issued_at=NOW - 4 * HOUR), IVYS), "wait"),
    ],
)
def test_how_many_it_takes(rule: BreakGlassRule, words: tuple[Consent, ...], status: str) -> None:
    hold(ask(break_glass, terms(rule), facts(*words)), status)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"contributors.unknown": ("somebody",)}, "not everybody who had a hand in this release is known: somebody"),
        ({"contributors.known": ()}, "it cannot be told who asked for the release"),
        ({"evidence.0.problem": "not JSON"}, "cannot be read, so it cannot be told who signed it"),
        ({"consents.0.difference": "other bytes"}, "consent consent-bob is not what its record"),
        ({"groups": (SENIORS, RISK, ONCALL, alter(LEADS, problem="502"))}, "cannot be relied on: 502"),
        ({"groups": (SENIORS, RISK, ONCALL)}, "its members were not read"),
    ],
)
def test_doubt_about_people_leaves_it_whole(changes: dict[str, Any], says: str) -> None:
    verdict = decided(HANKS, IVYS, **changes, change=None)
    assert verdict.outcome != "allow"
    assert result(verdict, "break glass").status == "wait"
    assert says in said(verdict.results)


BROKEN: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("approvals", {"consents": (HANKS, IVYS)}, {}),
    ("evidence", {"evidence.0.result": "FAILED"}, {}),
    ("change", {"change": None}, {}),
    ("freeze", {"release.manifest.change.window": alter(SNAPSHOT.release.manifest.change.window, end=NOW)}, {}),  # type: ignore[union-attr,type-var]
    ("review_time", {}, {"review_time": 3600}),
    ("rationale", {"release.manifest.rationale": "x"}, {}),
    ("retrospective", {"retrospectives": (Retrospective(("g",), "x", "production", NOW - 1),)}, {}),
)
WHOLE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("release", {"pull.state": "closed"}),
    ("holds", {"consents": lambda old: (*old, HANKS, IVYS, consent(CAROL, "risk-managers", id="h", decision="hold"))}),
    ("artifacts", {"artifacts": ()}),
    ("lineage", {"lineage.signers": ()}),
    ("deployment", {"deployment.subjects.0.sha256": "0" * 64}),
    ("anchored", {"tenant_policy.anchored": ("production",), "log.unanchored": "late"}),
    ("freshness", {"pull.seen_at": 0}),
)


@pytest.mark.parametrize(("gate", "changes", "more"), BROKEN, ids=[row[0] for row in BROKEN])
def test_what_an_emergency_can_do_without_is_waived(gate: str, changes: dict[str, Any], more: dict[str, Any]) -> None:
    verdict = decided(HANKS, IVYS, **changes, more=more)
    assert verdict.outcome == "allow", said(verdict.results)
    assert verdict.persons == (HANK.person, IVY.person)
    assert result(verdict, gate).status == "waived"
    assert result(verdict, gate).summary.startswith("Waived by breaking the glass: ")
    assert_explained(verdict)


@pytest.mark.parametrize(("gate", "changes"), WHOLE, ids=[row[0] for row in WHOLE])
def test_what_makes_it_this_release_is_never_waived(gate: str, changes: dict[str, Any]) -> None:
    if changes.get("log.unanchored"):
        changes = {**changes, "log.unanchored": (Unanchored(HANKS.id, NOW - HOUR),)}
    verdict = decided(HANKS, IVYS, **{"change": None, **changes})
    assert verdict.outcome != "allow"
    assert result(verdict, "break glass").status == "pass", said(verdict.results)
    assert result(verdict, gate).status not in ("pass", "waived")


def test_what_was_missing_stays_to_be_read() -> None:
    verdict = decided(consents=(HANKS, IVYS))
    found = list(nodes((result(verdict, "approvals"),)))
    assert {node.status for node in found} == {"waived"}
    assert any("0 of 1 seat filled" in node.summary for node in found)


def test_an_incomplete_one_changes_no_other_gate() -> None:
    without, one = decided(change=None), decided(HANKS, change=None)
    assert [r for r in one.results if r.name != "break glass"] == list(without.results)
    assert (one.outcome, one.persons) == (without.outcome, without.persons)


@pytest.mark.parametrize("words", [(HANKS,), (HANKS, IVYS)])
def test_where_nothing_has_to_be_waived_nobodys_word_is_used(words: tuple[Consent, ...]) -> None:
    without, verdict = decided(), decided(*words)
    assert (verdict.outcome, verdict.persons) == ("allow", without.persons)
    assert result(verdict, "break glass").status == "waived"
    assert "Not needed" in result(verdict, "break glass").summary


def test_nothing_is_said_of_the_glass_where_no_rule_lets_it_be_broken() -> None:
    verdict = judge(case({}, facts(HANKS, IVYS, change=None)))
    assert verdict.outcome != "allow"
    assert "break glass" not in {result.name for result in verdict.results}


def test_the_first_word_that_counts_sets_the_end() -> None:
    early = alter(HANKS, issued_at=NOW - 3 * HOUR)
    finding = ask(break_glass, terms(), facts(early, IVYS))
    hold(finding, "pass", "until 2026-11-20 19:00 UTC")
    assert NOW + HOUR in finding.changes_at
    again = ask(break_glass, terms(), facts(early, IVYS, alter(HANKS, id="again")))
    hold(again, "pass", "until 2026-11-20 21:00 UTC")


def test_the_longest_of_two_incidents_counts() -> None:
    others = tuple(alter(one, id=f"{one.id}-2", incident="INC1", issued_at=NOW - 2 * HOUR) for one in (HANKS, IVYS))
    hold(ask(break_glass, terms(), facts(*others, HANKS, IVYS)), "pass", "for INC0012345")


def test_a_deadline_is_not_asked_about_where_approvals_are_waived() -> None:
    late = {"deadline": DeadlineRule(60)}
    changes: dict[str, Any] = {"consents": (HANKS, IVYS), "release.head_since": PROPOSED}
    verdict = decided(more=late, **changes)
    assert verdict.outcome == "allow"
    assert "deadline" not in {result.name for result in verdict.results}


GROUPS = ("oncall", "leads", "third")
PEOPLE = tuple(member(number, f"P{number}", person=f"p{number}") for number in range(40, 45))
FAULTS: tuple[dict[str, Any], ...] = (
    {"void": "edited"}, {"difference": "x"}, {"head_sha": "0" * 40}, {"revision": "0" * 64}, {"base_ref": "next"},
    {"effective_rule": "0" * 64}, {"environments": ("staging",)}, {"artifacts": ()}, {"pull_number": 8},
    {"strength": "attested"}, {"incident": ""}, {"reason": ""}, {"kind": "Bot"}, {"via_app": True}, {"person": ""},
    {"person": "p40"}, {"person": "p-alice"}, {"account": "github:1"}, {"account": "github:41"}, {"incident": "INC2"},
    {"issued_at": NOW + 1}, {"issued_at": NOW - 2 * HOUR}, {"not_after": NOW}, {"decision": "approve"},
)  # fmt: skip


@st.composite
def emergencies(draw: Callable[[Any], Any]) -> Case:
    """The passing case without a change request, and any words about the glass under any terms."""
    some = st.lists(st.sampled_from(GROUPS), unique=True, min_size=1).map(tuple)
    rule = BreakGlassRule(draw(some), "risk-managers", draw(st.integers(1, 3)), draw(st.sampled_from([5400, 10**6])))
    groups = tuple(
        GroupFacts(
            name,
            tuple(
                alter(who, since=draw(st.sampled_from([NOW - 90 * DAY] * 6 + [None, PROPOSED])))
                for who in draw(st.lists(st.sampled_from(PEOPLE), unique=True, min_size=1))
            ),
            NOW - SECOND,
            draw(st.sampled_from([""] * 9 + ["502"])),
        )
        for name in GROUPS
    )
    said = [
        word(who, *draw(some), **{"id": f"w{n}", **draw(st.sampled_from([{}] * 30 + list(FAULTS)))})
        for n, who in enumerate(draw(st.lists(st.sampled_from(PEOPLE), max_size=6)))
    ]
    stops = draw(st.sampled_from([()] * 4 + [(consent(CAROL, "risk-managers", id="stop", decision="reject"),)]))
    defined = tuple(GroupTerms(name, Group(github_team=f"acme/{name}")) for name in GROUPS)
    changes = {
        "groups": (SENIORS, RISK, *groups),
        "consents": lambda old: (*old, *said, *stops),
        "change": None,
        "contributors.unknown": draw(st.sampled_from([()] * 9 + [("somebody",)])),
    }
    return case({"break_glass": rule, "groups": (*rule_of(POLICIES, SNAPSHOT).groups, *defined)}, changes)


def oracle(of: Case, snapshot: Snapshot) -> bool:
    assert isinstance(of.rule, EffectiveRule)
    assert of.rule.break_glass is not None
    return is_broken(snapshot, of.rule.break_glass, of.rule.digest, of.rule.membership_age)


@patient
@given(emergencies())
def test_the_glass_is_broken_exactly_when_some_choice_of_persons_breaks_it(of: Case) -> None:
    verdict = judge(of)
    broken = any(result.name == "break glass" and result.status == "pass" for result in verdict.results)
    assert broken is oracle(of, of.snapshot)
    held = any(consent.decision == "reject" for consent in of.snapshot.consents)
    assert (verdict.outcome == "allow") is (broken and not held)
    if broken:
        assert len(set(verdict.persons)) == len(verdict.persons) >= 2
        assert not set(verdict.persons) & {contributor.person for contributor in of.snapshot.contributors.known}
    assert_explained(verdict)


@patient
@given(emergencies())
def test_a_word_less_never_breaks_it(of: Case) -> None:
    if judge(of).outcome == "allow":
        return
    for index, one in enumerate(of.snapshot.consents):
        if one.decision == "break-glass" and not one.difference:
            rest = of.snapshot.consents[:index] + of.snapshot.consents[index + 1 :]
            for consents in (rest, (*rest, alter(one, void="x")), (*rest, alter(one, strength="attested"))):
                assert judge(alter(of, snapshot=alter(of.snapshot, consents=consents))).outcome != "allow"


@patient
@given(anything(BreakGlassRule), anything(tuple[Consent, ...]), anything(tuple[GroupFacts, ...]))
def test_any_terms_and_words_are_judged(rule: Any, words: Any, groups: Any) -> None:
    words = tuple(alter(one, decision="break-glass", void="") for one in words)
    of = case(terms(), {"consents": words, "groups": groups})
    finding = break_glass(alter(of, rule=alter(of.rule, break_glass=rule)))
    assert finding.result.status == "wait"
    assert not finding.persons


def test_only_these_gates_can_be_waived() -> None:
    assert sorted(WAIVABLE) == [
        "approvals", "change", "evidence", "findings", "freeze", "rationale", "required_checks", "retrospective",
        "review_time", "windows",
    ]  # fmt: skip
