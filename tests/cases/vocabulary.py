"""What a case can say that it covers, and what has to be covered.

``hole`` are ways in which other systems let a release pass that four eyes have not seen, ``asked`` what users of such
systems asked for (by the number of their request), ``peers`` what none of them has, ``threats`` the rows of our own
threats. The others name a word of the policy: a condition under ``when``, a key of a ``seat``, a source of a
``group``, a key of a ``rule``, a ``gate``, or a key of the ``tenant`` policy.
"""

from __future__ import annotations

import msgspec

from manifests.policy import GATE_NAMES, Group, Rule, Seat, When

HOLES = {
    1: "one person in two groups fills both of their seats",
    2: "a forced push back to an older head revives approvals",
    3: "who contributed by the second parent of a merge may approve",
    4: "who is hidden behind an unlinked e-mail address may approve",
    5: "an empty policy, or none, lets everything pass",
    6: "logins and names are told apart by their capitals",
    7: "the merge queue is waved through",
    8: "an edited comment counts, or its tampering is forgotten by the next event",
    9: "an approval is found in quoted or negated text",
}
ASKED = {
    169: "approvals from different people of different teams",
    592: "one member of two teams approves for one of them",
    496: "counts over several teams",
    80: "rules for parts of the tree that ask together",
    181: "owners by CODEOWNERS",
    1150: "owners that are teams",
    1128: "not",
    840: "a condition about who asks, and its contrary",
    1196: "humans only: no bots and no machines",
    311: "rules about time",
    53: "approvals that age",
    208: "approvals that outlive a merge of the base",
    795: "approvals that outlive a rebase which changes nothing of note",
    319: "rules of the repository beside those of all",
    906: "policies that include others",
    1038: "rules that hold everywhere",
    348: "rich messages in the check",
    333: "which rule failed",
    645: "tests of policies",
    800: "the merge queue is judged anew",
    960: "missed events do not leave a pull request stuck",
    1373: "events that change nothing cost nothing",
    1083: "edits of text take no approval back",
    266: "approvals that were taken back are shown",
    903: "nothing merges without what was asked for",
}
PEERS = {
    1: "signatures of the approvers' own",
    2: "distinct people across groups",
    3: "approvals bound to digests, verified again at the deployment",
    4: "the head at the time of consent, and the whole graph of commits",
    5: "membership at consent and again when it counts; no bots",
    6: "expiry, freezes and delegation together",
    7: "breaking the glass with two people, a limit and a review",
    8: "edits and deletions void for good; exact commands only",
    11: "approvals in ServiceNow that are held to their rows",
    12: "an answer of the gate is short-lived and used once",
    13: "the policy itself under four eyes; none denies",
    14: "the merge queue judged anew",
    15: "tests of policies that an auditor can read",
    16: "why, rule by rule",
}
PEERS_ELSEWHERE = {9: "tests/audit/test_proofs.py", 10: "tests/ingest/test_views.py"}
"""What is no matter of policies or approvals, and where it is held."""

GATES = (
    *GATE_NAMES, "release", "rule", "approvals", "holds", "review_time", "windows", "deployment", "deadline",
    "break glass", "retrospective",
)  # fmt: skip
GATES_ELSEWHERE = {"anchored": "tests/gates/test_deploying.py", "freshness": "tests/gates/test_times.py"}
"""What takes a sink outside the database, or a neighbour that hangs."""

THREATS = range(1, 26)
WORDS: dict[str, type[msgspec.Struct]] = {"when": When, "seat": Seat, "group": Group, "rule": Rule}
TENANT = ("machines",)


def required() -> tuple[str, ...]:
    """Every token that some case has to have."""
    return (
        *(f"hole {number}" for number in HOLES),
        *(f"asked #{number}" for number in ASKED),
        *(f"peers 4.{number}" for number in PEERS),
        *(f"gate {name}" for name in GATES),
        *(f"{word} {key}" for word, struct in WORDS.items() for key in keys(struct)),
        *(f"tenant {key}" for key in TENANT),
    )


def known() -> frozenset[str]:
    """Every token that a case can have."""
    more = (f"peers 4.{number}" for number in PEERS_ELSEWHERE)
    return frozenset((*required(), *more, *(f"threats {number}" for number in THREATS)))


def keys(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """Its fields as the policy writes them."""
    return tuple(field.encode_name for field in msgspec.structs.fields(struct))


def told(token: str) -> str:
    """What a token stands for, where its words do not say so."""
    kind, _, rest = token.partition(" ")
    texts = {"hole": HOLES, "asked": ASKED, "peers": PEERS}.get(kind, {})
    number = rest.removeprefix("#").removeprefix("4.")
    return texts.get(int(number), "") if number.isdigit() else ""
