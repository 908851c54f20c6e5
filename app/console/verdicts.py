"""What was decided for one environment: the stored verdict, and the seats that its rule asks for."""

from __future__ import annotations

import msgspec

from app.blobs.errors import BlobError
from app.blobs.store import BlobStore
from app.db.tx import Tx
from app.decisions import snapshots
from app.decisions import store as decisions
from app.decisions.store import StoredDecision
from app.releases.store import StoredRelease
from gates.counting import count
from gates.excluded import excluded
from gates.model import Consent, Policies, Result, Snapshot, Verdict
from gates.render import text
from gates.rule import applying_rule
from gates.terms import EffectiveRule

WAYS = {
    "review": "GitHub review",
    "command": "/approve comment",
    "cli": "countersign approve",
    "passkey": "passkey",
    "servicenow": "ServiceNow",
}


class Card(msgspec.Struct, frozen=True):
    """A decision as it was recorded. ``problem`` says why its verdict cannot be shown; ``heading`` and
    ``footer`` are the sentences that the check run has over and under the tree."""

    decision: StoredDecision
    verdict: Verdict | None
    heading: str
    footer: str = ""
    problem: str = ""


class SeatRow(msgspec.Struct, frozen=True):
    """A seat of the effective rule and what the verdict says of it."""

    group: str
    count: int
    signature: str
    ways: tuple[str, ...]
    status: str
    summary: str


class Panel(msgspec.Struct, frozen=True):
    """One environment: the decision that counts now, the last one about the other question, the seats."""

    environment: str
    shown: Card | None
    other: Card | None = None
    seats: tuple[SeatRow, ...] = ()


class Basis(msgspec.Struct, frozen=True):
    """The facts that a decision was made from, read back from its snapshot."""

    policies: Policies
    snapshot: Snapshot
    rule: EffectiveRule | None


def card(tx: Tx, blobs: BlobStore, decision: StoredDecision) -> Card:
    """The stored bytes of the verdict, never a new one."""
    try:
        verdict = msgspec.json.decode(blobs.get(tx, decision.verdict), type=Verdict)
    except (BlobError, msgspec.MsgspecError) as error:
        return Card(decision, None, f"{decision.environment}: the verdict cannot be read", problem=str(error))
    lines = text(verdict).rstrip("\n").split("\n")
    return Card(decision, verdict, lines[0].partition(" ")[2], lines[-1])


def basis(tx: Tx, blobs: BlobStore, decision: StoredDecision) -> Basis | None:
    """None when the snapshot is damaged or of a form that this version cannot read."""
    try:
        policies, snapshot = snapshots.load(tx, blobs, decision.snapshot)
        rule = applying_rule(policies, snapshot)
    except Exception:
        # Whatever broke a gate must not hide the page on which somebody looks for the reason.
        return None
    return Basis(policies, snapshot, rule if isinstance(rule, EffectiveRule) else None)


def uncounted(consent: Consent, basis: Basis | None) -> str:
    """Why an approval fills no seat by the facts of a decision; empty when it counts."""
    if basis is None or basis.rule is None:
        return "nothing says who has to approve"
    # The decision may be older than a consent that changed nothing about it.
    at = max(basis.snapshot.at, consent.issued_at)
    # By a delegation somebody may act who is no member.
    given = tuple(one for one in basis.snapshot.consents if one.decision == "delegate" and one.id != consent.id)
    alone = msgspec.structs.replace(basis.snapshot, consents=(consent, *given), at=at)
    try:
        ballot = count(alone, basis.rule, excluded(alone, basis.rule))
    except Exception as error:
        return f"it cannot be judged ({type(error).__name__})"
    if any(ballot.candidates) or any(ballot.acting):
        return ""
    return ballot.refusals[0].why if ballot.refusals else "no seat asks for it"


def panels(
    tx: Tx, blobs: BlobStore, release: StoredRelease, recent: tuple[StoredDecision, ...]
) -> tuple[tuple[Panel, ...], dict[str, Basis]]:
    """Every environment of a release, and the facts behind the decision that counts for each."""
    found, facts = [], {}
    for environment in dict.fromkeys((*release.environments, *release.verdicts)):
        shown, other = _decisions(tx, release, environment, recent)
        if shown is None:
            found.append(Panel(environment, None))
            continue
        what, back = card(tx, blobs, shown), basis(tx, blobs, shown)
        seats = _seats(back.rule, what.verdict) if back and back.rule and what.verdict else ()
        found.append(Panel(environment, what, card(tx, blobs, other) if other else None, seats))
        if back is not None:
            facts[environment] = back
    return tuple(found), facts


def _decisions(
    tx: Tx, release: StoredRelease, environment: str, recent: tuple[StoredDecision, ...]
) -> tuple[StoredDecision | None, StoredDecision | None]:
    """The newest decision for an environment, and the newest about the other question."""
    last = release.verdicts.get(environment)
    merge = decisions.one(tx, release.tenant, last.decision_id) if last else None
    deploy = next((d for d in recent if d.environment == environment and d.question == "deploy"), None)
    both = [decision for decision in (deploy, merge) if decision is not None]
    # An open release asks about merging, whatever a pipeline asked before its last push.
    both.sort(key=lambda decision: (release.state == "open") == (decision.question == "merge"), reverse=True)
    return (both[0] if both else None, both[1] if len(both) > 1 else None)


def _seats(rule: EffectiveRule, verdict: Verdict) -> tuple[SeatRow, ...]:
    approvals = next((result for result in verdict.results if result.name == "approvals"), None)
    said: dict[str, Result] = {child.name: child for child in approvals.children} if approvals else {}
    rows = []
    for seat in rule.seats:
        result = said.get(seat.group)
        rows.append(
            SeatRow(
                seat.group, seat.count, seat.signature, tuple(WAYS.get(way, way) for way in seat.accept),
                result.status if result else "wait", result.summary if result else "Nothing is said of it.",
            )
        )  # fmt: skip
    return tuple(rows)
