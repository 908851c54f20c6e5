"""The manifest that GitHub registers the App from: the least it needs, and the events it reads.

Source: GitHub Docs, "Registering a GitHub App from a manifest"; the permission of each event is the one that
GitHub's webhook description names for it.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

import msgspec

Access = Literal["read", "write"]
WEBHOOK_PATH = "/webhooks/github"


class HookAttributes(msgspec.Struct, frozen=True):
    """Where GitHub delivers events."""

    url: str
    active: bool = True


class Permissions(msgspec.Struct, frozen=True):
    """``statuses`` is never written, but without it no ruleset can pin the App as a check's source."""

    actions: Access = "read"
    administration: Access = "read"
    checks: Access = "write"
    contents: Access = "read"
    deployments: Access = "write"
    issues: Access = "read"
    members: Access = "read"
    merge_queues: Access = "read"
    metadata: Access = "read"
    pull_requests: Access = "write"
    statuses: Access = "write"


EVENTS = (
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "deployment",
    "deployment_protection_rule",
    "deployment_review",
    "deployment_status",
    "issue_comment",
    "member",
    "membership",
    "merge_group",
    "organization",
    "pull_request",
    "pull_request_review",
    "push",
    "repository",
    "repository_ruleset",
    "status",
    "team",
    "workflow_run",
)


class AppManifest(msgspec.Struct, frozen=True, omit_defaults=False):
    """The JSON that goes into the form field ``manifest``."""

    name: str
    url: str
    hook_attributes: HookAttributes
    redirect_url: str
    description: str
    public: bool = False
    default_events: tuple[str, ...] = EVENTS
    default_permissions: Permissions = Permissions()


def app_manifest(public_url: str, name: str = "Countersign") -> AppManifest:
    """The manifest of an App that is reached at ``public_url`` (http or https, no query).

    GitHub sends the browser back to ``<public_url>/setup/github`` with the code to exchange. Raises ValueError.
    """
    base = public_url.rstrip("/")
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"expected a public URL such as https://countersign.example.org, found {public_url!r}")
    if "@" in parts.netloc:
        raise ValueError("expected a public URL without a user or password")
    if not 1 <= len(name) <= 34:
        raise ValueError(f"expected an App name of 1 to 34 characters, found {len(name)}")
    return AppManifest(
        name=name,
        url=base,
        hook_attributes=HookAttributes(base + WEBHOOK_PATH),
        redirect_url=base + "/setup/github",
        description="Four-eyes release gating for models, policies and configurations",
    )
