"""Bodies of what we write to GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from integrations.github.port import CheckRun


class CommentBody(msgspec.Struct, frozen=True):
    body: str


class ProtectionRuleBody(msgspec.Struct, frozen=True):
    environment_name: str
    state: Literal["approved", "rejected"]
    comment: str


class _Output(msgspec.Struct, frozen=True):
    title: str
    summary: str


class CheckRunBody(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    head_sha: str
    external_id: str
    status: Literal["in_progress", "completed"]
    conclusion: Literal["success", "failure", "action_required"] | None = None
    details_url: str | None = None
    output: _Output | None = None


class TokenBody(msgspec.Struct, frozen=True, omit_defaults=True):
    permissions: Mapping[str, str]
    repository_ids: tuple[int, ...] = ()


def check_run_body(check: CheckRun) -> CheckRunBody:
    """GitHub wants status and conclusion to agree: completed exactly when there is a conclusion."""
    return CheckRunBody(
        name=check.name,
        head_sha=check.head_sha,
        external_id=check.external_id,
        status="in_progress" if check.conclusion is None else "completed",
        conclusion=check.conclusion,
        details_url=check.details_url,
        output=_Output(check.title, check.summary),
    )
