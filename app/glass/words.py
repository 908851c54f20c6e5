"""What people are told of broken glasses: on the pull request, and by alarm. No text names a person."""

from __future__ import annotations

from app.notices.service import Notice
from app.rebuild.glasses import GlassRow
from app.releases.store import StoredRelease
from gates.model import Consent
from gates.words import instant
from manifests.command import neutralise

_RUNBOOK = "docs/runbooks/broken-glass.md"


def opened(release: StoredRelease, repository: str, environment: str, first: Consent) -> Notice:
    """Somebody was the first to say that the glass is to be broken."""
    what = _what(release)
    body = (
        f"**The glass is being broken** for {neutralise(what)} in {neutralise(environment)}, for the incident "
        f"{neutralise(first.incident)}. If you do not know of this emergency, say `/hold` and raise the alarm."
    )
    alarm = (
        f"P1: the glass is being broken for {what} of {repository} #{release.number} in {environment}, for incident "
        f"{first.incident}. See {_RUNBOOK}."
    )
    return Notice(body, "glass", alarm)


def used(release: StoredRelease, repository: str, glass: GlassRow) -> Notice:
    """A decision that broke the glass was redeemed."""
    what, due = _what(release), instant(glass.due_at)
    body = (
        f"**The glass was broken** for {neutralise(what)} in {neutralise(glass.environment)}, and that is used up: "
        f"whatever goes there next needs approval again. Somebody of {neutralise(glass.review_by)} who neither broke "
        f"it nor had a hand in the release has to review it by {due}, with {_line(glass)}; after that nothing of this "
        f"repository goes to {neutralise(glass.environment)} until they have."
    )
    alarm = (
        f"P1: the glass was broken for {what} of {repository} #{release.number} in {glass.environment} (decision "
        f"{glass.id}). {glass.review_by} has to review it by {due}. See {_RUNBOOK}."
    )
    return Notice(body, "glass", alarm)


def lapsed(release: StoredRelease, repository: str, glass: GlassRow) -> Notice:
    """Nobody looked back in time."""
    what, due = _what(release), instant(glass.due_at)
    body = (
        f"**Nobody reviewed the broken glass in time.** It was broken for {neutralise(what)} in "
        f"{neutralise(glass.environment)}, and somebody of {neutralise(glass.review_by)} had to review it by {due}. "
        f"Until they have, with {_line(glass)}, nothing of this repository goes to {neutralise(glass.environment)}."
    )
    alarm = (
        f"P1: nobody of {glass.review_by} reviewed the glass that was broken for {what} of {repository} "
        f"#{release.number} in {glass.environment} (decision {glass.id}) by {due}. Nothing of this repository goes "
        f"there until somebody has. See {_RUNBOOK}."
    )
    return Notice(body, "glass", alarm)


def _line(glass: GlassRow) -> str:
    """What to run for the review."""
    return f'`countersign review-glass {glass.id} --reason "what you found" --key ~/.ssh/id_ed25519`'


def _what(release: StoredRelease) -> str:
    return f"{release.name} {release.version}".strip()
