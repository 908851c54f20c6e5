"""Where an earlier verification ended, and whether that may be believed.

What the service kept of it is a row like any other: whoever can write the database can write it. So the tree's edge
counts only if its root is that of a checkpoint of the same size which a key of the log signed.
"""

from __future__ import annotations

from app.verification.port import Baseline, Source
from app.verification.report import Finding, finding
from app.verification.trust import Trust
from manifests import key_history
from manifests.errors import ManifestError
from manifests.merkle import Frontier


async def baseline_of(source: Source, log: str, trust: Trust, findings: list[Finding]) -> Frontier:
    """The edge of the tree that was found right, empty where there is none; tells one that is not borne out."""
    kept = await source.baseline(log)
    if kept is None or kept.size == 0:
        return Frontier()
    stored = await source.checkpoint(log, kept.size)
    why = _refuted(kept, stored, trust)
    if why:
        message = f"log {log}: the verification up to record {kept.size - 1} cannot be gone on with: {why}."
        findings.append(finding("audit.baseline_altered", log, None, message))
        return Frontier()
    return Frontier.from_bytes(kept.frontier) if _counts(stored, trust) else Frontier()


def _counts(stored: str | None, trust: Trust) -> bool:
    """Whether the signature still counts: a key that was revoked since vouches for nothing, so all is read again."""
    return stored is not None and not key_history.judge(trust.history, stored.encode()).taken_back


def _refuted(kept: Baseline, stored: str | None, trust: Trust) -> str:
    """Why a baseline is not to be believed; nothing when it is."""
    if stored is None:
        return f"expected the checkpoint of size {kept.size}, found none"
    try:
        frontier = Frontier.from_bytes(kept.frontier)
        signed = key_history.judge(trust.history, stored.encode()).checkpoint
    except ManifestError as error:
        return error.problems[0].message.rstrip(".")
    if (frontier.size, signed.size) != (kept.size, kept.size):
        return f"expected a tree's edge and a checkpoint of size {kept.size}, found {frontier.size} and {signed.size}"
    if frontier.root() != signed.root:
        return "the root of the tree's edge is not the one that was signed"
    return ""
