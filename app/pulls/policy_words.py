"""What people are told of a policy that a pull request proposes, beside the verdict on it."""

from __future__ import annotations

from app.facts.view import PolicyReview
from gates.words import count
from manifests.command import neutralise
from manifests.command_text import storable


def told(review: PolicyReview) -> str:
    """Markdown: what it changes, and what came of its tests."""
    parts = []
    if review.changes:
        changes = "\n".join(f"- {neutralise(' '.join(storable(one).split()))}" for one in review.changes)
        parts.append(f"This policy, beside the one that counts now:\n\n{changes}")
    if review.cases and not review.problems:
        parts.append(f"{count(review.cases, 'policy test')} came out as expected.")
    elif not review.files and not review.problems:
        parts.append("It has no tests; `.github/countersign.tests.yaml` would be run here.")
    return "\n\n".join(parts)
