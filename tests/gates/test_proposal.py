"""The release gate: what may be judged at all."""

from __future__ import annotations

import pytest

from gates.proposal import allowed_base
from manifests.errors import Problem
from manifests.policy import BaseRefs
from tests.gates.builders import NOW, PULL, SECOND, TENANT, alter
from tests.gates.tables import Row, hold

NO_LINE = Problem("c", "The manifest is not valid YAML.", "Mend it.", "releases/intraday/release.yaml")
LINE = Problem("unknown-key", "unknown key envs.", "Write environments.", "releases/x/release.yaml", 4, 3)

ROWS = (
    Row("a merged pull request can be deployed", {}, "pass", "proposes a readable release"),
    Row("an open pull request can be merged", {}, "pass", "proposes", question="merge"),
    Row("merging is answered for a merged one too", {"pull.state": "merged"}, "pass", "merged already", "merge"),
    Row("an open pull request cannot be deployed", {"pull.state": "open"}, "fail", "not merged yet"),
    Row("a closed one cannot be deployed", {"pull.state": "closed"}, "fail", "without being merged"),
    Row("a closed one cannot be merged", {"pull.state": "closed"}, "fail", "closed", "merge"),
    Row("a draft waits", {"pull.draft": True}, "wait", "draft", "merge"),
    Row("an unreadable pull request is an error", {"pull.problem": "GitHub said 502"}, "error", "502"),
    Row("a superseded release fails", {"release.superseded": "3.2.1 is merged"}, "fail", "3.2.1 is merged"),
    Row("another base ref fails", {"pull.base_ref": "lax"}, "fail", "lists no branch lax"),
    Row("base refs are compared letter by letter", {"pull.base_ref": "Main"}, "fail", "lists no branch Main"),
    Row("a repository of another owner fails", {"pull.repository": "evil/models"}, "fail", "of evil/models"),
    Row("no listed base ref fails", {"tenant_policy.base_refs": ()}, "fail", "lists no branch main"),
    Row("an environment the manifest does not name fails", {"environment": "dr"}, "fail", "does not name"),
    Row("no environment fails", {"environment": ""}, "fail", "(none)"),
    Row("no manifest is an error", {"release.manifest": None}, "error", "could not be read"),
    Row("a mistake is told with its line", {"release.problems": (LINE,)}, "fail", "release.yaml:4:3: unknown"),
    Row("a mistake without line names the file", {"release.problems": (NO_LINE,)}, "fail", "release.yaml: The"),
    Row("no tenant policy fails", {"policies.tenant": None}, "fail", "no tenant policy"),
    Row("no repository policy fails", {"policies.repository": None}, "fail", "no policy on the base branch"),
    Row("an unreadable policy is an error", {"policies.problem": "line 3: tab"}, "error", "line 3: tab"),
    Row("a short head is an error", {"pull.head_sha": "a1a1a1a"}, "error", "which commit is the head"),
    Row("no head is an error", {"pull.head_sha": ""}, "error", "which commit is the head"),
    Row("an unknown repository id is an error", {"pull.repository_id": 0}, "error", "head"),
    Row("an unknown number is an error", {"pull.number": 0}, "error", "head"),
    Row("a release dated a little ahead passes", {"release.proposed_at": NOW + 5 * SECOND}, "pass"),
    Row("no revision is an error", {"release.revision": ""}, "error", "revision"),
    Row("a revision in capitals is an error", {"release.revision": "C3" * 32}, "error", "revision"),
    Row("no manifest path is an error", {"release.manifest_path": ""}, "error", "which release is meant"),
    Row(
        "a release of the future is an error",
        {"release.proposed_at": NOW + 6 * SECOND},
        "error",
        "still to come",
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_release(row: Row) -> None:
    hold(row, "release")


@pytest.mark.parametrize(
    ("entry", "repository", "ref", "listed"),
    [
        ("acme/models", "acme/models", "main", True),
        ("acme/*", "acme/models", "main", True),
        ("Acme/Models", "acme/models", "main", True),
        ("acme/*", "acme-evil/models", "main", False),
        ("*", "acme/models", "main", False),
        ("*/*", "acme/models", "main", False),
        ("acme/mod*", "acme/models", "main", False),
        ("acme/models", "acme/models", "MAIN", False),
        ("acme/models", "acme/models", "", False),
        ("acme/models", "acme/models", "refs/heads/main", False),
    ],
)
def test_base_refs_are_listed_exactly(entry: str, repository: str, ref: str, listed: bool) -> None:
    tenant = alter(TENANT, base_refs=(BaseRefs(entry, ("main",)),))
    assert allowed_base(tenant, alter(PULL, repository=repository, base_ref=ref)) is listed
