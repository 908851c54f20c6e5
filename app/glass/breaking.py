"""What becomes of the grants by which an allow broke the glass: one redeemed decision uses them up."""

from __future__ import annotations

import msgspec

from app.audit.errors import RecordAlteredError
from app.blobs.store import BlobStore
from app.clock import SECOND
from app.consents import bearing as consents
from app.consents.recording import Recorder
from app.db.tx import Tx
from app.decisions import bearing
from app.decisions.bearing import BrokenBy
from app.decisions.store import StoredDecision
from app.glass import words
from app.notices.service import want
from app.pulls import store as pulls
from app.pulls.again import judge_open
from app.rebuild import glasses
from app.rebuild.glasses import GlassRow
from app.releases import store as releases
from gates.model import Consent, Snapshot, Verdict
from gates.terms import EffectiveRule, NoRule
from manifests import canonical

RESULT = "break glass"


class GlassUsedError(Exception):
    """The consents that broke the glass were used by another decision, or taken back."""


def broken(snapshot: Snapshot, verdict: Verdict, rule: EffectiveRule | NoRule | None) -> BrokenBy | None:
    """How a verdict breaks the glass; None when it does not, or when nothing had to be waived for it."""
    by_glass = any(result.name == RESULT and result.status == "pass" for result in verdict.results)
    if not by_glass or all(result.status != "waived" for result in verdict.results):
        return None
    terms = rule.break_glass if isinstance(rule, EffectiveRule) else None
    if terms is None:
        raise ValueError("expected a rule that lets people break the glass, found a verdict that did without one")
    return BrokenBy(tuple(sorted(one.id for one in breaking(snapshot))), terms.review_by, terms.review_within)


def breaking(snapshot: Snapshot) -> tuple[Consent, ...]:
    """The statements to break the glass for what is asked about that nobody took back, oldest first."""
    pull, path = snapshot.pull, snapshot.release.manifest_path
    found = (
        consent
        for consent in snapshot.consents
        if consent.decision == "break-glass" and not consent.void and not consent.difference
        if (consent.repository_id, consent.pull_number, consent.manifest_path)
        == (pull.repository_id, pull.number, path)
        if consent.head_sha == pull.head_sha and snapshot.environment in consent.environments
    )
    return tuple(sorted(found, key=lambda consent: (consent.issued_at, consent.id)))


class Breaking:
    """Called in the transaction that redeems a decision."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def usable(self, tx: Tx, decision: StoredDecision) -> bool:
        """Whether an allow that was not redeemed yet can be: those by breaking the glass only while their grants
        stand, in the table and in the log."""
        try:
            by = bearing.broken_by(tx, decision)
        except (RecordAlteredError, msgspec.MsgspecError):
            return False
        return by is None or self._stands(tx, decision, by)

    def use(self, tx: Tx, decision: StoredDecision, by: str, now: int) -> None:
        """Void the grants and have the glass reviewed, if the decision broke it. Raises GlassUsedError, and the
        transaction must end with that: of two decisions by the same grants only one can be used."""
        glass = bearing.broken_by(tx, decision)
        if glass is None:
            return
        release = releases.one(tx, decision.tenant, decision.release_id)
        if release is None or not self._stands(tx, decision, glass):
            raise GlassUsedError(GlassUsedError.__doc__)
        recorder = Recorder(tx, decision.tenant, self._blobs, now)
        cause = f"decision/{decision.id}"
        for grant in sorted(glass.grants):
            if not recorder.void(release.trace_id, release.id, grant, f"used by decision {decision.id}", cause):
                raise GlassUsedError(GlassUsedError.__doc__)
        row = GlassRow(
            decision.id, release.repository_id, release.id, decision.environment,
            canonical.encode(sorted(glass.grants)).decode(), glass.review_by, now + glass.review_within * SECOND, now,
        )  # fmt: skip
        glasses.add_broken(tx, decision.tenant, row, trace_id=release.trace_id, by=by)
        known = pulls.repository(tx, release.repository_id)
        notice = words.used(release, known.name if known else "", row)
        key = f"glass/{release.id}/used/{decision.id}"
        about = glasses.resource(row.repository_id, row.id)
        want(tx, release.repository_id, release.number, key, notice, about, now)
        judge_open(tx, release.repository_id, now)

    def _stands(self, tx: Tx, decision: StoredDecision, by: BrokenBy) -> bool:
        told = consents.recorded(tx, decision.tenant, decision.release_id)
        said = [told.get(grant) for grant in by.grants]
        return bool(said) and all(
            one is not None and one.grant is not None and one.void is None and not one.problem for one in said
        )
