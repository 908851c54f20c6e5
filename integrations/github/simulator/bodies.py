"""Bodies that the API takes, as GitHub's description has them; only what the simulator keeps is declared."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Sha = Annotated[str, msgspec.Meta(min_length=1)]


class TokenRequest(msgspec.Struct):
    repository_ids: list[int] | None = None
    repositories: list[str] | None = None
    permissions: dict[str, str] | None = None


class CommentRequest(msgspec.Struct):
    body: str


class OutputRequest(msgspec.Struct):
    summary: str
    title: str | None = None
    text: str | None = None


class CheckRunRequest(msgspec.Struct):
    name: str
    head_sha: Sha
    details_url: str | None = None
    external_id: str | None = None
    status: Literal["queued", "in_progress", "completed", "waiting", "requested", "pending"] = "queued"
    conclusion: (
        Literal[
            "action_required",
            "cancelled",
            "failure",
            "neutral",
            "success",
            "skipped",
            "timed_out",
        ]
        | None
    ) = None
    output: OutputRequest | None = None
    actions: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=3)] | None = None


class RuleRequest(msgspec.Struct):
    environment_name: str
    state: Literal["approved", "rejected"] | None = None
    comment: str = ""
