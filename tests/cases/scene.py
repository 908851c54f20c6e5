"""The world of one case: its repository, teams and policy, and the words that stand for what only it knows."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import yaml

from app.clock import SECOND
from integrations.github.simulator.model import Comment, MergeGroup, Pull, Review
from manifests.located_yaml_scalars import parse_duration
from manifests.policy import POLICY_PATH
from manifests.times import to_rfc3339
from tests.cases.desk import Desk
from tests.cases.documents import LINEAGE, document
from tests.cases.model import Case, Table

FOLDER = "releases/app"
BRANCH = "change"

Step = dict[str, Any]


class Unexpected(AssertionError):
    """What was expected, what the check says, and where in the case."""


class Scene:
    """What the acts of a case share. Every act takes two seconds, as GitHub's times are whole seconds."""

    def __init__(self, desk: Desk, table: Table, case: Case, number: int) -> None:
        self.desk, self.github, self.table, self.case = desk, desk.github, table, case
        self.prefix = f"case-{number}"
        self.repository = f"acme/{self.prefix}"
        self.version = 0
        self.heads: list[str] = []
        self.said: list[Comment | Review] = []
        self.pull: Pull | None = None
        self.group: MergeGroup | None = None
        self.merged = ""
        self.subjects: dict[str, str] = {}
        self.answer: dict[str, Any] = {}

    @property
    def at(self) -> Pull:
        assert self.pull is not None
        return self.github.pull(self.repository, self.pull.number)

    def _prepare(self) -> None:
        for name, members in {**self.table.teams, **self.case.teams}.items():
            self.github.create_team("acme", f"{self.prefix}-{name}", members=members)
        self.base = {path: self._filled(text) for path, text in self.case.base.items()}
        files = {"README.md": b"# Ours\n", **self.base}
        policy = self.table.policy_of(self.case)
        if policy is not None:
            files[POLICY_PATH] = self._filled(policy)
        self.github.create_repository(self.repository, files)
        if policy is not None and self.case.adopted:
            self._adopted()
        self._later()

    def _adopted(self, branch: str = "main") -> None:
        """Two stewards adopt the policy on the base branch."""
        self.desk.run(self.desk.world.adopt(self.repository, branch))

    def _filled(self, text: str) -> bytes:
        """``$name`` is the slug of a team of this case, ``$now±span`` an instant, ``$local±span`` the same as local
        time in UTC, ``$sha256(path)`` the digest of a file of the base branch, ``$tester`` the key that signs
        reports."""
        text = re.sub(r"\$(now|local)([+-])(\w+)", self._instant, text)
        text = re.sub(r"\$sha256\(([^)]+)\)", lambda match: hashlib.sha256(self.base[match[1]]).hexdigest(), text)
        text = text.replace("$tester", self.desk.world.testing.public.fingerprint).replace("$here", self.repository)
        return re.sub(r"\$([a-z-]+)", rf"{self.prefix}-\1", text).encode()

    def _instant(self, match: re.Match[str]) -> str:
        seconds = parse_duration(match[3]) or 0
        at = self.desk.now + (seconds if match[2] == "+" else -seconds) * SECOND
        if match[1] == "now":
            return to_rfc3339(at)
        return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")

    def _files(self, changed: dict[str, Any], also: dict[str, str] | None = None) -> dict[str, bytes]:
        """A release of one file that no other case has, with the reports of the case and further files."""
        self.version += 1
        limits = f'{{"of": "{self.prefix}", "version": {self.version}}}\n'.encode()
        sha256 = hashlib.sha256(limits).hexdigest()
        self.subjects = {"limits.json": sha256}
        manifest = {
            "schema": "countersign/release/v1", "kind": "config", "name": self.prefix, "version": f"1.0.{self.version}",
            "rationale": "The spread limit goes from 12 to 10 basis points after the review of last month.",
            "environments": ["production"],
            "artifacts": [{"name": "limits.json", "path": "limits.json", "sha256": sha256}],
            **changed,
        }  # fmt: skip
        manifest = self._naming() | manifest
        files = {f"{FOLDER}/{path}": self._report(said) for path, said in self.case.reports.items()}
        files[f"{FOLDER}/release.yaml"] = self._filled(yaml.safe_dump(manifest))
        files[f"{FOLDER}/limits.json"] = limits
        return files | {path: self._filled(text) for path, text in (also or {}).items()}

    def _naming(self) -> dict[str, Any]:
        """What the manifest says of the documents of the case."""
        found: dict[str, Any] = {}
        for path, said in self.case.reports.items():
            if said.get("form") == LINEAGE:
                found["lineage"] = path
            else:
                found.setdefault("evidence", []).append({"type": said.get("type", "test-result"), "path": path})
        return found

    def _report(self, said: dict[str, Any]) -> bytes:
        return document(self._told(said), self.subjects, self.desk.world.testing)

    def _told(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._told(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._told(inner) for inner in value]
        return self._filled(value).decode() if isinstance(value, str) else value

    def _later(self) -> None:
        self.desk.pass_time(2)
        self.desk.settle()

    def _introduce(self, *people: str) -> None:
        """Who was never heard of has no account here that a key, a link or a delegation could be of."""
        strange = [who for who in people if who not in self.desk.met]
        for who in strange:
            self.github.comment(self.repository, self.at.number, by=who, body="/help")
        self.desk.met.update(strange)
        self._later()

    def _of(self, value: Any) -> Step:
        return value if isinstance(value, dict) else {"by": value}

    def _saying(self, body: str) -> str:
        return body.replace("{head}", self.at.head_sha)
