"""The App asks GitHub for the least it needs."""

from __future__ import annotations

import msgspec
import pytest

from manifests.app_manifest import EVENTS, app_manifest


def test_the_manifest_is_what_github_registers() -> None:
    found = msgspec.json.decode(msgspec.json.encode(app_manifest("https://gate.example.org/")))
    assert found["url"] == "https://gate.example.org"
    assert found["hook_attributes"] == {"url": "https://gate.example.org/webhooks/github", "active": True}
    assert found["redirect_url"] == "https://gate.example.org/setup/github"
    assert found["public"] is False
    assert found["default_events"] == sorted(set(EVENTS))


def test_only_what_must_be_written_is_writable() -> None:
    permissions = msgspec.to_builtins(app_manifest("https://gate.example.org").default_permissions)
    assert {name for name, access in permissions.items() if access == "write"} == {
        "checks",
        "deployments",
        "pull_requests",
        "statuses",
    }
    assert {name for name, access in permissions.items() if access == "read"} == {
        "actions",
        "administration",
        "contents",
        "issues",
        "members",
        "merge_queues",
        "metadata",
    }


@pytest.mark.parametrize(
    "event",
    ["issue_comment", "pull_request", "pull_request_review", "deployment_protection_rule", "merge_group"],
)
def test_the_events_that_grants_and_effects_hang_on_are_subscribed(event: str) -> None:
    assert event in EVENTS


@pytest.mark.parametrize(
    "url", ["", "gate.example.org", "ftp://gate", "https://", "https://a?x=1", "https://a#b", "https://u:p@a"]
)
def test_anything_but_a_public_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected a public URL"):
        app_manifest(url)


def test_a_name_that_github_would_refuse_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 34 characters"):
        app_manifest("https://gate.example.org", "x" * 35)
