"""Approvals of an earlier head: whether they outlive the pushes since."""

from __future__ import annotations

from gates.glob import matches
from gates.model import Snapshot
from gates.terms import EffectiveRule
from gates.words import short
from manifests.policy import POLICY_PATH


def voiding(head: str, snapshot: Snapshot, rule: EffectiveRule) -> str:
    """Why an approval of ``head`` is none of the head that there is now; empty where it outlives what was pushed since.

    It does where the rule keeps approvals and no path of the policy, of the manifest or of ``unless_changed`` differs
    between the two trees. That the files of the release are what they were, its revision says.
    """
    now = snapshot.pull.head_sha
    given = f"it was given for head {short(head)}, and"
    if rule.keep is None or not head or not now:
        return f"{given} the head is now {short(now)}"
    changed = [push.changed for push in snapshot.pushes if (push.from_sha, push.to_sha) == (head, now)]
    if not changed or None in changed:
        return f"{given} it is not known what differs between it and the head {short(now)}"
    patterns = (POLICY_PATH, snapshot.release.manifest_path, *rule.keep.unless_changed)
    for path in sorted({path for paths in changed for path in paths or ()}):
        if any(matches(pattern, path) for pattern in patterns):
            return f"{given} {path} has changed since"
    return ""
