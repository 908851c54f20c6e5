"""What the change request of a release shall say."""

from __future__ import annotations

from app.facts.view import PullView, ReleaseView
from app.releases.store import StoredRelease
from gates.terms import EffectiveRule
from integrations.servicenow.port import NewChange
from integrations.servicenow.times import format_instant
from manifests import canonical

MAX_TEXT = 3900
"""ServiceNow keeps 4,000 characters of a description and cuts the rest without a word."""


def wanted_change(
    view: PullView, release_view: ReleaseView, release: StoredRelease, environment: str, rule: EffectiveRule,
    public_url: str,
) -> NewChange | None:  # fmt: skip
    """None while the manifest cannot be read. The correlation id is filled in when it is opened."""
    manifest = release_view.facts.manifest
    if manifest is None:
        return None
    plan, window = manifest.change, manifest.change.window
    artifacts = [f"{artifact.name}  sha256:{artifact.sha256}" for artifact in manifest.artifacts_for(environment)]
    description = [
        manifest.rationale,
        "",
        f"Repository: {view.facts.repository}, pull request #{view.pull.number}, into {view.pull.base_ref}",
        f"Environment: {environment}",
        f"Commit: {view.pull.head_sha}",
        f"Revision: {release_view.facts.revision}",
        f"Rule: {', '.join(rule.rules)} (digest {rule.digest})",
        "Artifacts:",
        *artifacts,
        *([f"Details: {public_url}/releases/{release.id}"] if public_url else []),
    ]
    return NewChange(
        correlation_id="",
        type=plan.type,
        short_description=f"Release {manifest.name} {manifest.version} to {environment}"[:160],
        description="\n".join(description)[:MAX_TEXT],
        implementation_plan=plan.implementation_plan,
        backout_plan=plan.backout_plan,
        test_plan=plan.test_plan,
        justification=manifest.rationale[:MAX_TEXT],
        risk=plan.risk or "moderate",
        assignment_group=rule.change.assignment_group if rule.change else None,
        start=window.start if window else None,
        end=window.end if window else None,
    )


def content_of(wanted: NewChange) -> str:
    """Digests of what a change request says: of what can only be said when it is opened, and of everything."""
    shape = canonical.digest((wanted.type, wanted.assignment_group, wanted.risk))
    return f"{shape}:{canonical.digest(wanted)}"


def shape_of(content: str) -> str:
    """The part of a content that cannot be changed in an open change request."""
    return content.partition(":")[0]


def fields_of(wanted: NewChange) -> dict[str, str]:
    """What can be changed in an open change request, as ServiceNow's fields."""
    return {
        "short_description": wanted.short_description,
        "description": wanted.description,
        "implementation_plan": wanted.implementation_plan,
        "backout_plan": wanted.backout_plan,
        "test_plan": wanted.test_plan,
        "justification": wanted.justification,
        "start_date": format_instant(wanted.start) if wanted.start is not None else "",
        "end_date": format_instant(wanted.end) if wanted.end is not None else "",
    }
