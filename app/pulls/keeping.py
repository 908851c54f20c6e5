"""Approvals that outlive a push, where the rule keeps them: what has to be compared for that, and whether they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from app.facts.release_files import named_paths
from app.facts.view import PullView, ReleaseView
from app.pulls.store import ARRIVED, LEFT, Head
from gates.kept import voiding
from gates.model import Consent, Push, Snapshot
from gates.terms import EffectiveRule


def pairs(view: PullView, consents: Iterable[Consent], heads: Sequence[Head]) -> frozenset[tuple[str, str]]:
    """The heads (from, to) whose trees have to be compared: of each approval that a rule would keep, its own with the
    present one; where the head is the same again after it was left, with every other that there was."""
    return frozenset(
        (consent.head_sha, other)
        for consent in consents
        if consent.decision == "approve" and not consent.void and _keeping(view, consent)
        for other in _others(consent, view.pull.head_sha, heads)
    )


def pushes_to(view: PullView, release: ReleaseView, environment: str) -> tuple[Push, ...]:
    """Those that a verdict about this environment can depend on."""
    if not _keeps(release, environment):
        return ()
    return tuple(push for push in view.pushes if push.to_sha == view.pull.head_sha)


def outlives(consent: Consent, view: PullView, heads: Sequence[Head]) -> bool:
    """Whether an approval of an earlier head, or of one that was left and is the head again, still stands: in no
    other head of those that count was anything different that the rule cares about."""
    release = view.release(consent.manifest_path)
    others = _others(consent, view.pull.head_sha, heads)
    if release is None or release.facts.manifest is None or not others or not _keeping(view, consent):
        return False
    if consent.revision != release.facts.revision:
        return False
    return all(_unchanged(consent, view, release, environment, others) for environment in consent.environments)


def _others(consent: Consent, now: str, heads: Sequence[Head]) -> tuple[str, ...]:
    if consent.head_sha != now:
        return (now,)
    known = {head.sha for head in heads if head.event in (ARRIVED, LEFT)}
    return tuple(sorted(known - {now}))


def _unchanged(consent: Consent, view: PullView, release: ReleaseView, environment: str, others: Sequence[str]) -> bool:
    rule, manifest = release.rules.get(environment), release.facts.manifest
    if not isinstance(rule, EffectiveRule) or manifest is None:
        return False
    named = set(named_paths(manifest, release.path))
    for other in others:
        pull = msgspec.structs.replace(view.facts, head_sha=other)
        there = Snapshot(
            at=0, question="merge", environment=environment, tenant="", pull=pull, release=release.facts,
            pushes=view.pushes,
        )  # fmt: skip
        if voiding(consent.head_sha, there, rule):
            return False
        # What the release was at a head in between, its revision no longer says: the manifest is the same, so its
        # files must be.
        if any(named & set(push.changed or ()) for push in view.pushes if push.to_sha == other):
            return False
    return True


def _keeping(view: PullView, consent: Consent) -> bool:
    release = view.release(consent.manifest_path)
    return release is not None and all(_keeps(release, name) for name in consent.environments)


def _keeps(release: ReleaseView, environment: str) -> bool:
    rule = release.rules.get(environment)
    return isinstance(rule, EffectiveRule) and rule.keep is not None
