"""What follows from an evaluation for broken glasses: the first statement to break one is told, a review settles."""

from __future__ import annotations

from app.consents.bearing import Check
from app.db.tx import Tx
from app.effects import store as effects
from app.glass import words
from app.glass.bearing import breakers, glasses_of
from app.glass.breaking import breaking
from app.notices.service import want
from app.pulls.again import judge_open
from app.pulls.model import Evaluation
from app.rebuild import glasses
from app.rebuild.glasses import GlassRow, ReviewRow
from app.rebuild.memory import Memory
from app.releases.store import StoredRelease
from gates.excluded import excluded
from gates.model import Consent, Snapshot
from gates.terms import EffectiveRule


class GlassFollowing:
    """Called in the transaction that writes an evaluation down."""

    def __init__(self, memory: Memory, check: Check) -> None:
        self._memory = memory
        self._check = check

    def __call__(self, tx: Tx, of: Evaluation) -> None:
        for path, snapshot, _ in of.verdicts:
            release = of.releases[path]
            self._opened(tx, of, release, snapshot)
            for consent in _reviews(snapshot):
                self._settle(tx, of, release, snapshot, consent)

    def _opened(self, tx: Tx, of: Evaluation, release: StoredRelease, snapshot: Snapshot) -> None:
        """Told once, however many follow the first; those of the same second come in any order."""
        said = breaking(snapshot)
        keys = [f"glass/{release.id}/opened/{snapshot.environment}/{consent.id}" for consent in said]
        if not said or any(effects.get(tx, key) is not None for key in keys):
            return
        notice = words.opened(release, of.repository.name, snapshot.environment, said[0])
        want(tx, of.repository.id, release.number, keys[0], notice, f"grant/{release.id}/{said[0].id}", of.now)

    def _settle(self, tx: Tx, of: Evaluation, release: StoredRelease, snapshot: Snapshot, consent: Consent) -> None:
        """Judged again: when the statement was accepted, what is known now may not have been."""
        log = of.tenant.id
        for glass in glasses_of(tx, self._memory, log, of.repository.id, self._check).owed:
            about = (glass.id, glass.release_id, glass.environment)
            mine = (consent.glass, release.id, snapshot.environment)
            if about != mine or self._barred(tx, of, glass, snapshot, consent):
                continue
            row = ReviewRow(glass.id, consent.id, of.now)
            if glasses.add_review(tx, log, glass, row, trace_id=release.trace_id, person=consent.person):
                judge_open(tx, of.repository.id, of.now)

    def _barred(self, tx: Tx, of: Evaluation, glass: GlassRow, snapshot: Snapshot, consent: Consent) -> bool:
        """Whether the reviewer is none: they broke it, had a hand in the release, or are of another group."""
        view = of.view.release(snapshot.release.manifest_path)
        rule = view.rules.get(snapshot.environment) if view is not None else None
        barred = excluded(snapshot, rule if isinstance(rule, EffectiveRule) else None)
        return (
            glass.review_by not in consent.groups
            or consent.person in breakers(tx, self._memory, of.tenant.id, glass)
            or bool(barred.deed(consent.account, consent.person))
        )


def _reviews(snapshot: Snapshot) -> list[Consent]:
    pull, path = snapshot.pull, snapshot.release.manifest_path
    return [
        consent
        for consent in snapshot.consents
        if consent.decision == "review" and not (consent.void or consent.difference or consent.via_app)
        if consent.kind == "User" and snapshot.environment in consent.environments
        if (consent.repository_id, consent.pull_number, consent.manifest_path)
        == (pull.repository_id, pull.number, path)
    ]
