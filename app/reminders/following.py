"""What follows from an evaluation for deadlines: one reminder or escalation at a time, each once for a head."""

from __future__ import annotations

from app.db.tx import Tx
from app.effects import store as effects
from app.notices.service import want
from app.pulls.model import Evaluation
from app.releases.store import StoredRelease
from app.reminders.due import Step, awaited, last_due
from app.reminders.words import missing, notice
from gates.model import Snapshot, Verdict
from gates.terms import EffectiveRule
from manifests.record import Draft, facts
from manifests.vocabulary import Event


def remind(tx: Tx, of: Evaluation) -> None:
    """Called in the transaction that writes an evaluation down. What waits no longer is not reminded of any more, also
    where that was wanted before and could not be posted."""
    for path, snapshot, verdict in of.verdicts:
        release, view = of.releases[path], of.view.release(path)
        rule = view.rules.get(snapshot.environment) if view is not None else None
        deadline = awaited(rule, snapshot, verdict)
        prefix = f"remind/{release.id}/{snapshot.environment}/"
        if deadline is None or not isinstance(rule, EffectiveRule):
            effects.drop(tx, prefix, of.now)
            continue
        since = snapshot.release.head_since
        step = last_due(deadline, since, of.now)
        key = f"{prefix}{of.view.pull.head_sha}/{step.name}" if step else ""
        if step is None or effects.get(tx, key) is not None:
            continue
        effects.drop(tx, prefix, of.now)
        about = f"reminder/{release.id}/{snapshot.environment}"
        _record(tx, of, release, snapshot, verdict, rule, step, about)
        said = notice(release, of.repository.name, snapshot.environment, rule, deadline, step, since, verdict)
        want(tx, of.repository.id, release.number, key, said, about, of.now)


def _record(
    tx: Tx, of: Evaluation, release: StoredRelease, snapshot: Snapshot, verdict: Verdict, rule: EffectiveRule,
    step: Step, about: str,
) -> None:  # fmt: skip
    data = {
        "environment": snapshot.environment, "groups": list(missing(rule, verdict)), "head": of.view.pull.head_sha,
        "release": release.id, "step": step.name,
    }  # fmt: skip
    event: Event = "release.escalated" if step.escalates else "release.reminded"
    draft = Draft(
        trace_id=release.trace_id, ts=of.now, stage="approve", event=event, component="reminders",
        action=event.partition(".")[2], resource=about, actor_ref="service:countersign", outcome=step.name,
        tags=("P3",) if step.escalates else (), data=facts(data),
    )  # fmt: skip
    tx.stage(of.tenant.id, draft)
