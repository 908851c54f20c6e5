"""What lets a release pass, what may end that, and what only looks like enough, by what they are called."""

from __future__ import annotations

from collections.abc import Callable

from tests.stateful.playground import ENVIRONMENTS, REVIEW_WITHIN_S
from tests.stateful.powers import Powers

INCIDENT = "INC0012345"
Act = Callable[[Powers], object]


def agree(powers: Powers) -> None:
    for who in ("bob", "carol"):
        powers.approve(who, ENVIRONMENTS)


def sign(powers: Powers) -> None:
    for environment in ENVIRONMENTS:
        for who in ("bob", "carol"):
            powers.sign(who, "approve", environment)


def act_for(powers: Powers) -> None:
    """mallory, who is in no team, acts for bob."""
    powers.delegate("bob", "mallory", ENVIRONMENTS)
    powers.lively.settle()
    for who in ("mallory", "carol"):
        powers.approve(who, ENVIRONMENTS)


def act_by_signature(powers: Powers) -> None:
    for environment in ENVIRONMENTS:
        powers.sign("bob", "delegate", environment, to="mallory", scope="repository")
    powers.lively.settle()
    for who in ("mallory", "carol"):
        powers.approve(who, ENVIRONMENTS)


def break_glass(powers: Powers) -> None:
    for environment in ENVIRONMENTS:
        for who in ("bob", "carol"):
            powers.sign(who, "break-glass", environment, incident=INCIDENT)


def away_and_back(powers: Powers) -> None:
    powers.push("alice", "readme")
    powers.lively.settle()
    powers.force_back("alice", 0)


def leave_and_return(powers: Powers) -> None:
    powers.leave("senior-developers", "bob")
    powers.lively.settle()
    powers.join("senior-developers", "bob", "alice")


def another_with_the_same(powers: Powers) -> None:
    """bob makes the same artifact in a release of his own."""
    powers.merge("mallory", "merge")
    powers.lively.settle()
    powers.propose("bob", same=True)


def held_by_one_lifted_by_another(powers: Powers) -> None:
    powers.withhold("carol", "hold")
    powers.lively.settle()
    powers.unhold("bob")


LETTING: dict[str, Act] = {
    "two approve": agree,
    "two sign": sign,
    "one acts for another": act_for,
    "one acts for another by signature": act_by_signature,
    "two break the glass": break_glass,
}
ENDING: dict[str, Act] = {
    "nothing": lambda powers: powers.later(),
    "bob revokes": lambda powers: powers.withhold("bob", "revoke"),
    "carol revokes": lambda powers: powers.withhold("carol", "revoke"),
    "bob rejects": lambda powers: powers.withhold("bob", "reject"),
    "carol requests changes": lambda powers: powers.review("carol", "CHANGES_REQUESTED"),
    "carol holds": lambda powers: powers.withhold("carol", "hold"),
    "carol holds and bob lifts": held_by_one_lifted_by_another,
    "carol signs a hold": lambda powers: powers.sign("carol", "hold", "production"),
    "carol signs a rejection": lambda powers: powers.sign("carol", "reject", "production"),
    "a push of the release": lambda powers: powers.push("alice", "release"),
    "a push of the source": lambda powers: powers.push("alice", "source"),
    "a push of the readme": lambda powers: powers.push("alice", "readme"),
    "a push by bob": lambda powers: powers.push("bob", "readme"),
    "a push and back": away_and_back,
    "closed and reopened": lambda powers: powers.close_and_reopen("alice"),
    "retargeted and back": lambda powers: powers.retarget_and_back("alice"),
    "a label": lambda powers: powers.label("alice", True),
    "another policy": lambda powers: powers.policy("strict", True),
    "a policy past the check": lambda powers: powers.policy("keep" if powers.kind == "plain" else "plain", False),
    "bob leaves": lambda powers: powers.leave("senior-developers", "bob"),
    "bob leaves and returns": leave_and_return,
    "four hours": lambda powers: powers.later(4 * 3600),
    "three days": lambda powers: powers.later(72 * 3600),
    "the first comment is edited": lambda powers: powers.spoil(0, "edit", "bob"),
    "the last comment is deleted": lambda powers: powers.spoil(-1, "delete", "mallory"),
    "a restart": lambda powers: powers.lively.restart(),
    "the same artifact by bob": another_with_the_same,
}


def delegated_to_the_second(powers: Powers) -> None:
    """Two of risk are asked, and carol fills one seat herself and lets mallory fill the other."""
    powers.label("alice", True)
    powers.lively.settle()
    powers.delegate("carol", "mallory", ENVIRONMENTS)
    powers.lively.settle()
    for who in ("bob", "carol", "mallory"):
        powers.approve(who, ENVIRONMENTS)


def one_in_both(powers: Powers) -> None:
    powers.approve("dana", ENVIRONMENTS)


def broken_by_one(powers: Powers) -> None:
    """dana, who is of both groups, and alice, who made it."""
    for environment in ENVIRONMENTS:
        for who in ("dana", "alice"):
            powers.sign(who, "break-glass", environment, incident=INCIDENT)


def broken_for_two_incidents(powers: Powers) -> None:
    for environment in ENVIRONMENTS:
        powers.sign("bob", "break-glass", environment, incident=INCIDENT)
        powers.sign("carol", "break-glass", environment, incident="CHG0099999")


def held_elsewhere(powers: Powers) -> None:
    """The same artifact in another pull request, approved by others."""
    powers.withhold("carol", "hold")
    powers.lively.settle()
    powers.merge("mallory", "merge")
    powers.lively.settle()
    powers.propose("alice", same=True)
    powers.lively.settle()
    for who in ("bob", "dana"):
        powers.approve(who, ENVIRONMENTS)


def made_elsewhere(powers: Powers) -> None:
    """bob, who makes the same artifact in a release of his own, approves alice's."""
    powers.merge("mallory", "merge")
    powers.lively.settle()
    powers.propose("bob", same=True)
    powers.lively.settle()
    powers.merge("mallory", "merge")
    powers.lively.settle()
    powers.propose("alice", same=True)
    powers.lively.settle()
    agree(powers)


def owed_a_review(powers: Powers) -> None:
    """The glass was broken for the release before, and nobody looked back on it in time."""
    break_glass(powers)
    powers.lively.settle()
    powers.merge("mallory", "merge")
    powers.lively.settle()
    powers.ask("production")
    powers.redeem(-1)
    powers.later(REVIEW_WITHIN_S + 60)
    powers.propose("alice")
    powers.lively.settle()
    agree(powers)


def used_before(powers: Powers) -> None:
    """Of two answers by the same broken glass the first is used."""
    break_glass(powers)
    powers.lively.settle()
    powers.merge("mallory", "merge")
    powers.lively.settle()
    for _ in range(2):
        powers.ask("production")
    for index in range(2):
        powers.redeem(index)


def behind_the_log(powers: Powers) -> None:
    """carol approves by a clock that is behind what is on record."""
    powers.approve("bob", ENVIRONMENTS)
    powers.lively.settle()
    powers.later(3600)
    powers.withhold("carol", "hold")
    powers.lively.settle()
    powers.unhold("carol")
    powers.lively.settle()
    powers.lively.pass_time(-1800)
    powers.approve("carol", ENVIRONMENTS)


TRAPS: dict[str, Act] = {
    "one delegates to the second": delegated_to_the_second,
    "one is in both groups": one_in_both,
    "one breaks the glass with who made it": broken_by_one,
    "two break it for two incidents": broken_for_two_incidents,
    "held in another pull request": held_elsewhere,
    "approved by who made it elsewhere": made_elsewhere,
    "a review is overdue": owed_a_review,
    "the glass was used": used_before,
    "the clock is behind the log": behind_the_log,
}
"""What looks like enough and is not."""
