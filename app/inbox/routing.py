"""Which work a delivery causes. Work re-reads everything, so a key is all that is passed on."""

from __future__ import annotations

from integrations.github.webhook import Delivery

_PULL_EVENTS = ("pull_request", "pull_request_review", "issue_comment")
_REPOSITORY_EVENTS = (
    "check_run", "check_suite", "deployment_protection_rule", "deployment_status", "merge_group", "push", "repository",
    "status",
)  # fmt: skip
_ECHOES = {"check_suite": ("requested", "completed")}
"""What suites report about themselves, of which each check tells by itself."""

_INSTALLATION_EVENTS = ("installation", "installation_repositories", "membership", "organization", "team", "member")


def work_key(delivery: Delivery, own_app: int | None = None) -> str:
    """Empty for deliveries that cause nothing. ``own_app`` is our App's number: what GitHub tells us of our own
    comments is what we did ourselves."""
    if delivery.action in _ECHOES.get(delivery.event, ()):
        return ""
    if own_app is not None and delivery.by_app == own_app and delivery.action in ("created", "edited"):
        return ""
    repository, installation = delivery.repository_id, delivery.installation_id
    if delivery.event in _PULL_EVENTS and repository is not None and delivery.pull_number is not None:
        return f"pull/{repository}/{delivery.pull_number}"
    if delivery.event in _REPOSITORY_EVENTS and repository is not None:
        return f"repository/{repository}"
    if delivery.event in _INSTALLATION_EVENTS and installation is not None:
        return f"installation/{installation}"
    return ""
