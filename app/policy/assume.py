"""The release as it would be: pushed to, labelled, merged, later. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from app.policy.assumptions import Assumptions, Pushed
from gates.model import Contributor, Policies, Push, Snapshot
from gates.words import instant, listing
from manifests.policy import POLICY_PATH
from manifests.release import Release
from manifests.release_parser import referenced_paths

MANY = 20
_SEEN = ("pull", "contributors", "change", "deployment", "checks", "reporting")


def changed(snapshot: Snapshot, assumed: Assumptions) -> tuple[Snapshot, list[str]]:
    """The snapshot with everything assumed but the time and what people say, and sentences that tell it.

    Which rule applies, and so which groups and times are asked about, has to be found out anew.
    """
    told: list[str] = []
    if assumed.push is not None:
        snapshot = _pushed(snapshot, assumed.push, told)
    if assumed.label or assumed.unlabel:
        snapshot = _labelled(snapshot, assumed, told)
    if assumed.merged and snapshot.pull.state != "merged":
        pull = msgspec.structs.replace(snapshot.pull, state="merged", draft=False)
        snapshot = msgspec.structs.replace(snapshot, pull=pull)
        told.append("The pull request is merged as it is.")
    return snapshot, told


def later(policies: Policies, snapshot: Snapshot, at: int) -> tuple[Policies, Snapshot]:
    """The same at another time. What was seen so long before the snapshot's own instant is seen so long before then."""
    by = at - snapshot.at
    moved = {name: _seen(getattr(snapshot, name), by) for name in _SEEN}
    groups = tuple(_seen(group, by) for group in snapshot.groups)
    return _seen(policies, by), msgspec.structs.replace(snapshot, at=at, groups=groups, **moved)


def told_later(at: int) -> str:
    return f"It is {instant(at)}; everything else is as it is now, and seen anew then."


def _seen(facts: Any, by: int) -> Any:
    return None if facts is None else msgspec.structs.replace(facts, seen_at=facts.seen_at + by)


def _pushed(snapshot: Snapshot, push: Pushed, told: list[str]) -> Snapshot:
    pull, release = snapshot.pull, snapshot.release
    head = hashlib.sha256(f"a push after {pull.head_sha}".encode()).hexdigest()[:40]
    own = None if push.changed is None else sorted(_own(release.manifest, release.manifest_path) & set(push.changed))
    altered = own is None or bool(own)
    known = None if pull.changed is None or push.changed is None else {*pull.changed, *push.changed}
    files = pull.files if known is None else max(pull.files or 0, len(known))
    pull = msgspec.structs.replace(
        pull, head_sha=head, changed=None if known is None else tuple(sorted(known)),
        files=None if pull.files is None else files,
    )  # fmt: skip
    revision = hashlib.sha256(f"another than {release.revision}".encode()).hexdigest() if altered else release.revision
    release = msgspec.structs.replace(release, revision=revision, head_since=snapshot.at)
    pushers = snapshot.contributors.known
    if push.by is not None:
        pushers += (Contributor(push.by.account, push.by.person, "pusher"),)
    told += _about(push, own)
    return msgspec.structs.replace(
        snapshot, pull=pull, release=release, pushes=_pushes(snapshot, head, push.changed),
        contributors=msgspec.structs.replace(snapshot.contributors, known=pushers),
    )  # fmt: skip


def _own(manifest: Release | None, path: str) -> set[str]:
    """The manifest and every file in the repository that it names; a policy names none."""
    return {path, *(referenced_paths(manifest, path) if manifest is not None and path != POLICY_PATH else ())}


def _pushes(snapshot: Snapshot, head: str, changed: tuple[str, ...] | None) -> tuple[Push, ...]:
    """From every head that somebody consented to: what was pushed before, and this."""
    before = {push.from_sha: push.changed for push in snapshot.pushes if push.to_sha == snapshot.pull.head_sha}
    before[snapshot.pull.head_sha] = ()
    return tuple(
        Push(sha, head, None if paths is None or changed is None else tuple(sorted({*paths, *changed})))
        for sha, paths in sorted(before.items())
    )


def _about(push: Pushed, own: list[str] | None) -> list[str]:
    by = push.by.name if push.by is not None else "whoever asked for the release"
    if push.changed is None:
        what = "a push of which it is not known what it changes, so the files of the release are taken as changed"
    elif own:
        what = (
            f"a push that changes {listing(push.changed, most=MANY)}; of the release itself {listing(own, most=MANY)}"
        )
    else:
        what = f"a push that changes {listing(push.changed, most=MANY) or 'no file'}, and nothing of the release itself"
    return [
        f"First comes {what}. It is {by} who pushes.",
        "What the pushed files say is in order, and no check has run at the new head yet.",
    ]


def _labelled(snapshot: Snapshot, assumed: Assumptions, told: list[str]) -> Snapshot:
    gone = {label.casefold() for label in (*assumed.unlabel, *assumed.label)}
    kept = [label for label in snapshot.pull.labels or () if label.casefold() not in gone]
    labels = tuple(sorted({*kept, *assumed.label}))
    told.append(f"The pull request has the labels {listing(labels, most=MANY)}." if labels else "It has no labels.")
    if snapshot.pull.labels is None:
        told.append("Its labels could not be read; others than these are taken as not there.")
    return msgspec.structs.replace(snapshot, pull=msgspec.structs.replace(snapshot.pull, labels=labels))
