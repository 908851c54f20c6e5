"""A version of the policy is released: its pull request was merged while Countersign's verdict allowed just these
bytes."""

from __future__ import annotations

from typing import Literal

import msgspec
import structlog

from app.audit import store as audit
from app.audit.errors import RecordAlteredError
from app.blobs.store import BlobStore
from app.db.tx import Tx
from app.facts.release_files import POLICY_ENVIRONMENT
from app.inbox import store as inbox
from app.pulls import store as pulls
from app.pulls.model import Evaluation
from app.rebuild.memory import Memory
from app.rebuild.policies import PolicyRow
from app.rebuild.saying import SERVICE
from app.releases.store import StoredRelease
from app.standing import store
from app.standing.opposing import opposed
from app.work import store as work
from gates.model import Verdict
from manifests.policy import POLICY_PATH
from manifests.record import Record
from manifests.revision import revision

_log = structlog.get_logger()


class VerdictData(msgspec.Struct, frozen=True):
    """What the data of a ``verdict.recorded`` record says of a verdict on merging."""

    environment: str
    head: str
    question: Literal["merge", "deploy"]
    release: str
    revision: str
    snapshot: str


class Releasing:
    """Called in the transaction that writes an evaluation down."""

    def __init__(self, memory: Memory, blobs: BlobStore) -> None:
        self._memory = memory
        self._blobs = blobs

    def __call__(self, tx: Tx, of: Evaluation) -> None:
        view, release = of.view.release(POLICY_PATH), of.releases.get(POLICY_PATH)
        if view is None or release is None or view.policy is None or not view.policy.merged:
            return
        log, sha256 = of.tenant.id, view.policy.merged
        pull = of.view.pull
        known = store.branch(tx, self._memory, log, of.repository.id, pull.base_ref)
        if pull.merged_at is None or any(row.release_id == release.id for row in known.rows):
            return
        if inbox.unheard_since(tx, f"pull/{of.repository.id}/{pull.number}") is not None:
            # What was said before the merge may be among what nobody has heard yet; it is, next.
            return
        if why := _not_allowed(tx, self._blobs, of, release, sha256, view.digests):
            _log.warning("policy.not_released", release=release.id, sha256=sha256, reason=why)
            return
        row = PolicyRow(of.repository.id, pull.base_ref, sha256, "released", SERVICE, release.id, pull.merged_at)
        store.add(tx, log, row, of.now, release.trace_id)
        self._blobs.put_many(tx, [("policy", source) for source in view.sources])
        for number, _, _ in pulls.open_pulls(tx, of.repository.id):
            work.mark(tx, f"pull/{of.repository.id}/{number}", of.now)


def _not_allowed(
    tx: Tx, blobs: BlobStore, of: Evaluation, release: StoredRelease, sha256: str, digests: dict[str, str]
) -> str:
    """Why merging it releases nothing; empty when the verdict in force at the merged head allowed these very bytes.

    The log is asked, not the row of the release.
    """
    before = of.said.release(release.id)
    if before is None or before.base_ref != of.view.pull.base_ref:
        return "it was merged into another branch than the one it was judged for"
    if set(digests.values()) != {sha256} or release.revision != revision({POLICY_PATH: sha256}):
        return "the merge left other bytes on the branch than the head has"
    try:
        trace = audit.trace(tx, of.tenant.id, release.trace_id)
    except RecordAlteredError as error:
        return f"record {error.seq} of its trace was altered"
    last = _last_verdict(trace, release.id)
    if last is None:
        return "no verdict is on record"
    record, said = last
    # Also one that was heard some evaluations ago: what is merged is not judged again.
    since = (one for one in trace if one.tseq > record.tseq)
    voided = any(void.grant.release_id == release.id for void in of.consented.voids)
    if voided or any(one.event == "grant.voided" for one in since):
        return "consent was taken back before the merge was seen"
    stopped = any(path == POLICY_PATH and not _unopposed(verdict) for path, _, verdict in of.verdicts)
    if stopped or opposed(tx, blobs, of, release, said.snapshot):
        return "it was rejected or held before the merge was seen"
    if (said.head, said.revision) != (of.view.pull.head_sha, release.revision):
        return "the last verdict was on another head"
    return "" if record.outcome == "allow" else f"the last verdict was {record.outcome}"


def _unopposed(verdict: Verdict) -> bool:
    return any(result.name == "holds" and result.status == "pass" for result in verdict.results)


def _last_verdict(trace: tuple[Record, ...], release_id: str) -> tuple[Record, VerdictData] | None:
    for record in reversed(trace):
        if record.event == "verdict.recorded":
            said = msgspec.json.decode(record.data, type=VerdictData)
            if (said.question, said.environment, said.release) == ("merge", POLICY_ENVIRONMENT, release_id):
                return record, said
    return None
