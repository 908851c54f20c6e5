"""Approvals after a harmless push, after having been shown what they are about, and of the requester's managers."""

from __future__ import annotations

from typing import Any

import pytest

from gates.decide import decide
from gates.model import Push, ReportingFacts, ReportingLine, SignedDocument
from manifests.policy import Seat
from manifests.policy_terms import KeepRule
from tests.gates.builders import ALICE, BACKTEST, BOB, BOBS, CAROL, CAROLS, HEAD, LINEAGE, NOW, PATH, SECOND, alter
from tests.gates.full import passing_full
from tests.gates.tables import Change, Row, altered, hold, nodes, put

OLD = "0d" * 20
KEEP = {"repository_policy.rules.0.keep": KeepRule(("models/**",)), "consents.0.head_sha": OLD}


def pushed(*changed: str, **fields: Any) -> dict[str, object]:
    return {**KEEP, "pushes": (alter(Push(OLD, HEAD, changed), **fields),)}


KEPT = (
    Row("a push that changes something else", pushed("docs/a.md"), "pass"),
    Row("a push that changes nothing", pushed(), "pass"),
    Row("a push of what the rule names", pushed("docs/a.md", "models/x.pt"), "wait", "models/x.pt has changed since"),
    Row("a push of the policy", pushed(".github/countersign.yaml"), "wait", "countersign.yaml has changed since"),
    Row("a push of the manifest", pushed(PATH), "wait", f"{PATH} has changed since"),
    Row("nobody looked what was pushed", {**KEEP, "pushes": ()}, "wait", "not known what differs between it and"),
    Row("what was pushed could not be read", pushed(changed=None), "wait", "not known what differs"),
    Row("read twice, once in vain",
        {**KEEP, "pushes": (Push(OLD, HEAD, ()), Push(OLD, HEAD))}, "wait", "not known what differs"),
    Row("read twice, once as harmful",
        {**KEEP, "pushes": (Push(OLD, HEAD, ()), Push(OLD, HEAD, (PATH,)))}, "wait", "has changed since"),
    Row("another push", pushed(from_sha="ee" * 20), "wait", "not known what differs"),
    Row("a push to another head", pushed(to_sha="ee" * 20), "wait", "not known what differs"),
    Row("a push the other way", pushed(from_sha=HEAD, to_sha=OLD), "wait", "not known what differs"),
    Row("a rule that keeps nothing", {**pushed(), "repository_policy.rules.0.keep": None}, "wait", "the head is now"),
    Row("other files of the release", {**pushed(), "consents.0.revision": "d" * 64}, "wait", "files of the release"),
    Row("another base", {**pushed(), "consents.0.base_ref": "next"}, "wait", "merging into next"),
    Row("all paths but the policy's are harmless",
        {**pushed("models/x.pt"), "repository_policy.rules.0.keep": KeepRule()}, "pass"),
)  # fmt: skip


@pytest.mark.parametrize("row", KEPT, ids=lambda row: row.behaviour)
def test_approvals_outlive_pushes_that_change_nothing_of_matter(row: Row) -> None:
    hold(row._replace(agreed=True), "approvals")


def test_a_kept_approval_of_another_rule_does_not_count() -> None:
    verdict = decide(*altered(pushed("docs/a.md")))
    assert "the rules that apply have changed since" in "".join(node.summary for node in nodes(verdict.results))


SHOWN = {"repository_policy.rules.0.seats.0.shown": ("lineage", "test-result")}
SEEN = (LINEAGE.digest, BACKTEST.digest)
UNREAD = SignedDocument("evidence/more.json", "test-result", problem="not there")
DISPLAYED = (
    Row("who was shown all of it", {**SHOWN, "consents.0.shown": SEEN}, "pass"),
    Row("who was shown nothing", SHOWN, "wait", "the approver was not shown evidence/backtest.dsse.json"),
    Row("who was shown one of two", {**SHOWN, "consents.0.shown": SEEN[1:]}, "wait", "was not shown lineage.dsse.json"),
    Row("who was shown something older", {**SHOWN, "consents.0.shown": ("0" * 64, SEEN[0])}, "wait", "was not shown"),
    Row("a seat that shows nothing", {"repository_policy.rules.0.seats.0.shown": ()}, "pass"),
    Row("there is nothing of the type", {"repository_policy.rules.0.seats.0.shown": ("sbom",)}, "wait",
        "wants sbom to be shown, and the release has none"),
    Row("the author left one of the types out",
        {**SHOWN, "consents.0.shown": SEEN, "lineage": None, "release.manifest.lineage": None,
         "repository_policy.rules.0.gates": ("artifacts",)}, "wait", "wants lineage to be shown"),
    Row("every report of the type",
        {**SHOWN, "consents.0.shown": SEEN, "evidence": lambda e: (*e, alter(BACKTEST, path="b.json", digest="f"))},
        "wait", "was not shown b.json"),
    Row("a report that cannot be read",
        {**SHOWN, "consents.0.shown": SEEN, "evidence": lambda e: (*e, UNREAD)}, "wait", "cannot have been shown"),
    Row("the other seat does not ask", {**SHOWN, "consents.0.shown": SEEN, "consents.1.shown": ()}, "pass"),
)  # fmt: skip


@pytest.mark.parametrize("row", DISPLAYED, ids=lambda row: row.behaviour)
def test_approvals_count_of_who_was_shown_what_the_seat_wants_shown(row: Row) -> None:
    hold(row._replace(agreed=True), "approvals")


def lines(**managers: tuple[str, ...]) -> ReportingFacts:
    found = {"alice": ("p-boss",), "bob": ("p-boss",), "carol": (), **managers}
    return ReportingFacts(
        tuple(ReportingLine(f"p-{who}", above) for who, above in found.items() if above != ("?",)), NOW - SECOND
    )


EXCLUDE = {"repository_policy.rules.0.exclude": ("reporting-line",)}


def reporting(facts: ReportingFacts | None, **changes: object) -> dict[str, object]:
    return {**EXCLUDE, "reporting": facts, **changes}


BOBS_CASE = "Bob's approval does not count: they are in the reporting line of the requester"
LINES = (
    Row("colleagues", reporting(lines()), "pass"),
    Row("the requester's manager", reporting(lines(alice=("p-bob", "p-boss"))), "wait", BOBS_CASE),
    Row("a manager further up", reporting(lines(alice=("p-x", "p-bob"))), "wait", BOBS_CASE),
    Row("whom the requester manages", reporting(lines(bob=("p-alice",))), "wait", BOBS_CASE),
    Row("whom they manage further down", reporting(lines(bob=("p-x", "p-alice"))), "wait", BOBS_CASE),
    Row("nobody asked", reporting(None), "wait", "may be in the reporting line of the requester: no identity provider"),
    Row("unreadable", reporting(alter(lines(), problem="HTTP 500.")), "wait", "of the requester: HTTP 500."),
    Row("an unknown requester", reporting(lines(alice=("?",))), "wait", "does not know the requester"),
    Row("an unknown approver", reporting(lines(bob=("?",))), "wait", "provider does not know theirs"),
    Row("a manager who has no line", reporting(lines(alice=("p-bob",), bob=("?",))), "wait", BOBS_CASE),
    Row("a rule that excludes nobody more", {"reporting": lines(alice=("p-bob",))}, "pass"),
    Row("one of two lines", reporting(alter(lines(), lines=(*lines().lines, ReportingLine("p-bob", ("p-alice",))))),
        "wait", BOBS_CASE),
)  # fmt: skip


@pytest.mark.parametrize("row", LINES, ids=lambda row: row.behaviour)
def test_nobody_judges_their_managers_or_those_they_manage(row: Row) -> None:
    hold(row._replace(agreed=True), "approvals")


def test_who_is_in_the_line_is_not_counted_among_those_who_could() -> None:
    facts = lines(alice=("p-bob",), frank=())
    verdict = decide(*altered({**reporting(facts), "consents": ()}))
    seat = next(node for node in nodes(verdict.results) if node.name == "senior-developers")
    assert seat.who == "senior-developers (1 of its members could)"


PUSH = "It opens again when Bob's approval expires at 2026-11-23 16:00 UTC"


def seat_of(changes: Change, question: str = "deploy", name: str = "senior-developers") -> Any:
    verdict = decide(*altered(changes, question, agreed=True))  # type: ignore[arg-type]
    return next(node for node in nodes(verdict.results) if node.name == name)


def test_a_filled_seat_says_what_would_open_it() -> None:
    assert seat_of({}, "merge").changes == f"{PUSH}; a push to the pull request voids it."
    assert seat_of({}).changes == f"{PUSH}."
    kept = {"repository_policy.rules.0.keep": KeepRule(("models/**",))}
    assert seat_of(kept, "merge").changes == (
        f"{PUSH}; a push that changes a file of the release or a path that models/** matches voids it."
    )
    spare = {"consents": (BOBS, CAROLS, alter(BOBS, id="f", account="github:6", person="p-frank", name="Frank"))}
    assert seat_of(spare).changes == "Bob's approval expires at 2026-11-23 16:00 UTC."


def test_an_open_seat_says_who_could_fill_it_and_until_when_it_is_half_full() -> None:
    two = {"repository_policy.rules.0.seats": (Seat("risk-managers", 2),), "consents": (CAROLS,)}
    seat = seat_of(two, name="risk-managers")
    assert seat.who == "risk-managers (2 of its members could)"
    assert seat.changes == "Carol's approval expires at 2026-11-23 16:00 UTC."
    approvals = next(r for r in decide(*altered(two, agreed=True)).results if r.name == "approvals")
    assert approvals.who == seat.who
    assert approvals.changes == "The first approval to expire is Carol's, at 2026-11-23 16:00 UTC."


def test_a_membership_that_is_too_young_says_from_when_it_counts() -> None:
    young = {"groups.0.members": (ALICE, alter(BOB, since=NOW - 5 * 3600 * SECOND))}
    refused = next(node for node in nodes(decide(*altered(young)).results) if "only since" in node.summary)
    assert refused.changes == "The membership counts for releases proposed from 2026-11-21 13:00 UTC on."
    unknown = {"groups.0.members": (ALICE, alter(BOB, since=None))}
    refused = next(node for node in nodes(decide(*altered(unknown)).results) if "not known since" in node.summary)
    assert refused.changes == ""


def test_who_could_is_told_in_numbers_only() -> None:
    for node in nodes(decide(*altered({"consents": ()})).results):
        assert not any(name in node.who + node.changes for name in (BOB.name, CAROL.name, "github:", "p-"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("pull.labels", None),
        ("pull.head_ref", None),
        ("pull.changed", None),
        ("pull.lines", None),
        ("pushes", ()),
        ("pushes.0.changed", None),
        ("reporting", None),
        ("reporting.problem", "HTTP 500"),
        ("groups.0.problem", "HTTP 500"),
        ("groups.1.problem", "HTTP 500"),
        ("groups.2.problem", "HTTP 500"),
        ("consents.0.shown", ()),
        ("consents.2.delegation", None),
        ("contributors.known", ()),
    ],
)
def test_what_cannot_be_told_takes_the_answer_back(path: str, value: Any) -> None:
    policies, snapshot = passing_full()
    assert decide(policies, put(snapshot, path.split("."), value)).outcome != "allow"
