"""Everything that the page of one release shows, read in one transaction."""

from __future__ import annotations

import msgspec

from app.audit import proofs
from app.audit.errors import RecordAlteredError, TreeAlteredError
from app.blobs.store import BlobStore
from app.changes import store as changes
from app.changes.store import StoredChange
from app.consents import bearing
from app.consents import store as consents
from app.console import granted, timeline, verdicts
from app.console.access import Viewer
from app.console.granted import ConsentRow
from app.console.names import Names
from app.console.timeline import Context, Entry, Stage
from app.console.verdicts import Basis, Panel
from app.db.tx import Tx
from app.decisions import store as decisions
from app.decisions.store import StoredDecision, StoredDeployment
from app.pulls import store as pulls
from app.pulls.situation import Note
from app.releases import store as releases
from app.releases.store import StoredRelease
from app.signatures.checking import StatementChecker
from gates.model import Consent, SignedDocument
from manifests.record import Record
from manifests.release import Artifact, Release

ENTRIES = 200
DECISIONS = 20
_WHERE = {
    "repository": "in the repository",
    "lfs": "behind a Git LFS pointer",
    "uri": "at its address",
    "manifest": "named by the signed lineage",
}


class ArtifactRow(msgspec.Struct, frozen=True):
    """``status`` is present, absent, mismatch or unreadable; empty when nothing was looked for yet."""

    artifact: Artifact
    status: str
    where: str
    size: int | None
    detail: str


class Signer(msgspec.Struct, frozen=True):
    """``who`` is empty when the rule does not trust the key."""

    fingerprint: str
    who: str


class DocumentRow(msgspec.Struct, frozen=True):
    document: SignedDocument
    signers: tuple[Signer, ...]


class DecisionRow(msgspec.Struct, frozen=True):
    decision: StoredDecision
    by: str


class DeploymentRow(msgspec.Struct, frozen=True):
    deployment: StoredDeployment
    by: str


class Live(msgspec.Struct, frozen=True):
    """The part that refreshes itself. ``line`` is what to paste to approve, empty when there is nothing to."""

    release: StoredRelease
    panels: tuple[Panel, ...]
    line: str
    waiting: bool


class ReleasePage(msgspec.Struct, frozen=True):
    release: StoredRelease
    repository: str
    requester: str
    base_ref: str
    manifest: Release | None
    live: Live
    stages: tuple[Stage, ...]
    entries: tuple[Entry, ...]
    older: int
    log_problem: str
    consents: tuple[ConsentRow, ...]
    changes: tuple[StoredChange, ...]
    artifacts: tuple[ArtifactRow, ...]
    documents: tuple[DocumentRow, ...]
    decisions: tuple[DecisionRow, ...]
    deployments: tuple[DeploymentRow, ...]


def live(tx: Tx, blobs: BlobStore, viewer: Viewer, identity: str) -> Live | None:
    """None when there is no such release for this viewer."""
    found = visible(tx, viewer, identity)
    return _live(tx, blobs, found[0])[0] if found else None


def page(tx: Tx, blobs: BlobStore, viewer: Viewer, identity: str) -> ReleasePage | None:
    """None when there is no such release for this viewer."""
    found = visible(tx, viewer, identity)
    if found is None:
        return None
    release, repository = found
    tenant, names = viewer.tenant, Names(tx, viewer.tenant)
    current, bases, recent = _live(tx, blobs, release)
    basis = max(bases.values(), key=lambda one: one.snapshot.at, default=None)
    records, problem = _records(tx, release)
    stored = consents.of_releases(tx, tenant, [release.id])
    grants = bearing.consents(tx, tenant, release.id, stored, StatementChecker(blobs))
    notes, base_ref, _ = pulls.pull_notes(tx, release.repository_id, release.number)
    heads = pulls.heads(tx, release.repository_id, release.number)
    context = Context(
        names, release.requester, {consent.id: consent for consent in grants},
        {head.sha: head.actor for head in heads if head.event == pulls.ARRIVED},
        timeline.notes_by_digest(msgspec.json.decode(notes, type=tuple[Note, ...])),
    )  # fmt: skip
    deployed = decisions.deployments(tx, tenant, release.id)
    return ReleasePage(
        release, repository, names.of(release.requester), base_ref,
        basis.snapshot.release.manifest if basis else None, current, timeline.stages(records),
        timeline.entries(records[-ENTRIES:], context), max(len(records) - ENTRIES, 0), problem,
        tuple(granted.row(consent, _idle(consent, bases), names) for consent in reversed(grants)),
        changes.of_release(tx, release.id), _artifacts(basis), _documents(basis),
        tuple(DecisionRow(decision, names.of(decision.asked_by)) for decision in recent[:DECISIONS]),
        tuple(DeploymentRow(deployment, names.of(deployment.by)) for deployment in reversed(deployed)),
    )  # fmt: skip


def visible(tx: Tx, viewer: Viewer, identity: str) -> tuple[StoredRelease, str] | None:
    """The release and its repository's name, if the viewer may see it."""
    release = releases.one(tx, viewer.tenant, identity)
    repository = pulls.repository(tx, release.repository_id) if release else None
    if release is None or repository is None or not viewer.sees(repository.name, release.environments):
        return None
    return release, repository.name


def _live(
    tx: Tx, blobs: BlobStore, release: StoredRelease
) -> tuple[Live, dict[str, Basis], tuple[StoredDecision, ...]]:
    recent = decisions.of_release(tx, release.tenant, release.id)
    panels, bases = verdicts.panels(tx, blobs, release, recent)
    outcomes = {panel.shown.decision.outcome if panel.shown else "wait" for panel in panels}
    unsettled = release.state != "closed" and bool(outcomes - {"allow"} or not panels)
    line = ""
    if release.state == "open" and any(panel.seats for panel in panels):
        line = " ".join(["/approve", release.head_sha, *release.environments])
    return Live(release, panels, line, unsettled), bases, recent


def _idle(consent: Consent, bases: dict[str, Basis]) -> str:
    if consent.void or consent.difference:
        return consent.void or consent.difference
    if consent.decision != "approve":
        return ""
    reasons = [verdicts.uncounted(consent, bases.get(environment)) for environment in consent.environments]
    return "" if not all(reasons) else reasons[0] if reasons else "it names no environment"


def _records(tx: Tx, release: StoredRelease) -> tuple[tuple[Record, ...], str]:
    """The trace with its chain and its place in the tree checked, or what is wrong with it."""
    try:
        return proofs.trace(tx, release.tenant, release.trace_id), ""
    except (RecordAlteredError, TreeAlteredError) as error:
        return (), str(error)


def _artifacts(basis: Basis | None) -> tuple[ArtifactRow, ...]:
    manifest = basis.snapshot.release.manifest if basis else None
    if basis is None or manifest is None:
        return ()
    found = {facts.name: facts for facts in basis.snapshot.artifacts}
    rows = []
    for artifact in manifest.artifacts:
        facts = found.get(artifact.name)
        if facts is None:
            rows.append(ArtifactRow(artifact, "", "", artifact.size, ""))
        else:
            size = facts.size if facts.size is not None else artifact.size
            rows.append(ArtifactRow(artifact, facts.status, _WHERE.get(facts.where, ""), size, facts.detail))
    return tuple(rows)


def _documents(basis: Basis | None) -> tuple[DocumentRow, ...]:
    if basis is None:
        return ()
    lineage = (basis.snapshot.lineage,) if basis.snapshot.lineage else ()
    rows = []
    for document in (*lineage, *basis.snapshot.evidence):
        trusted = basis.rule.signers(document.type) if basis.rule else ()
        who = {signer.key: signer.who for signer in trusted}
        signers = tuple(Signer(key, who.get(key, "")) for key in document.signers)
        rows.append(DocumentRow(document, signers))
    return tuple(rows)
