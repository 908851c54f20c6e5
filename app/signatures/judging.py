"""Whether a person may sign for a release as it is now, and the statement that says it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from app.clock import SECOND
from app.people.key_bearing import KeyStanding
from app.privacy.names import mark
from app.pulls import powers
from app.pulls.acting import acting_groups
from app.pulls.admission import Obstacle, groups_of, obstacle
from app.pulls.belonging import asked_groups
from app.pulls.powers import Delegate, Giver, Glass, Power, Refused
from app.pulls.signing import Act, Actor, consent_of, memberships_of, predicate_of
from app.signatures.errors import AGAIN, StatementRefusedError
from app.signatures.model import Decision
from app.signatures.reading import Current, History
from gates.model import Consent, Contributor, Delegation, FindingException, GroupFacts, ReportingFacts
from gates.terms import EffectiveRule
from gates.words import instant
from manifests import canonical
from manifests.policy import Strength
from manifests.statement import ConsentPredicate

UNTOLD: Final = "0" * 64
FRESH_S: Final = 3600
WITHHELD: Final[frozenset[Decision]] = frozenset({"reject", "hold"})
UNHINDERED: Final[frozenset[str]] = frozenset({"reject", "hold", "review"})
_OBSTACLES: Final[dict[Obstacle, tuple[str, str, str, str]]] = {
    "shut": ("pull_closed", "an open or merged pull request", "a closed one", "Reopen it first."),
    "moved": ("head_moved", "a statement for the head as it is now", "one for another head", AGAIN),
    "left": ("head_left", "a head that was never replaced", "one that was, and came back", "Push a new commit."),
    "unseen": (
        "head_unseen", "a head that a delivery of GitHub's told us about", "one of which none came yet",
        "Wait for the delivery, or have it sent again from the App's settings at GitHub.",
    ),
    "closed": ("pull_closed", "a statement fetched after the pull request was reopened", "an older one", AGAIN),
    "retargeted": ("base_changed", "a statement fetched after the base was changed", "an older one", AGAIN),
    "withdrawn": ("withdrawn", "nothing withdrawn since", "that you rejected or revoked this release since", AGAIN),
}  # fmt: skip


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants to say. ``environment`` empty where consent is withheld. ``until`` is the end that they ask
    for; ``to`` is who shall act for them, from when they say so; ``makers`` had a hand in the release before now;
    ``reporting`` has the lines of all of these, where the rule asks for lines."""

    decision: Decision
    environment: str
    issued_at: int
    reason: str = ""
    strength: Strength = "personal"
    until: int | None = None
    to: Delegate | None = None
    scope: Literal["release", "repository"] = "release"
    exception: FindingException | None = None
    incident: str = ""
    glass: Glass = Glass()
    makers: tuple[Contributor, ...] = ()
    reporting: ReportingFacts | None = None


class Drawn(msgspec.Struct, frozen=True):
    """A consent as it would be now, what its statement would bind, and the groups it was drawn from. ``rule`` is None
    where consent is withheld."""

    consent: Consent
    predicate: ConsentPredicate
    memberships: bytes
    rule: EffectiveRule | None


def expect_usable(key: KeyStanding | None, fingerprint: str, now: int) -> KeyStanding:
    """The standing of a key that may sign now. Raises StatementRefusedError."""
    if key is None or (not key.enrolled_at and not key.difference):
        raise StatementRefusedError(
            "key.not_enrolled", "a key that is enrolled for a person", fingerprint,
            "Have it enrolled with `countersign people enrol-key` and confirmed by somebody else.",
        )  # fmt: skip
    if key.difference:
        raise StatementRefusedError(
            "key.altered", "a key whose records bear it out", key.difference,
            "Treat this as tampering: run `countersign audit verify`.",
        )  # fmt: skip
    if key.revoked:
        raise StatementRefusedError(
            "key.revoked", "a key that was not revoked", f"{fingerprint}, which was", "Have a new key enrolled."
        )
    if now < key.usable_at:
        raise StatementRefusedError(
            "key.cooling_down", f"a key in use from {instant(key.usable_at)}", f"an attempt at {instant(now)}",
            "Wait, or use another key of yours that is in use already.",
        )  # fmt: skip
    return key


def expect_fresh(predicate: ConsentPredicate, now: int) -> None:
    """Raises StatementRefusedError for a statement fetched more than an hour ago, or in the future."""
    issued = predicate.issued_at
    if not now - FRESH_S * SECOND <= issued <= now:
        code = "statement.stale" if issued < now else "statement.future"
        raise StatementRefusedError(
            code, "a statement fetched within the last hour", f"one of {instant(issued)}"
        )  # fmt: skip


def expect_admissible(current: Current, history: History, consent: Consent) -> None:
    """What holds for everything that grants, whichever way it comes. Withholding is never hindered, nor is looking
    back."""
    if consent.decision in UNHINDERED:
        return
    found = obstacle(
        current.view, history.heads, history.observations, consent.head_sha, consent.account, consent.issued_at
    )
    if found is not None:
        raise refused(found)


def refused(found: Obstacle) -> StatementRefusedError:
    code, expected, seen, remedy = _OBSTACLES[found]
    return StatementRefusedError(f"statement.{code}", expected, seen, remedy)


def draw(
    current: Current, key: KeyStanding, wish: Wish, identity: str, *, nonce: str, displayed: str = UNTOLD
) -> Drawn:
    """The statement of this wish, from facts alone. Raises StatementRefusedError when nobody could make it."""
    rule = None if wish.decision in WITHHELD else _rule(current, wish)
    environments = (wish.environment,) if rule is not None else ()
    power = _power(current, key, wish, rule) if rule is not None else Power(_memberships(current, key))
    act = Act(
        decision=wish.decision, environments=environments, groups=power.groups, way="cli", strength=wish.strength,
        issued_at=wish.issued_at, reason=wish.reason, not_after=power.not_after,
        shown=current.release.documents, delegation=_delegation(wish), exception=wish.exception, incident=wish.incident,
        glass=wish.glass.id,
    )  # fmt: skip
    actor = Actor(key.person, key.account, mark(key.account))
    consent = consent_of(identity, current.view, current.release, actor, act, rule)
    # When the groups were read changes at every look; who was in them does not.
    asked = memberships_of(current.release, environments, power.groups)
    memberships = canonical.encode(tuple(msgspec.structs.replace(group, seen_at=0) for group in asked))
    predicate = predicate_of(
        current.tenant.id, consent, current.view, key=key.fingerprint, memberships=memberships, displayed=displayed,
        nonce=nonce,
    )  # fmt: skip
    return Drawn(consent, predicate, memberships, rule)


def _power(current: Current, key: KeyStanding, wish: Wish, rule: EffectiveRule) -> Power:
    """Raises StatementRefusedError unless the person may say this."""
    if wish.decision == "approve":
        return Power(_acting(current, key, wish))
    at = powers.setting(current.view, current.release, wish.environment, rule, wish.makers, wish.reporting)
    giver = Giver(key.person, key.account, wish.issued_at)
    if wish.decision == "delegate":
        found = powers.delegate(at, giver, wish.to or Delegate(""), wish.until)
    elif wish.decision == "except":
        found = powers.grant_exception(at, giver, wish.exception or FindingException("", "", ""), wish.until)
    elif wish.decision == "break-glass":
        found = powers.break_glass(at, giver, wish.incident, wish.reason)
    else:
        found = powers.review(at, giver, wish.glass, wish.reason)
    if isinstance(found, Refused):
        raise StatementRefusedError(found.code, found.expected, found.found, found.remedy)
    return found


def _delegation(wish: Wish) -> Delegation | None:
    if wish.to is None:
        return None
    return Delegation(wish.to.person, wish.to.account, wish.issued_at, wish.scope)


def _rule(current: Current, wish: Wish) -> EffectiveRule:
    known = current.release.environments
    if wish.environment not in known:
        raise StatementRefusedError(
            "statement.environment", f"one environment of this release: {', '.join(known) or 'it has none'}",
            wish.environment or "none",
        )  # fmt: skip
    rule = current.release.rules.get(wish.environment)
    if not isinstance(rule, EffectiveRule):
        why = rule.problems[0] if rule is not None and rule.problems else None
        raise StatementRefusedError(
            "statement.no_rule", "a rule that says who has to approve", why.message if why else "none",
            why.remedy if why else AGAIN,
        )  # fmt: skip
    return rule


def _acting(current: Current, key: KeyStanding, wish: Wish) -> tuple[str, ...]:
    """The groups of the environment that the person acts for, of their own or by delegation."""
    asked = asked_groups(current.release, wish.environment)
    mine = acting_groups(asked, key.account, key.person, current.delegations, wish.environment, wish.issued_at)
    if not mine or _of_another(asked, key):
        raise _stranger(asked, key)
    return mine


def _memberships(current: Current, key: KeyStanding) -> tuple[str, ...]:
    """The groups of any environment that the person belongs to."""
    release = current.release
    asked = [group for name in release.groups for group in asked_groups(release, name, veto=True)]
    mine = groups_of(asked, key.account)
    if not mine or _of_another(asked, key):
        raise _stranger(asked, key)
    return mine


def _of_another(asked: Sequence[GroupFacts], key: KeyStanding) -> bool:
    """Whether the account that the key is for is in a group as somebody else's, or as a machine's."""
    entries = [member for group in asked for member in group.members if member.account == key.account]
    return any(member.person != key.person or member.kind != "User" for member in entries)


def _stranger(asked: Sequence[GroupFacts], key: KeyStanding) -> StatementRefusedError:
    wanted = ", ".join(sorted({group.name for group in asked})) or "none, because no rule asks any"
    unread = "".join(f"; {group.name}: {group.problem}" for group in asked if group.problem)
    return StatementRefusedError(
        "statement.not_a_member", f"a current member of a group that the release asks ({wanted})",
        f"{key.account}, who is in none{unread}", "Ask a member of the group.",
    )  # fmt: skip
