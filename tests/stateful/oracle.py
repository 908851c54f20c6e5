"""Who may have let a release pass: told from what really happened, and told from the log alone.

Written unlike the gates: by trying every assignment of persons to seats.
"""

from __future__ import annotations

import base64
import json
from itertools import permutations
from typing import Any

from sqlalchemy import text

from app.blobs.store import BlobStore
from app.clock import SECOND
from app.db.tx import Tx
from app.decisions import snapshots
from manifests import canonical
from tests.stateful.histories import SEATS, TEAMS, History

EXPIRES = 72 * 3600 * SECOND
_RECORDS = text("SELECT body FROM records WHERE log = 'acme' ORDER BY seq")


def assignable(candidates: dict[str, set[str]]) -> bool:
    """Whether distinct persons can sit in all seats, one each."""
    everybody: list[str] = sorted(set().union(*candidates.values()))
    return any(
        all(person in candidates[seat] for person, seat in zip(order, SEATS, strict=True))
        for order in permutations(everybody, len(SEATS))
    )


def may_pass(history: History) -> bool:
    """Whether what people really said allows it: nobody's word against it, and enough words for it."""
    truth, pull, now = history.truth, history.pull, history.lively.now
    if pull.base_ref != "main" or pull.state != "open" or pull.head_sha in truth.left:
        return False
    approving = set()
    for said in truth.said:
        since = [other for other in truth.said if other.who == said.who and other.at > said.at]
        fits = said.what == "approve" and said.sha == pull.head_sha and said.base == "main" and not said.spoilt
        valid = said.at > truth.reset_at and now < said.at // SECOND * SECOND + EXPIRES
        if fits and valid and not any(other.what in ("reject", "revoke") for other in since):
            approving.add(said.who)
    clean = approving - truth.hands
    seats = {TEAMS[team]: clean & members for team, members in history.members.items()}
    return assignable(seats) and not _stopped(history)


def _stopped(history: History) -> bool:
    """A member holds or rejects it, and nobody has said anything since that could lift that."""
    words = history.truth.said
    return any(
        said.what in ("hold", "reject")
        and said.member
        and not any(other.at > said.at and other.what in ("unhold", "approve") for other in words)
        and not any(other.at < said.at and other.who == said.who for other in words)
        for said in words
    )


class Log:
    """The records of one release as an auditor reads them: bodies and blobs, no table."""

    def __init__(self, tx: Tx, blobs: BlobStore, path: str) -> None:
        self._tx = tx
        self._blobs = blobs
        bodies = [json.loads(bytes(row.body)) for row in tx.all(_RECORDS)]
        traces = {body["trace_id"] for body in bodies if body["data"].get("path") == path}
        self.records = [body for body in bodies if body["trace_id"] in traces]

    def allows(self) -> list[dict[str, Any]]:
        verdicts = ("verdict.recorded", "decision.recorded")
        return [body for body in self.records if body["event"] in verdicts and body["outcome"] == "allow"]

    def replays(self, body: dict[str, Any]) -> bool:
        """Whether the stored snapshot gives the recorded verdict again, byte for byte."""
        verdict = snapshots.replay(self._tx, self._blobs, body["data"]["snapshot"])
        return canonical.sha256_hex(canonical.encode(verdict)) == str(body["data"]["verdict"])

    def sound(self, allow: dict[str, Any]) -> bool:
        """Whether statements recorded before it fill all seats with distinct persons who had no hand in it."""
        _, snapshot = snapshots.load(self._tx, self._blobs, allow["data"]["snapshot"])
        hands = {one.account for one in snapshot.contributors.known} | {o.person for o in snapshot.contributors.known}
        earlier = [body for body in self.records if body["seq"] < allow["seq"]]
        void = {body["resource"] for body in earlier if body["event"] == "grant.voided"}
        seats: dict[str, set[str]] = {seat: set() for seat in SEATS}
        for body in earlier:
            if body["event"] != "grant.recorded" or body["resource"] in void:
                continue
            said = self._statement(body["data"]["statement"])
            if said["decision"] != "approve":
                return False
            about = (said["headCommit"], said["revision"], said["effectiveRule"], "production" in said["environments"])
            right = about == (snapshot.pull.head_sha, allow["data"]["revision"], allow["data"]["rule"], True)
            alive = said["issuedAt"] <= allow["ts"] < min(said["notAfter"], said["issuedAt"] + EXPIRES)
            if right and alive and not hands & {said["person"], said["account"]}:
                for seat in set(said["groups"]) & set(seats):
                    seats[seat].add(said["person"])
        return bool(seats) and assignable(seats)

    def _statement(self, digest: str) -> dict[str, Any]:
        envelope = json.loads(self._blobs.get(self._tx, digest))
        predicate: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
        return predicate
