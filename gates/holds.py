"""The holds gate: rejections and holds stop a release, and follow its artifacts wherever they go (THREATS 23)."""

from __future__ import annotations

from gates.case import Case, Finding, judged
from gates.model import Consent, Result, Snapshot
from gates.words import instant, listing

_WITHHOLDING = ("reject", "hold")


def holds(case: Case) -> Finding:
    """Fail while any active rejection or hold concerns this release and environment."""
    snapshot = case.snapshot
    manifest = snapshot.release.manifest
    digests = frozenset(artifact.sha256 for artifact in manifest.artifacts) if manifest else frozenset()
    found = [c for c in snapshot.consents if c.decision in _WITHHOLDING and _concerns(c, snapshot, digests)]
    told = [(consent.issued_at, _stop(consent, snapshot)) for consent in found]
    told.sort(key=lambda item: (item[0], item[1].summary, item[1].remedy))
    results = [result for _, result in told]
    return Finding(judged("holds", "Nobody has rejected or held this release.", results))


def _concerns(consent: Consent, snapshot: Snapshot, digests: frozenset[str]) -> bool:
    if consent.void or (consent.environments and snapshot.environment not in consent.environments):
        return False
    return _same_release(consent, snapshot) or not digests.isdisjoint(consent.artifacts)


def _same_release(consent: Consent, snapshot: Snapshot) -> bool:
    return (
        consent.repository_id == snapshot.pull.repository_id
        and consent.pull_number == snapshot.pull.number
        and consent.manifest_path == snapshot.release.manifest_path
    )


def _stop(consent: Consent, snapshot: Snapshot) -> Result:
    name = consent.name or consent.account
    verb = "rejected" if consent.decision == "reject" else "put a hold on"
    what = (
        "this release"
        if _same_release(consent, snapshot)
        else f"the same artifacts in pull request {consent.pull_number} of repository {consent.repository_id}"
    )
    where = f" for {listing(sorted(consent.environments))}" if consent.environments else ""
    why = f": {consent.reason}" if consent.reason else ", without giving a reason"
    return Result(
        consent.decision,
        "fail",
        f"{name} {verb} {what}{where} at {instant(consent.issued_at)}{why}",
        f"Settle it with {name}. {_lifting(consent, name, snapshot)}",
    )


def _lifting(consent: Consent, name: str, snapshot: Snapshot) -> str:
    group = listing(sorted(consent.groups), "or")
    peer = f", or another member of {group} who had no hand in the release," if group else ""
    here = _same_release(consent, snapshot)
    how = f"with /unhold {snapshot.pull.head_sha}" if here else "there with /unhold and the full SHA of its head"
    return f"{name}{peer} lifts it {how}; if {name} approves anew, that lifts it too. A new push does not."
