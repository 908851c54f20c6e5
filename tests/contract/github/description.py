"""GitHub's own OpenAPI description, cut to the operations that Countersign uses.

Taken once from the npm package @octokit/openapi (MIT, Octokit contributors) and kept under build/.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema_rs

from tests.requirements import missing, need

PACKAGE = "@octokit/openapi@23.0.2"
MEMBER = "package/generated/api.github.com.json"
BUILD = Path(__file__).parents[3] / "build" / "contract"
Json: TypeAlias = dict[str, Any]
# Every operation of integrations.github.client and nothing else.
OPERATIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("get", "/app"),
        ("get", "/app/hook/deliveries"),
        ("post", "/app/hook/deliveries/{delivery_id}/attempts"),
        ("get", "/app/installations"),
        ("post", "/app/installations/{installation_id}/access_tokens"),
        ("get", "/installation/repositories"),
        ("get", "/orgs/{org}/members"),
        ("get", "/orgs/{org}/teams/{team_slug}"),
        ("get", "/orgs/{org}/teams/{team_slug}/members"),
        ("get", "/orgs/{org}/teams/{team_slug}/teams"),
        ("get", "/repos/{owner}/{repo}/actions/runs/{run_id}"),
        ("post", "/repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule"),
        ("get", "/repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments"),
        ("post", "/repos/{owner}/{repo}/check-runs"),
        ("get", "/repos/{owner}/{repo}/collaborators"),
        ("get", "/repos/{owner}/{repo}/commits/{commit_sha}/pulls"),
        ("get", "/repos/{owner}/{repo}/commits/{ref}/check-runs"),
        ("get", "/repos/{owner}/{repo}/commits/{ref}/status"),
        ("get", "/repos/{owner}/{repo}/compare/{basehead}"),
        ("get", "/repos/{owner}/{repo}/contents/{path}"),
        ("get", "/repos/{owner}/{repo}/git/commits/{commit_sha}"),
        ("get", "/repos/{owner}/{repo}/git/ref/{ref}"),
        ("get", "/repos/{owner}/{repo}/git/trees/{tree_sha}"),
        ("get", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
        ("patch", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
        ("get", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
        ("post", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
        ("get", "/repos/{owner}/{repo}/pulls"),
        ("get", "/repos/{owner}/{repo}/pulls/{pull_number}"),
        ("get", "/repos/{owner}/{repo}/pulls/{pull_number}/commits"),
        ("get", "/repos/{owner}/{repo}/pulls/{pull_number}/files"),
        ("get", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews"),
        ("get", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}"),
        ("get", "/users/{username}"),
    }
)


# Every webhook that the simulator sends.
WEBHOOKS = frozenset(
    {
        "check-run-completed",
        "check-run-created",
        "check-run-requested-action",
        "check-run-rerequested",
        "deployment-protection-rule-requested",
        "deployment-status-created",
        "installation-created",
        "installation-deleted",
        "installation-suspend",
        "installation-unsuspend",
        "issue-comment-created",
        "issue-comment-deleted",
        "issue-comment-edited",
        "member-added",
        "member-edited",
        "member-removed",
        "membership-added",
        "membership-removed",
        "merge-group-checks-requested",
        "merge-group-destroyed",
        "organization-member-added",
        "organization-member-removed",
        "pull-request-closed",
        "pull-request-converted-to-draft",
        "pull-request-edited",
        "pull-request-labeled",
        "pull-request-opened",
        "pull-request-ready-for-review",
        "pull-request-reopened",
        "pull-request-review-dismissed",
        "pull-request-review-edited",
        "pull-request-review-submitted",
        "pull-request-synchronize",
        "pull-request-unlabeled",
        "push",
        "repository-renamed",
        "status",
    }
)
ERRORS = ("basic-error", "validation-error", "validation-error-simple")


def load() -> Json:
    """The cut description; skips the test where neither the cut nor npm and its registry are there."""
    BUILD.mkdir(parents=True, exist_ok=True)
    cut = BUILD / f"github-{PACKAGE.rpartition('@')[2]}.json"
    with (BUILD / "github.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of one test run share the download
        if not _is_current(cut):
            made = json.dumps(_cut(_download()))
            fresh = cut.with_suffix(".new")
            fresh.write_text(made)
            fresh.rename(cut)
    found: Json = json.loads(cut.read_text())
    return found


def _is_current(cut: Path) -> bool:
    if not cut.exists():
        return False
    found = json.loads(cut.read_text())
    operations = {(method, path) for path, item in found["paths"].items() for method in item}
    same = operations == OPERATIONS and found.get("webhooks", {}).keys() == WEBHOOKS
    return same and set(ERRORS) <= set(found["components"]["schemas"])


def _download() -> Json:
    npm = need("npm")
    with tempfile.TemporaryDirectory() as directory:
        command = [npm, "pack", PACKAGE, "--pack-destination", directory, "--silent"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        except subprocess.TimeoutExpired:
            missing(f"npm did not bring {PACKAGE} in time")
            raise
        if done.returncode != 0:
            missing(f"npm could not bring {PACKAGE}: {done.stderr.strip()[-200:]}")
        (packed,) = Path(directory).glob("*.tgz")
        with tarfile.open(packed) as archive:
            member = archive.extractfile(MEMBER)
            assert member is not None
            found: Json = json.load(member)
            return found


def _cut(whole: Json) -> Json:
    """The operations and what they refer to, with OpenAPI 3.0's nullable as JSON Schema has it."""
    paths: Json = {}
    for method, path in sorted(OPERATIONS):
        paths.setdefault(path, {})[method] = _plain(whole["paths"][path][method])
    _correct(paths)
    kept: Json = {}
    webhooks = {name: _plain(_webhook(whole["x-webhooks"][name])) for name in WEBHOOKS}
    waiting = _references(paths) + _references(webhooks) + [f"#/components/schemas/{name}" for name in ERRORS]
    while waiting:
        reference = waiting.pop()
        kind, name = reference.removeprefix("#/components/").split("/")
        if name not in kept.setdefault(kind, {}):
            kept[kind][name] = _plain(whole["components"][kind][name])
            waiting.extend(_references(kept[kind][name]))
    return {"paths": paths, "webhooks": webhooks, "components": kept}


def _webhook(item: Json) -> Json:
    found: Json = item["post"]["requestBody"]["content"]["application/json"]["schema"]
    return found


def _correct(paths: Json) -> None:
    """The list of installations wants an account that is a user *and* an enterprise; the schema of one, either."""
    answer = paths["/app/installations"]["get"]["responses"]["200"]["content"]["application/json"]
    account = answer["schema"]["items"]["properties"]["account"]
    both = account["anyOf"][0]
    both["anyOf"] = both.pop("allOf")


def _references(node: object) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in _references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for value in node.values() for found in _references(value)]


def _plain(node: Any) -> Any:
    """Without examples; ``nullable`` spelled out."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    dropped = {"example", "examples", "x-github", "externalDocs", "nullable", "discriminator"}
    plain = {key: _plain(value) for key, value in node.items() if key not in dropped or key in _names(node)}
    if node.get("nullable") is True:
        return _nullable(plain)
    return plain


def _names(node: Json) -> frozenset[str]:
    """Keys of a map of properties are names, not keywords."""
    looks_like_properties = all(isinstance(value, dict) for value in node.values())
    return frozenset(node) if looks_like_properties else frozenset()


def _nullable(schema: Json) -> Json:
    if isinstance(schema.get("type"), str):
        schema = {**schema, "type": [schema["type"], "null"]}
        if "enum" in schema and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


class Contract:
    """Finds the operation of a call and validates against it."""

    def __init__(self, description: Json) -> None:
        self.description = description
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def operation(self, method: str, path: str) -> tuple[str, Json]:
        """The template and the operation; LookupError when GitHub has none."""
        parts = path.strip("/").split("/")
        for template, item in self.description["paths"].items():
            if method.lower() in item and _matches(template.strip("/").split("/"), parts):
                return template, item[method.lower()]
        raise LookupError(f"GitHub has no operation {method} {path}")

    def parameters(self, operation: Json) -> list[Json]:
        return [self.resolved(parameter) for parameter in operation.get("parameters", ())]

    def resolved(self, node: Json) -> Json:
        if "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            found: Json = self.description["components"][kind][name]
            return found
        return node

    def problems(self, schema: Json, value: object) -> list[str]:
        """What is wrong with the value, as ``path: message``."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": {"schemas": self.description["components"]["schemas"]}}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return [
            f"{'/'.join(map(str, error.instance_path))}: {error.message[:300]}"
            for error in self._validators[key].iter_errors(value)
        ]


# These take the rest of the path; "contents/{path}" may hold slashes.
_REST = ("{path}", "{basehead}", "{ref}")


def _matches(template: list[str], parts: list[str]) -> bool:
    if template[-1] in _REST and len(parts) > len(template):
        parts = parts[: len(template)]
    return len(template) == len(parts) and all(
        wanted.startswith("{") or wanted == found for wanted, found in zip(template, parts, strict=True)
    )
