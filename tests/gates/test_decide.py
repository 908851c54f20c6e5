"""Decisions as a whole: total, deterministic, sound, exactly bound, and never helped by doubt."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.decide import decide
from gates.model import GroupFacts, Policies, Snapshot, Verdict
from gates.rule import effective_rule
from manifests import canonical
from tests.gates.arbitrary import anything, nearly_passing, patient
from tests.gates.builders import HOUR, NOW, S, alter, passing
from tests.gates.oracle import seats_can_be_filled
from tests.gates.tables import altered, assert_explained, nodes
from tests.gates.worlds import acting_worlds, consents, worlds


def status(verdict: Verdict, gate: str) -> str:
    return next(result.status for result in verdict.results if result.name == gate)


@pytest.mark.parametrize("question", ["deploy", "merge"])
def test_the_passing_case_is_allowed(question: Any) -> None:
    verdict = decide(*passing(question))
    assert verdict.outcome == "allow"
    assert verdict.failing() == ()


@patient
@given(anything(Policies), anything(Snapshot))
def test_anything_gets_a_verdict_and_nothing_arbitrary_is_allowed(policies: Any, snapshot: Any) -> None:
    verdict = decide(policies, snapshot)
    assert verdict.outcome != "allow"
    assert not any("broke (" in result.summary for result in verdict.results)
    assert_explained(verdict)


@patient
@given(nearly_passing())
def test_whatever_is_altered_gets_an_explained_verdict(case: tuple[Policies, Snapshot]) -> None:
    verdict = decide(*case)
    assert not any("broke (" in result.summary for result in verdict.results)
    assert_explained(verdict)
    if verdict.outcome == "allow":
        assert verdict.persons
        assert len(set(verdict.persons)) == len(verdict.persons)
        assert all(node.status in ("pass", "waived") for node in nodes(verdict.results))


def test_a_gate_that_breaks_denies_and_is_named() -> None:
    policies, snapshot = passing()
    broken = alter(snapshot, lineage=alter(snapshot.lineage, signers=None))  # type: ignore[type-var]
    verdict = decide(policies, broken)
    assert verdict.outcome == "deny"
    result = next(result for result in verdict.results if result.name == "lineage")
    assert (result.status, "The gate lineage broke" in result.summary) == ("error", True)


def test_rules_that_cannot_be_merged_deny() -> None:
    verdict = decide(*altered({"repository_policy.rules.0.expires": 2**53}))
    assert (verdict.outcome, verdict.effective_rule) == ("deny", "")


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same facts with every tuple in another order; documents keep theirs."""
    if isinstance(value, tuple):
        items = [shuffled(item, chance) for item in value]
        chance.shuffle(items)
        return tuple(items)
    if isinstance(value, dict):
        items = list(value.items())
        chance.shuffle(items)
        return {key: shuffled(item, chance) for key, item in items}
    if isinstance(value, msgspec.Struct):
        names = [name for name in value.__struct_fields__ if name != "manifest"]
        return alter(value, **{name: shuffled(getattr(value, name), chance) for name in names})
    return value


@patient
@given(
    st.one_of(nearly_passing(), worlds(), acting_worlds(), st.tuples(anything(Policies), anything(Snapshot))),
    st.randoms(),
)
def test_the_order_of_facts_does_not_matter(case: tuple[Policies, Snapshot], chance: random.Random) -> None:
    policies, snapshot = case
    one = decide(policies, snapshot)
    other = decide(shuffled(policies, chance), shuffled(snapshot, chance))
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


@patient
@given(st.one_of(worlds(), acting_worlds()))
def test_seats_are_filled_exactly_when_some_assignment_fills_them(case: tuple[Policies, Snapshot]) -> None:
    policies, snapshot = case
    digest = effective_rule(policies, snapshot.release, snapshot.pull, snapshot.environment).digest
    verdict = decide(policies, snapshot)
    assert (status(verdict, "approvals") == "pass") is seats_can_be_filled(policies, snapshot, digest)
    if verdict.outcome == "allow":
        assert seats_can_be_filled(policies, snapshot, digest)


@patient
@given(st.one_of(worlds(), acting_worlds()), st.data())
def test_one_more_grant_never_takes_a_pass_away(case: tuple[Policies, Snapshot], data: st.DataObject) -> None:
    policies, snapshot = case
    digest = decide(policies, snapshot).effective_rule
    grant = data.draw(consents(digest))
    if grant.decision not in ("approve", "delegate") or grant.difference:
        return
    more = alter(snapshot, consents=(*snapshot.consents, grant))
    if decide(policies, snapshot).outcome == "allow":
        assert decide(policies, more).outcome == "allow"
    if decide(policies, more).outcome != "allow":
        assert decide(policies, snapshot).outcome != "allow"


def aged(facts: S) -> S:
    """Seen an hour ago; what claims to be seen in the future is wrong, not old, and stays as it is."""
    return alter(facts, seen_at=min(facts.seen_at, NOW - HOUR)) if facts.seen_at <= NOW else facts  # type: ignore[attr-defined]


def doubtful_groups(group: GroupFacts) -> list[GroupFacts]:
    found = [alter(group, problem="unreachable"), aged(group)]
    for at, one in enumerate(group.members):
        rest = group.members[:at] + group.members[at + 1 :]
        lesser = (rest, (*rest, alter(one, since=NOW)), (*rest, alter(one, since=None)))
        found += [alter(group, members=members) for members in lesser]
    return found


def doubts(snapshot: Snapshot) -> list[Snapshot]:
    """The same snapshot with one positive fact gone, aged or unreadable."""
    found: list[Snapshot] = []

    def add(**fields: Any) -> None:
        found.append(alter(snapshot, **fields))

    for name in ("consents", "groups", "artifacts", "evidence"):
        items = getattr(snapshot, name)
        for index, item in enumerate(items):
            if getattr(item, "decision", "approve") == "approve" and not getattr(item, "difference", ""):
                add(**{name: items[:index] + items[index + 1 :]})
    for index, group in enumerate(snapshot.groups):
        for other in doubtful_groups(group):
            add(groups=(*snapshot.groups[:index], other, *snapshot.groups[index + 1 :]))
    for index, consent in enumerate(snapshot.consents):
        rest = snapshot.consents[:index] + snapshot.consents[index + 1 :]
        if consent.decision == "approve":
            weaker = (alter(consent, void="edited"), alter(consent, strength="attested"), alter(consent, not_after=0))
            for lesser in (*weaker, alter(consent, difference="x"), alter(consent, groups=())):
                add(consents=(*rest, lesser))
    add(lineage=None)
    add(change=None)
    add(deployment=None)
    add(pull=aged(snapshot.pull))
    add(pull=alter(snapshot.pull, problem="unreachable"))
    add(contributors=aged(snapshot.contributors))
    add(contributors=alter(snapshot.contributors, unknown=("somebody",)))
    add(log=alter(snapshot.log, problem="full"))
    add(log=alter(snapshot.log, differences=("a row is gone",)))
    add(log=alter(snapshot.log, last_at=snapshot.at + 1))
    add(at=snapshot.log.last_at - 1)
    add(release=alter(snapshot.release, manifest=None))
    if snapshot.change is not None:
        rows = snapshot.change.approvals
        for index in range(len(rows)):
            add(change=alter(snapshot.change, approvals=rows[:index] + rows[index + 1 :]))
            unlinked = (*rows[:index], alter(rows[index], person=None), *rows[index + 1 :])
            add(change=alter(snapshot.change, approvals=unlinked))
        add(change=alter(snapshot.change, problem="unreachable"))
    return found


@patient
@given(st.one_of(nearly_passing(), worlds()))
def test_doubt_never_helps(case: tuple[Policies, Snapshot]) -> None:
    policies, snapshot = case
    if decide(policies, snapshot).outcome == "allow":
        return
    for other in doubts(snapshot):
        assert decide(policies, other).outcome != "allow"
    for changed in (alter(policies, repository=None), alter(policies, tenant=None), alter(policies, problem="x")):
        assert decide(changed, snapshot).outcome != "allow"


def test_every_doubt_about_the_passing_case_takes_the_answer_back() -> None:
    policies, snapshot = passing()
    spare = [s for s in doubts(snapshot) if decide(policies, s).outcome == "allow"]
    for other in spare:
        seats = {consent.person for consent in snapshot.consents}
        assert {m.person for g in other.groups for m in g.members} >= seats, other
        assert len(other.consents) == len(snapshot.consents)


def test_a_verdict_has_canonical_bytes() -> None:
    verdict = decide(*passing())
    assert msgspec.json.decode(canonical.encode(verdict), type=Verdict) == verdict
