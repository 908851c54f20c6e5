"""The words of a file of policy tests, shared by its reader and its JSON Schema."""

from __future__ import annotations

import re

from app.policy.model import (
    ArtifactState,
    Conclusion,
    GateStatus,
    Part,
    PullState,
    Role,
    Scope,
    Time,
    Unread,
    Word,
)
from gates.model import Outcome, Question
from manifests.located_yaml import Node
from manifests.located_yaml_reader import Read, Reader
from manifests.located_yaml_scalars import parse_duration, parse_instant
from manifests.located_yaml_values import Form

MAX_BYTES = 512 * 1024
MAX_CASES = 1_000
MAX_SPAN_S = 10 * 366 * 86_400
MAX_SENTENCE = 500

QUESTIONS: tuple[Question, ...] = ("merge", "deploy")
OUTCOMES: tuple[Outcome, ...] = ("allow", "wait", "deny")
STATUSES: tuple[GateStatus, ...] = ("pass", "waived", "wait", "fail", "error", "not-asked")
STATES: tuple[PullState, ...] = ("open", "closed", "merged")
ROLES: tuple[Role, ...] = ("author", "committer", "co-author", "pusher", "builder", "evidence", "maker")
PARTS: tuple[Part, ...] = ("head", "revision", "rule", "base_ref")
ARTIFACT_STATES: tuple[ArtifactState, ...] = ("present", "absent", "mismatch", "unreadable")
UNREAD: tuple[Unread, ...] = ("labels", "changed", "files", "lines", "head_ref", "head_since")
SCOPES: tuple[Scope, ...] = ("release", "repository")
CONCLUSIONS: tuple[Conclusion, ...] = (
    "success", "failure", "neutral", "cancelled", "timed_out", "action_required", "stale", "skipped", "running",
)  # fmt: skip
GATES = (
    "release", "rule", "approvals", "holds", "artifacts", "lineage", "rationale", "evidence", "change",
    "required_checks", "findings", "review_time", "windows", "deployment", "freeze", "anchored", "deadline",
    "break glass", "retrospective", "freshness",
)  # fmt: skip

FILE_KEYS = ("schema", "policy", "tenant", "given", "cases")
FACT_KEYS = (
    "question", "at", "environment", "seen", "release", "people", "groups", "approvals", "rejections", "holds",
    "delegations", "exceptions", "glass", "retrospectives", "contributors", "reporting", "artifacts", "lineage",
    "evidence", "checks", "change", "deployment",
)  # fmt: skip
CASE_KEYS = ("name", "why", *FACT_KEYS, "expect")
RELEASE_KEYS = (
    "kind", "name", "version", "rationale", "environments", "path", "repository", "base_ref", "author", "proposed",
    "state", "draft", "window", "risk", "labels", "changed", "files", "lines", "head_ref", "head_since", "superseded",
    "unread",
)  # fmt: skip
PERSON_KEYS = ("also", "bot")
GROUP_KEYS = ("members", "problem")
MEMBER_KEYS = ("login", "since", "added_by")
APPROVAL_KEYS = (
    "by", "at", "way", "strength", "environments", "groups", "shown", "changed_since", "pushed", "via_app", "void",
    "reason",
)  # fmt: skip
WITHHELD_KEYS = ("by", "at", "environments", "groups", "void", "reason")
DELEGATION_KEYS = ("by", "to", "groups", "at", "from", "until", "scope", "environments", "strength", "void")
EXCEPTION_KEYS = ("by", "type", "finding", "control", "at", "until", "environments", "strength", "void")
GLASS_KEYS = ("by", "incident", "reason", "at", "groups", "environments", "strength", "changed_since", "void")
OWED_KEYS = ("due", "release", "environment", "own")
CHECK_KEYS = ("name", "app", "conclusion", "at_head")
CHECKS_KEYS = ("problem",)
REPORTING_KEYS = ("managers", "unknown", "problem")
CONTRIBUTOR_KEYS = ("who", "role", "unknown")
ARTIFACT_KEYS = ("name", "state")
LINEAGE_KEYS = ("present", "readable", "signed_by", "covers", "datasets")
EVIDENCE_KEYS = ("type", "readable", "signed_by", "covers", "result", "fields", "without", "findings")
FINDING_KEYS = ("id", "severity", "about")
UNREADABLE = "unreadable"
"""Under `findings`: the report has no list of them."""

CHANGE_KEYS = ("present", "type", "state", "on_hold", "window", "content_at", "approvals", "problem")
CHANGE_APPROVAL_KEYS = ("by", "state", "group", "at", "own_hand", "active", "in_group", "linked")
DEPLOYMENT_KEYS = ("present", "reachable", "same_revision", "same_artifacts")
WINDOW_KEYS = ("start", "end")
EXPECT_KEYS = ("outcome", "gates", "says")

PATH = Form(
    re.compile(r"(?!/)(?!.*(?:^|/)\.\.?(?:/|$))(?!.*//)[!-~]{1,200}(?<!/)"),
    "a path from the root of the repository, such as releases/intraday/release.yaml",
)
CHANGED = Form(re.compile(r"[!-~](?:[ -~]{0,498}[!-~])?"), "a path from the root of the repository")
BRANCH = Form(re.compile(r"[!-~]{1,200}"), "a branch such as feature/x, or owner:branch of a fork")
FINDING = Form(re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?"), "the id of a finding, such as CVE-2026-1234")
SEVERITY = Form(re.compile(r"[a-z][a-z _-]{0,39}"), "a severity in lower case, such as high")
FILE = Form(re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?"), "the path of a file, relative to this one")
FULL_REPOSITORY = Form(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}"), "a repository as owner/name"
)
RESULT = Form(re.compile(r"[A-Z][A-Z_-]{0,39}"), "a result in upper case, such as PASSED or FAILED")
STATE = Form(re.compile(r"[a-z][a-z _-]{0,39}"), "a state in lower case, such as scheduled")
RELATIVE = r"[+-]?(?:0|[1-9][0-9]{0,6})[smhd]"
_RELATIVE = re.compile(r"([+-]?)((?:0|[1-9][0-9]{0,6})[smhd])")


def time(reader: Reader) -> Read[Time]:
    """`-2h` before the case's instant, `+30m` after it, or an instant with its zone."""

    def read(node: Node, name: str) -> Time | None:
        expected = "a time like -2h or +30m (counted from `at`), or 2026-12-01T18:00:00Z"
        scalar = reader.scalar(node, name, expected)
        if scalar is None:
            return None
        if match := _RELATIVE.fullmatch(scalar.text):
            seconds = parse_duration(match.group(2))
            if seconds is not None and seconds <= MAX_SPAN_S:
                return Time(-seconds if match.group(1) == "-" else seconds)
        elif (moment := parse_instant(scalar.text)) is not None:
            return Time(instant=moment)
        reader.wrong_form(scalar, name, expected)
        return None

    return read


def placed(read_text: Read[str]) -> Read[Word]:
    """A text with its place."""

    def read(node: Node, name: str) -> Word | None:
        value = read_text(node, name)
        return None if value is None else Word(value, node.line, node.column)

    return read
