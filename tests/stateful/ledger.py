"""The log as an auditor reads it: records and the blobs they name, no other table.

Every allow in it is judged again by trying every assignment of persons to what the policy in its snapshot asks for.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

from sqlalchemy import text

from app.blobs.store import BlobStore
from app.clock import SECOND
from app.db.tx import Tx
from app.decisions import snapshots
from gates.model import Policies, Snapshot
from manifests import canonical

_SINCE = text("SELECT body FROM records WHERE log = 'acme' AND seq > :seq ORDER BY seq")
VERDICTS = ("verdict.recorded", "decision.recorded")
GLASS_S = 4 * 3600
ALIVE_S = 72 * 3600
REDEEMED_WITHIN_S = 900
Record = dict[str, Any]


class Ledger:
    """``read`` takes what is new. ``allowed`` has (head or commit, environment) of every allow so far."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.allowed: set[tuple[str, str]] = set()
        self.grants: dict[str, tuple[Record, dict[str, Any]]] = {}
        self.voids: dict[str, int] = {}
        self._newest = 0
        self._made: dict[str, Record] = {}

    def read(self, tx: Tx, blobs: BlobStore) -> None:
        """Raises AssertionError with the first allow that is not borne out by what was recorded before it."""
        seq = self.records[-1]["seq"] if self.records else -1
        for row in tx.all(_SINCE, seq=seq):
            record = json.loads(bytes(row.body))
            before, self._newest = self._newest, max(self._newest, record["ts"])
            self.records.append(record)
            self._take(tx, blobs, record, before)

    def _take(self, tx: Tx, blobs: BlobStore, record: Record, newest: int) -> None:
        match record["event"]:
            case "grant.recorded":
                envelope = json.loads(blobs.get(tx, record["data"]["statement"]))
                said = json.loads(base64.b64decode(envelope["payload"]))
                artifacts = {one["digest"].get("sha256") for one in said["subject"]}
                self.grants[record["resource"]] = record, {**said["predicate"], "artifacts": artifacts}
            case "grant.voided":
                assert record["resource"] not in self.voids, f"voided twice: {record}"
                self.voids[record["resource"]] = record["seq"]
            case "decision.redeemed":
                self._redeemed(record)
            case event if event in VERDICTS and record["outcome"] in ("allow", "wait", "deny"):
                assert record["resource"] not in self._made, f"recorded twice: {record}"
                self._made[record["resource"]] = record
                if record["outcome"] == "allow":
                    self._allow(tx, blobs, record, newest)

    def _redeemed(self, record: Record) -> None:
        made = self._made.get(record["resource"])
        assert made is not None, record
        assert made["outcome"] == "allow", record
        assert 0 <= record["ts"] - made["ts"] < REDEEMED_WITHIN_S * SECOND, record
        used = [one for one in self.records if (one["event"], one["resource"]) == (record["event"], record["resource"])]
        assert used == [record], f"redeemed twice: {record}"
        for grant in (made["data"].get("glass") or {}).get("grants", ()):
            about = next(name for name in self.grants if name.endswith(f"/{grant}"))
            assert about not in self.voids, f"used a glass that was used before: {record}"

    def _allow(self, tx: Tx, blobs: BlobStore, record: Record, newest: int) -> None:
        policies, snapshot = snapshots.load(tx, blobs, record["data"]["snapshot"])
        verdict = snapshots.replay(tx, blobs, record["data"]["snapshot"])
        assert canonical.sha256_hex(canonical.encode(verdict)) == record["data"]["verdict"], record
        assert snapshot.at >= newest, f"decided by a clock behind the log: {record}"
        if record["event"] == "decision.recorded":
            assert blobs.get(tx, record["data"]["attestation"]), record
        trial = Trial(policies, snapshot, record, list(self._standing(snapshot.pull.repository_id)))
        trial.hold(self._owed(snapshot))
        self.allowed.add((record["data"].get("head") or record["data"]["commit"], snapshot.environment))

    def _standing(self, repository: int) -> Iterator[dict[str, Any]]:
        """What was said about a repository and is not void, each with how it came in."""
        for resource, (record, said) in self.grants.items():
            if resource not in self.voids and said["repositoryId"] == repository:
                yield {**said, "signer": record["data"].get("signer", "")}

    def _owed(self, snapshot: Snapshot) -> list[Record]:
        """The broken glasses of the repository and environment whose review is overdue."""
        prefix = f"glass/{snapshot.pull.repository_id}/"
        about = [one for one in self.records if one["resource"].startswith(prefix)]
        reviewed = {one["resource"] for one in about if one["event"] == "glass.reviewed"}
        return [
            row
            for one in about
            if one["event"] == "glass.broken" and one["resource"] not in reviewed
            for row in one["data"]["rows"]
            if row["environment"] == snapshot.environment and row["due_at"] <= snapshot.at
        ]


class Trial:
    """One allow, held to the statements that were recorded before it and were not void."""

    def __init__(self, policies: Policies, snapshot: Snapshot, record: Record, said: Sequence[dict[str, Any]]) -> None:
        self.snapshot, self.record, self.said = snapshot, record, said
        assert policies.repository is not None, record
        assert not policies.unreleased, record
        labels = snapshot.pull.labels
        assert labels is not None, record
        self.rules = [
            rule
            for rule in policies.repository.rules
            if snapshot.environment in rule.when.environment
            if not rule.when.labels or set(rule.when.labels) & set(labels)
        ]
        self.loose = all(rule.delegation is not None and rule.break_glass is not None for rule in self.rules)
        self.keeps = all(rule.keep is not None for rule in self.rules)
        known = snapshot.contributors.known
        self.hands = {one.account for one in known} | {one.person for one in known}
        assert known, record
        assert not snapshot.contributors.unknown, record

    def hold(self, overdue: Sequence[Record]) -> None:
        assert self.rules, f"no rule: {self.record}"
        assert not [one for one in self.said if self._stops(one)], f"held or rejected: {self.record}"
        broken = self.loose and self._is_broken()
        if self.record["data"].get("glass"):
            assert broken, f"the glass was not broken: {self.record}"
        assert broken or self._is_seated(), f"the seats are not filled: {self.record}"
        assert broken or not overdue, f"a review is overdue: {self.record}"

    def _is_seated(self) -> bool:
        wanted: dict[str, int] = {}
        for rule in self.rules:
            for seat in rule.seats:
                wanted[seat.group] = max(wanted.get(seat.group, 0), seat.count)
        approving = [one for one in self.said if self._approves(one)]
        slots = [self._fit(group, approving) for group, count in wanted.items() for _ in range(count)]
        return bool(slots) and _seated(slots, set())

    def _fit(self, group: str, approving: Sequence[dict[str, Any]]) -> list[set[str]]:
        mandates = [one for one in self.said if self.loose and self._delegates(one) and self._belongs(one, group)]
        found = []
        for one in approving:
            if self._belongs(one, group):
                found.append({one["person"]})
            found += [
                {one["person"], given["person"]}
                for given in mandates
                if (given["delegation"]["person"], given["delegation"]["account"]) == (one["person"], one["account"])
                if max(given["delegation"]["startsAt"], given["issuedAt"]) <= one["issuedAt"]
                if given["person"] != one["person"] and group in one["groups"]
            ]
        return found

    def _belongs(self, one: dict[str, Any], group: str) -> bool:
        facts = next(facts for facts in self.snapshot.groups if facts.name == group)
        members = {(member.account, member.person) for member in facts.members if member.kind == "User"}
        return not facts.problem and group in one["groups"] and (one["account"], one["person"]) in members

    def _here(self, one: dict[str, Any]) -> bool:
        pull, release = self.snapshot.pull, self.snapshot.release
        return (one["pullNumber"], one["manifestPath"]) == (pull.number, release.manifest_path)

    def _alive(self, one: dict[str, Any], life_s: int) -> bool:
        clean = not self.hands & {one["person"], one["account"]}
        end = min(one["notAfter"], one["issuedAt"] + life_s * SECOND)
        return clean and self.snapshot.environment in one["environments"] and one["issuedAt"] <= self.snapshot.at < end

    def _bound(self, one: dict[str, Any], keeps: bool) -> bool:
        data, snapshot = self.record["data"], self.snapshot
        head = one["headCommit"] == snapshot.pull.head_sha or keeps
        same = (one["revision"], one["effectiveRule"], one["baseRef"]) == (data["revision"], data["rule"], "main")
        manifest = snapshot.release.manifest
        assert manifest is not None
        needed = {artifact.sha256 for artifact in manifest.artifacts}
        return head and same and self._here(one) and needed <= one["artifacts"]

    def _approves(self, one: dict[str, Any]) -> bool:
        return one["decision"] == "approve" and self._alive(one, ALIVE_S) and self._bound(one, self.keeps)

    def _delegates(self, one: dict[str, Any]) -> bool:
        if one["decision"] != "delegate" or not self._alive(one, ALIVE_S):
            return False
        return self._here(one) or one["delegation"]["scope"] == "repository"

    def _stops(self, one: dict[str, Any]) -> bool:
        if one["decision"] not in ("reject", "hold"):
            return False
        manifest = self.snapshot.release.manifest
        assert manifest is not None
        return self._here(one) or bool(one["artifacts"] & {artifact.sha256 for artifact in manifest.artifacts})

    def _is_broken(self) -> bool:
        words = [one for one in self.said if self._breaks(one)]
        return any(
            one["incident"] == other["incident"] and one["person"] != other["person"]
            and self._belongs(one, "senior-developers") and self._belongs(other, "risk-managers")
            for one, other in permutations(words, 2)
        )  # fmt: skip

    def _breaks(self, one: dict[str, Any]) -> bool:
        if one["decision"] != "break-glass" or not self._alive(one, GLASS_S) or not one["signer"]:
            return False
        return self._bound(one, False) and bool(one["incident"]) and bool(one["reasonDigest"])


def _seated(slots: Sequence[list[set[str]]], taken: set[str]) -> bool:
    if not slots:
        return True
    return any(not fit & taken and _seated(slots[1:], taken | fit) for fit in slots[0])
