"""Which payload shape belongs to which event: the event's name is not signed, the shape is."""

from __future__ import annotations

from collections.abc import Set

# Present in many kinds of payload, so their presence alone says nothing.
_EVERYWHERE = frozenset({"installation", "repository"})
# Event: what must be there; what else may be. Anything else of the markers belongs to another event.
_SHAPES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    event: (frozenset(required.split()), frozenset(optional.split()) | _EVERYWHERE)
    for event, required, optional in (
        ("branch_protection_rule", "rule repository", ""),
        ("check_run", "check_run", ""),
        ("check_suite", "check_suite", ""),
        ("deployment", "deployment", "workflow_run"),
        ("deployment_protection_rule", "deployment_callback_url", "deployment workflow_run"),
        ("deployment_status", "deployment_status deployment", "check_run workflow_run"),
        ("installation", "installation", ""),
        ("installation_repositories", "installation repositories_added", ""),
        ("issue_comment", "comment issue", ""),
        ("issues", "issue", ""),
        ("member", "member repository", ""),
        ("membership", "member team", ""),
        ("merge_group", "merge_group", ""),
        ("organization", "membership", ""),
        ("ping", "hook", ""),
        ("pull_request", "pull_request", ""),
        ("pull_request_review", "review pull_request", ""),
        ("pull_request_review_comment", "comment pull_request", ""),
        ("pull_request_review_thread", "thread pull_request", ""),
        ("push", "commits repository", ""),
        ("repository", "repository", ""),
        ("repository_ruleset", "repository_ruleset", ""),
        ("status", "context repository", ""),
        ("team", "team", ""),
        ("workflow_job", "workflow_job", "deployment"),
        ("workflow_run", "workflow_run", ""),
    )
}


def fits(event: str, present: Set[str]) -> bool | None:
    """Whether a payload with these top-level fields is of the event; None for an event that we do not know.

    ``present`` holds those of MARKERS whose value is not null.
    """
    shape = _SHAPES.get(event)
    if shape is None:
        return None
    required, optional = shape
    return required <= present <= required | optional


MARKERS = frozenset().union(*(required | optional for required, optional in _SHAPES.values()))
