"""Who stopped a policy before it was merged, and was heard only afterwards: by then another policy stands on the base
branch, under which they may belong to no group that is asked."""

from __future__ import annotations

import msgspec

from app.blobs.errors import BlobError
from app.blobs.store import BlobStore
from app.clock import SECOND
from app.consents import store as consents
from app.db.tx import Tx
from app.decisions import snapshots
from app.people.service import github_account
from app.pulls import store as pulls
from app.pulls.model import Evaluation
from app.pulls.observe import Said
from app.releases.store import StoredRelease
from app.work.runner import WORK_S
from manifests.command import Command, parse_command


def opposed(tx: Tx, blobs: BlobStore, of: Evaluation, release: StoredRelease, snapshot: str) -> bool:
    """Whether somebody whom the verdict of this ``snapshot`` (its SHA-256) asked rejected or held the release before it
    was merged, and nothing was made of it. In doubt somebody did."""
    merged_at = of.view.pull.merged_at
    try:
        _, judged = snapshots.load(tx, blobs, snapshot)
    except (BlobError, msgspec.MsgspecError):
        return True
    accounts = {member.account for group in judged.groups for member in group.members}
    heard = {grant.object for grant in consents.of_releases(tx, of.tenant.id, [release.id])}
    for seen in pulls.observations(tx, of.repository.id, of.view.pull.number):
        # What was delivered while that verdict was being made was not part of it.
        if seen.object in heard or seen.received_at < judged.at - WORK_S * SECOND:
            continue
        said = msgspec.json.decode(seen.body_json, type=Said)
        by = github_account(said.account) if said.account is not None else ""
        if by in accounts and _stops(seen.kind, said) and (merged_at is None or said.at <= merged_at):
            return True
    return False


def _stops(kind: str, said: Said) -> bool:
    command = parse_command(said.body) if kind == "comment.created" else None
    return kind == "review.changes_requested" or (isinstance(command, Command) and command.verb in ("reject", "hold"))
