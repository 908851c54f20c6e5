"""What people say in comments to let others act for them, or to break the glass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.clock import SECOND
from app.consents.store import StoredGrant
from app.facts.view import PullView, ReleaseView
from app.pulls import powers
from app.pulls.admission import Obstacle
from app.pulls.powers import Delegate, Giver, Power, Refused
from app.releases.store import StoredRelease
from gates.model import Contributor, ReportingFacts
from gates.terms import EffectiveRule
from gates.words import listing, span
from manifests.command import Command, neutralise
from manifests.command_words import INCIDENT_EXAMPLE

HELP = (
    "`/approve <full head sha> <environment…>` agrees; `/reject`, `/hold` stop the release (say why below the first "
    "line); `/revoke` takes back what you granted here and delegated for the repository; `/unhold <full head sha>` "
    "lifts a hold or rejection; `/delegate @login <environment…> [until <date>|for <n>d]` lets somebody act for you; "
    "`/break-glass <full head sha> <environment…>` with the incident on the line below says what to do in an "
    "emergency; `/status` and `/recheck` look again. A command stands alone on the first line."
)


def approve_line(view: PullView) -> str:
    """The exact line to paste for everything that this pull request would release."""
    return " ".join(["/approve", view.pull.head_sha, *environments_of(view)])


def environments_of(view: PullView) -> list[str]:
    return list(dict.fromkeys(name for release in view.releases for name in release.environments))


def line_of(verb: str, view: PullView) -> str:
    """What to paste for a command that needs words; empty for the others."""
    where = " ".join(environments_of(view))
    return {
        "approve": approve_line(view),
        "unhold": f"/unhold {view.pull.head_sha}",
        "delegate": f"/delegate @login {where} for 1d",
        "break-glass": f"/break-glass {view.pull.head_sha} {where}",
    }.get(verb, "")


def hint(reason: str, verb: str, view: PullView) -> str:
    """Why nothing was done, and the line that would be."""
    line = line_of(verb, view)
    below = f", and `{INCIDENT_EXAMPLE}` with the reason on the lines below" if verb == "break-glass" else ""
    return f"{reason} Paste `{line}`{below}." if line else reason


def wording(found: Obstacle, view: PullView, sha: str, verb: str) -> str:
    """What stands in the way of ``verb`` for the head ``sha``, and what to do about it."""
    line = line_of(verb, view)
    return {
        "shut": "The pull request is closed. Reopen it first, then approve.",
        "moved": f"You named {sha[:12]}…, but the head is {view.pull.head_sha[:12]}…. Look again, then paste `{line}`.",
        "left": "This head was replaced by a push and came back; consent to it never counts. Push a new commit.",
        "unseen": "Nobody told us who pushed this head yet. Once the delivery has come, say it again.",
        "closed": f"The pull request was closed since. Paste `{line}` if you still agree.",
        "retargeted": f"The base was changed since. Paste `{line}` if you still agree.",
        "withdrawn": "You rejected or revoked this release since, so what you said before does not count.",
    }[found]


def delegation(
    view: PullView, release: ReleaseView, environment: str, giver: Giver, to: Delegate, command: Command,
    makers: Iterable[Contributor], reporting: ReportingFacts | None,
) -> Power | Refused | None:  # fmt: skip
    """What a delegation by comment grants in one environment; None where the release has no rule for it."""
    rule = release.rules.get(environment)
    if not isinstance(rule, EffectiveRule):
        return None
    until = giver.at + command.lasts * SECOND if command.lasts is not None else command.until
    return powers.delegate(powers.setting(view, release, environment, rule, makers, reporting), giver, to, until)


def ended(lent: Iterable[StoredGrant]) -> str:
    """Which delegations for the whole repository were taken back, by where they came from."""
    told = [
        f"the one for {neutralise(listing(grant.consent.environments))} from pull request #{grant.consent.pull_number}"
        for grant in lent
    ]
    return f"Nobody acts for you any more by what you delegated for the whole repository: {listing(told)} ended."


def emergency(view: PullView, releases: Mapping[str, StoredRelease], command: Command) -> str:
    """Nobody breaks a glass with a comment; this says how it is done: who may, how many it takes, the line that each of
    them runs, and what it waives."""
    sha = command.sha or ""
    if sha != view.pull.head_sha:
        return wording("moved", view, sha, "break-glass")
    if strangers := sorted(set(command.environments) - set(environments_of(view))):
        return f"{', '.join(strangers)} is no environment of this release."
    return " ".join(
        _emergency(release, releases[release.path].id, environment, command.incident)
        for release in view.releases
        for environment in command.environments
        if environment in release.environments
    )


def _emergency(release: ReleaseView, release_id: str, environment: str, incident: str) -> str:
    rule = release.rules.get(environment)
    terms = rule.break_glass if isinstance(rule, EffectiveRule) else None
    if terms is None:
        return powers.no_glass(environment).sentence()
    line = (
        f"countersign break-glass {release_id} --environment {environment} --incident {incident} "
        '--reason "why it cannot wait" --key ~/.ssh/id_ed25519'
    )
    waived = listing(powers.WAIVED, most=20)
    who = f"{terms.count} different people of {neutralise(listing(terms.groups, 'or'))}"
    return (
        f"A comment breaks no glass: it takes {who} who had no hand in the release. Each of them runs, with a key of "
        f"their own, `{line}`. For {span(terms.valid)} from the first on, it waives {waived} for {environment}"
        f", and nothing else. Somebody of {neutralise(terms.review_by)} has to review it afterwards."
    )
