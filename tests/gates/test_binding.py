"""Exact binding: from an allow, change any one thing that was agreed to, and it is an allow no more.

The whole structure is walked, so a field added to the model is held to this until it is listed as free here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from gates.decide import decide
from gates.model import Policies, Snapshot
from tests.gates.arbitrary import leaves
from tests.gates.broken import passing_broken
from tests.gates.builders import alter, passing
from tests.gates.full import passing_full
from tests.gates.rich import rich
from tests.gates.tables import put

Case = Callable[[], tuple[Policies, Snapshot]]

FREE = (
    # shown to people only
    r"s\.(consents|groups\.\d+\.members)\.\d+\.(id|name|reason)",
    r"s\.contributors\.known\.\d+\.detail",
    r"s\.artifacts\.\d+\.detail|s\.change\.(number|url)|s\.change\.approvals\.\d+\.(id|name)",
    r"s\.(lineage|evidence\.\d+)\.(digest|predicate_type|result)|s\.tenant",
    r"s\.(lineage|evidence\.\d+)\.(subjects|datasets)\.\d+\.name",
    # instants are judged as ranges, by the tables of each gate
    r"(s|p)(\.\w+)*\.(seen_at|at|issued_at|not_after|since|updated_at|content_at|start|end|proposed_at|last_at)",
    # the revision covers every byte of the manifest, and it is bound
    r"s\.release\.manifest\.(schema|name|version|rationale|environments\.0|change\..*|artifacts\.0\.uri)",
    # exclusions and holds: taking part less, or being known by another account, is the next test's subject
    r"s\.contributors\.known\..*|s\.contributors\.unknown",
    r"s\.groups\.\d+\.members\.(0|2)\..*|s\.groups\.1\.members\.1\..*|s\.groups.*\.(granted_by|granted_by_people)",
    r"s\.(lineage|evidence\.\d+)\.signer_people",
    # documents lie in the revision byte by byte; the path they are named by decides what they are
    r"s\.lineage\.(type|datasets\.\d+\.sha256)|s\.evidence\.\d+\.datasets",
    # GitHub's id is bound, not the name; a draft that is merged is no draft; any commit that holds the revision
    r"s\.pull\.(repository|draft)|s\.deployment\.commit",
    # who approved in ServiceNow, as long as it is enough people of enough groups
    r"s\.change\.approvals\.\d+\.(approver|person|group)",
    # listed, yet asked for by the terms of evidence and change as well
    r"p\.repository\.rules\.0\.gates\.[34]",
    # an empty list of what is not there
    r"s\.release\.problems|s\.release\.manifest\.artifacts\.0\.(path|environments)",
    # other ways of the same strength or more, listed by the rule
    r"s\.consents\.0\.(strength|way)|s\.artifacts\.0\.where",
    # parts of the policy that no term of the rule is made from
    r"p\.(commit|tenant\.(schema|installations.*|release_glob|workflows|groups|trust|rules|freezes))",
    r"p\.(repository\.(schema|freezes)|tenant\.base_refs\.0\.repository)",
    r"p\.repository\.rules\.0\.when\..*",
    # asked for where the tenant requires anchors: an empty list of what waits for one
    r"p\.tenant\.anchored|s\.log\.unanchored",
    # told for the record: what the server was set to when it decided
    r"s\.settings",
    # judged when a key is used, before there is a consent
    r"p\.tenant\.people\.key_cooldown",
    r"p\.repository\.rules\.0\.change\.assignment_group.*",
    r"p\.tenant\.people\.machines|p\.repository\.include",
    # what a whole other rule would be about
    r"s\.consents\.\d+\.(exception|incident|glass)|s\.(calendar|checks|retrospectives)",
    r"s\.(lineage|evidence\.\d+)\.(fields|findings)|s\.release\.head_since",
)
"""What may change without taking an allow back, and why."""

UNUSED = (
    # read by rules that ask for them, which this one does not
    r"p\.repository\.rules\.0\.(seats\.\d+\.shown|veto|exclude|requirements|required_checks|findings|review_time)",
    r"p\.repository\.rules\.0\.(deadline|windows|keep|delegation|break_glass)",
    r"s\.pull\.(head_ref|labels|changed|files|lines)|s\.consents\.\d+\.(shown|delegation)|s\.(pushes|reporting)",
)
FULL = (
    # asked for by the other case
    r"p\.repository\.rules\.0\.(requirements|required_checks|findings|review_time|deadline|windows|break_glass)",
    # a branch, paths and sizes are judged as patterns and ranges, by the table of conditions
    r"s\.pull\.(head_ref|changed\.0|files|lines)|s\.pushes\.0\.changed\.0",
    # the second member of a group that is part of another
    r"s\.groups\.2\.members\.1\..*",
    # a delegation outlives pushes and altered rules, and begins at some time before
    r"s\.consents\.2\.(base_ref|head_sha|revision|effective_rule|artifacts\.0|way|shown|delegation\.(starts_at|scope))",
    r"s\.consents\.[01]\.delegation",
    # another manager of theirs
    r"s\.reporting\.lines\.\d+\.managers\.0",
)
RICH = (
    # asked for by the other cases
    r"p\.repository\.rules\.0\.(seats\.\d+\.shown|veto|keep|delegation)|s\.pushes",
    r"s\.pull\.(head_ref|labels|changed|files|lines)|s\.consents\.\d+\.(shown|delegation)",
    # none of its spans is near; whatever it is called, wherever it is, whoever may pass it
    r"p\.repository\.freezes\.0\.(name|environments|emergency)",
    # spans are judged as ranges, by the table of windows
    r"s\.calendar\.\d+\.(until|spans\.\d+\.\d)",
    # an exception weighs one finding about these very bytes: it outlives pushes and altered rules, says in words what
    # compensates, and its finding is the same however bad the report calls it
    r"s\.consents\.2\.(head_sha|revision|effective_rule|way|exception\.control)",
    r"s\.evidence\.0\.findings\.(0\.severity|\d\.about)",
    # below what is asked about
    r"s\.evidence\.0\.findings\.1\.id",
    # of any App
    r"s\.checks\.checks\.1\.app",
    # another manager of theirs
    r"s\.reporting\.lines\.\d+\.managers\.0",
    # a review that is due later is told, and decides nothing
    r"s\.retrospectives\.0\.(grants\.0|release|environment|due_at|own)",
)
BROKEN = (
    # asked for by the other cases
    r"p\.repository\.rules\.0\.(seats\.\d+\.shown|veto|exclude|requirements|required_checks|findings|review_time)",
    r"p\.repository\.rules\.0\.(deadline|windows|keep|delegation)",
    r"s\.pull\.(head_ref|labels|changed|files|lines)|s\.(pushes|reporting)",
    r"s\.consents\.\d+\.(shown|delegation|way)|s\.change",
    # what the glass waives: evidence, and why the release is made
    r"s\.evidence\.0\.(signers\.0|type|subjects\.0\.sha256)|s\.release\.manifest\.evidence\.0\.type",
    # and with approvals, the groups that would give them
    r"s\.groups\.[01]\..*",
)
UNMERGED = (
    # freezes and windows stop deploying, not merging
    r"p\.repository\.freezes\.0\..*|s\.calendar\..*",
)


def unmerged(case: Case) -> Case:
    """The case asked about before it is merged."""

    def make() -> tuple[Policies, Snapshot]:
        policies, snapshot = case()
        return policies, alter(snapshot, question="merge", pull=alter(snapshot.pull, state="open"), deployment=None)

    return make


CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "plain": (passing, FREE + UNUSED),
    "full": (passing_full, FREE + FULL),
    "rich": (rich, FREE + RICH),
    "broken": (passing_broken, FREE + BROKEN),
    "plain, unmerged": (unmerged(passing), FREE + UNUSED),
    "full, unmerged": (unmerged(passing_full), FREE + FULL),
    "rich, unmerged": (unmerged(rich), FREE + RICH + UNMERGED),
    "broken, unmerged": (unmerged(passing_broken), FREE + BROKEN),
}


def other(value: Any) -> Any:
    """Another well-formed value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return "e" * len(value) if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", value) else value + "x"
    return "x" if value is None else ("x",)


def places(name: str) -> list[tuple[str, str, tuple[str, ...]]]:
    case, free = CASES[name]
    pattern = re.compile("|".join(f"(?:{one})" for one in free))
    return [
        (name, root, path)
        for root, struct in zip("ps", case(), strict=True)
        for path, _ in leaves(struct)
        if not pattern.fullmatch(".".join((root, *path)))
    ]


PLACES = [place for name in CASES for place in places(name)]


@pytest.mark.parametrize(
    ("case", "root", "path"), PLACES, ids=lambda part: part if isinstance(part, str) else ".".join(part)
)
def test_changing_one_bound_thing_takes_the_allow_back(case: str, root: str, path: tuple[str, ...]) -> None:
    policies, snapshot = CASES[case][0]()
    value = other(dict(leaves(policies if root == "p" else snapshot))[path])
    if root == "p":
        policies = put(policies, list(path), value)
    else:
        snapshot = put(snapshot, list(path), value)
    assert decide(policies, snapshot).outcome != "allow"


@pytest.mark.parametrize("case", CASES)
def test_the_cases_are_allowed(case: str) -> None:
    assert decide(*CASES[case][0]()).outcome == "allow"


def test_the_walk_reaches_every_thing_that_a_consent_binds() -> None:
    reached = {
        path[-1]
        for case, root, path in PLACES
        if case == "plain" and root == "s" and path[0] == "consents" and path[1] == "1"
    }
    single = {"repository_id", "pull_number", "manifest_path", "base_ref", "head_sha", "revision", "effective_rule"}
    assert single | {"person", "account", "kind", "via_app", "void", "difference", "decision"} <= reached
    deep = {path[2] for case, root, path in PLACES if root == "s" and path[:2] == ("consents", "1")}
    assert {"environments", "groups", "artifacts"} <= deep


def test_the_walk_reaches_every_thing_that_a_delegation_binds() -> None:
    reached = {".".join(path[2:]) for case, root, path in PLACES if case == "full" and path[:2] == ("consents", "2")}
    assert {
        "decision", "person", "account", "repository_id", "pull_number", "manifest_path", "environments.0", "groups.0",
        "strength", "kind", "via_app", "void", "difference", "delegation.person", "delegation.account",
    } == reached  # fmt: skip
