"""What lets a release pass, and what may end that, by what they are called."""

from __future__ import annotations

from collections.abc import Callable

from tests.stateful.playground import ENVIRONMENTS
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
