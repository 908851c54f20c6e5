"""Seats of organisations' members, of roles in the repository and of owners by CODEOWNERS."""

from __future__ import annotations

from app.sandbox.world import REPOSITORY
from tests.journey.played import DENIED, GREEN, WAITS, Played
from tests.journey.rules import policy

OWNERS = b"* @mallory\n/releases/ @acme/risk @bob\n/releases/intraday/lineage.dsse.json @dana\n"


async def test_members_of_the_organisation_fill_a_seat_and_leave_it(either: Played) -> None:
    either.github.create_user("frank")
    either.github.add_organisation_member("acme", "grace", by="frank")
    await either.world.put_policy(policy(seat="everybody"))
    pull = await either.propose()
    await either.approve(pull, "grace")
    await either.says(pull, GREEN)
    either.github.remove_organisation_member("acme", "grace", by="frank")
    await either.says(pull, WAITS, "grace's approval does not count")


async def test_who_was_added_by_whoever_asks_does_not_count(short: Played) -> None:
    short.github.add_organisation_member("acme", "grace", by="alice")
    await short.world.put_policy(policy(seat="everybody"))
    pull = await short.propose()
    await short.approve(pull, "grace")
    await short.says(pull, WAITS, "they were added to the group by the requester")


async def test_somebody_who_came_after_the_release_was_proposed_does_not_count(short: Played) -> None:
    await short.world.put_policy(policy(seat="everybody"))
    pull = await short.propose()
    short.github.create_user("frank")
    short.github.add_organisation_member("acme", "grace", by="frank")
    await short.settled()
    await short.next_second()
    await short.approve(pull, "grace")
    await short.says(pull, WAITS, "grace's approval does not count")


async def test_who_was_given_a_role_by_whoever_asks_does_not_count(either: Played) -> None:
    either.github.set_role(REPOSITORY, "grace", "triage", by="dana")
    either.github.set_role(REPOSITORY, "grace", "maintain", by="alice")
    await either.world.put_policy(policy(seat="maintainers"))
    pull = await either.propose()
    await either.approve(pull, "grace")
    await either.says(pull, WAITS, "they were added to the group by the requester")


async def test_a_role_counts_from_the_least_that_is_asked_whatever_it_is_called(either: Played) -> None:
    either.github.set_role(REPOSITORY, "grace", "release-lead", by="dana", base="maintain")
    either.github.set_role(REPOSITORY, "heidi", "write", by="dana")
    await either.world.put_policy(policy(seat="maintainers"))
    pull = await either.propose()
    either.comment(pull, "heidi", either.line(pull))
    await either.shows(pull, "You are in none of the groups")
    await either.approve(pull, "grace")
    await either.says(pull, GREEN)
    either.github.set_role(REPOSITORY, "grace", "triage", by="alice")
    await either.says(pull, WAITS, "grace's approval does not count")


async def test_owners_of_the_files_fill_a_seat(either: Played) -> None:
    either.push({".github/CODEOWNERS": OWNERS}, branch="main")
    await either.world.put_policy(policy(seat="owners"))
    pull = await either.propose()
    either.comment(pull, "mallory", either.line(pull))
    await either.shows(pull, "You are in none of the groups")
    await either.approve(pull, "dana")
    await either.says(pull, GREEN)


async def test_a_group_can_be_of_owners_who_are_in_a_team_as_well(short: Played) -> None:
    short.push({"docs/CODEOWNERS": b"* @bob @carol\n"}, branch="main")
    await short.world.put_policy(policy(seat="owners-in-risk"))
    pull = await short.propose()
    short.comment(pull, "bob", short.line(pull))
    await short.says(pull, WAITS, "bob's approval does not count: they did not belong to owners-in-risk")
    await short.approve(pull, "carol")
    await short.says(pull, GREEN)


async def test_the_owners_of_the_base_branch_count_not_those_of_the_pull_request(short: Played) -> None:
    short.push({"CODEOWNERS": b"* @bob\n"}, branch="main")
    await short.world.put_policy(policy(seat="owners"))
    pull = await short.propose(short.files() | {"CODEOWNERS": b"* @mallory\n"})
    short.comment(pull, "mallory", short.line(pull))
    await short.shows(pull, "You are in none of the groups")


UNKNOWN = [
    (b"", "There is no CODEOWNERS on the base branch"),
    (b"* @nobody-here\n", "CODEOWNERS names @nobody-here"),
    (b"* @acme/nobody\n", "CODEOWNERS names @acme/nobody"),
    (b"* someone@example.com\n", "by an e-mail address"),
]


async def test_owners_that_cannot_be_told_fill_nothing(short: Played) -> None:
    for place, (owners, said) in enumerate(UNKNOWN):
        if owners:
            short.push({"CODEOWNERS": owners}, branch="main")
        await short.world.put_policy(policy(seat="owners", when=f"name: none-{place}"))
        pull = await short.propose(short.files(f"4.{place}.0"), branch=f"release-{place}")
        await short.says(pull, DENIED, said)
        short.github.close_pull(REPOSITORY, pull.number, by="alice")
