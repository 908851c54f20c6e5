"""What a reminder says: which groups are asked, never who is in them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.notices.service import Notice
from app.releases.store import StoredRelease
from app.reminders.due import Step
from gates.model import Verdict
from gates.terms import EffectiveRule
from gates.words import SECOND, instant, listing
from manifests.command import neutralise
from manifests.policy_terms import DeadlineRule

_TEAM = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")


def notice(
    release: StoredRelease, repository: str, environment: str, rule: EffectiveRule, deadline: DeadlineRule, step: Step,
    since: int, verdict: Verdict,
) -> Notice:  # fmt: skip
    what, asked = f"{release.name} {release.version}".strip(), missing(rule, verdict)
    ends = instant(since + deadline.within * SECOND)
    where = f"{neutralise(what)} to {neutralise(environment)}"
    if not step.escalates:
        body = (
            f"**Reminder** for {_mentions(rule, asked)}: the release of {where} waits for your approval, which is "
            f"expected by {ends}. The first comment of Countersign says how to approve."
        )
        return Notice(body, "deadline")
    body = (
        f"**The deadline has passed** ({ends}): the release of {where} still waits for the approval of "
        f"{_mentions(rule, asked)}. For the attention of {_mentions(rule, deadline.escalate)}."
    )
    alarm = (
        f"P3: {what} of {repository} #{release.number} waits for the approval of {listing(asked)} for {environment} "
        f"past its deadline, {ends}. Escalated to {listing(deadline.escalate)}."
    )
    return Notice(body, "deadline", alarm)


def missing(rule: EffectiveRule, verdict: Verdict) -> tuple[str, ...]:
    """The groups whose seats are not filled."""
    approvals = next((result for result in verdict.results if result.name == "approvals"), None)
    filled = {child.name for child in approvals.children if child.status == "pass"} if approvals else set()
    asked = dict.fromkeys(seat.group for seat in rule.seats)
    return tuple(group for group in asked if group not in filled) or tuple(asked)


def _mentions(rule: EffectiveRule, groups: Iterable[str]) -> str:
    return listing([_mention(rule, name) for name in groups], most=20)


def _mention(rule: EffectiveRule, name: str) -> str:
    """GitHub tells a team that is mentioned; of another group there is only the name."""
    group = rule.group(name)
    team = group.github_team if group is not None else None
    return f"@{team}" if team and _TEAM.fullmatch(team) else neutralise(name)
