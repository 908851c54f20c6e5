"""People of ServiceNow fill seats: as members of its groups, and by approving the change request there."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from sqlalchemy import text

from app.facts.outside_groups import AWAY_S
from app.sandbox.world import TENANT
from gates.model import Consent
from integrations.github.simulator.model import Pull
from tests.journey.played import DENIED, GREEN, WAITS, Played


def policy(group: str, *, accept: str = "[review, command]", change: bool = False) -> bytes:
    asked = "\n    change: {type: normal, assignment_group: Change Management}" if change else ""
    return f"""\
schema: countersign/policy/v1
groups:
  senior-developers: {{github_team: acme/senior-developers}}
  risk-managers: {{{group}}}
rules:
  - name: anything to production
    seats:
      - {{group: senior-developers, signature: attested, accept: [review, command]}}
      - {{group: risk-managers, signature: attested, accept: {accept}}}
    gates: [rationale{", change" if change else ""}]{asked}
""".encode()


async def link(played: Played, name: str, person_of: str | None) -> None:
    """Two stewards say that a ServiceNow account is that of somebody on GitHub."""
    body = {"account": f"servicenow:{name}", "person_account": person_of}
    status, proposed = await played.call("POST", "/api/v1/people/links", body)
    assert status == 201, proposed
    tenant = played.service.tenants.get(TENANT)
    assert tenant is not None
    await tenant.people.confirm_link(proposed["id"], "steward:two")
    tenant.groups.forget()


async def known(played: Played, pull: Pull, *logins: str) -> None:
    """Each says something, so that their accounts are somebody's."""
    for login in logins:
        played.comment(pull, login, "/help")
    await played.settled()


def recheck(played: Played, pull: Pull) -> None:
    played.comment(pull, "alice", "/recheck")


async def test_a_member_of_a_servicenow_group_fills_its_seat_with_the_github_account_linked_to_them(
    short: Played,
) -> None:
    await short.world.put_policy(policy("servicenow_group: Risk Management"))
    pull = await short.propose()
    await short.approve(pull, "bob")
    short.comment(pull, "carol", short.line(pull))
    await short.shows(pull, "You are in none of the groups")
    await known(short, pull, "mallory")
    await link(short, "carol.risk", "mallory")
    await short.next_second()
    short.comment(pull, "mallory", short.line(pull))
    await short.says(pull, GREEN, "Filled by mallory")


async def test_who_leaves_a_servicenow_group_leaves_its_seat(short: Played) -> None:
    await short.world.put_policy(policy("servicenow_group: Risk Management"))
    pull = await short.propose()
    await known(short, pull, "carol")
    await link(short, "carol.risk", "carol")
    await short.approve(pull, "bob", "carol")
    await short.says(pull, GREEN)
    short.servicenow.set_active("carol.risk", False)
    tenant = short.service.tenants.get(TENANT)
    assert tenant is not None
    tenant.groups.forget()
    recheck(short, pull)
    await short.says(pull, WAITS, "the account is not a member of risk-managers now")


async def test_another_group_by_the_same_name_is_not_the_group(short: Played) -> None:
    await short.world.put_policy(policy("servicenow_group: Risk Management"))
    pull = await short.propose()
    await known(short, pull, "carol")
    await link(short, "carol.risk", "carol")
    await short.approve(pull, "bob", "carol")
    await short.says(pull, GREEN)
    store = short.servicenow.instance.store
    (group,) = store.find("sys_user_group", name="Risk Management")
    short.servicenow.force("sys_user_group", group["sys_id"], {"name": "Old Risk Management"})
    short.servicenow.add_group("Risk Management", ["carol.risk"])
    tenant = short.service.tenants.get(TENANT)
    assert tenant is not None
    tenant.groups.forget()
    recheck(short, pull)
    await short.says(pull, DENIED, "which is not the one it was pinned as")


async def test_what_is_said_while_servicenow_is_away_counts_once_it_is_back(short: Played) -> None:
    await short.world.put_policy(policy("github_team: acme/risk, servicenow_group: Risk Management"))
    pull = await short.propose()
    short.servicenow.fail_next("*", ".*", 503, times=10_000)
    tenant = short.service.tenants.get(TENANT)
    assert tenant is not None
    tenant.groups.forget()
    short.comment(pull, "bob", short.line(pull))
    short.comment(pull, "carol", short.line(pull))
    await short.says(pull, DENIED, "Filled by bob", "The members of risk-managers cannot be relied on")
    short.servicenow.clear_faults()
    await asyncio.sleep(AWAY_S)
    recheck(short, pull)
    await short.says(pull, GREEN, "Filled by carol")


async def approved_there(played: Played, group: str = "github_team: acme/risk") -> tuple[Pull, str]:
    """A release whose second seat was filled by approving the change request; the approval row's sys_id."""
    played.servicenow.add_member("Change Management", "carol.risk")
    await played.world.put_policy(policy(group, accept="[servicenow]", change=True))
    pull = await played.propose()
    await known(played, pull, "carol")
    await link(played, "carol.risk", "carol")
    await played.approve(pull, "bob")
    number = await played.approve_change("carol.risk")
    await played.says(pull, GREEN, "Filled by bob", "Filled by carol.risk")
    return pull, next(row.sys_id for row in played.servicenow.change(number).approvals if row.approver == "carol.risk")


@pytest.mark.parametrize("group", ["servicenow_group: Risk Management", "github_team: acme/risk"])
async def test_an_approval_in_servicenow_fills_a_seat_that_accepts_it(short: Played, group: str) -> None:
    await approved_there(short, group)
    consent = await _consent(short)
    assert (consent.way, consent.strength, consent.environments) == ("servicenow", "attested", ("production",))
    assert consent.account.startswith("servicenow:")


@pytest.mark.parametrize(
    ("fields", "by", "why"),
    [
        ({"state": "requested"}, "carol.risk", "it is requested in ServiceNow now"),
        ({"due_date": "2027-01-01 00:00:00"}, "system", "somebody else wrote the approval in ServiceNow last"),
    ],
)
async def test_an_approval_that_says_something_else_by_now_is_void(
    short: Played, fields: dict[str, str], by: str, why: str
) -> None:
    pull, row = await approved_there(short)
    short.servicenow.force("sysapproval_approver", row, fields, by)
    await short.says(pull, WAITS, f"approval does not count: it is void: {why}")


async def test_an_approval_in_servicenow_is_for_the_content_that_was_approved(short: Played) -> None:
    pull, _ = await approved_there(short)
    short.push({"notes.md": b"One more thing.\n"})
    await short.prompted(pull)
    await short.says(pull, WAITS, "carol.risk's approval does not count: it is void")
    await short.approve(pull, "bob")
    await short.approve_change("carol.risk")
    await short.says(pull, GREEN)


async def test_who_revokes_on_github_takes_back_what_they_approved_in_servicenow(short: Played) -> None:
    pull, _ = await approved_there(short)
    await short.next_second()
    short.comment(pull, "carol", "/revoke")
    await short.says(pull, WAITS, "carol.risk's approval does not count: it is void: the person revoked it")
    recheck(short, pull)
    await short.settled()
    await short.says(pull, WAITS, "carol.risk's approval does not count: it is void: the person revoked it")


async def test_an_approval_in_servicenow_fills_no_seat_that_does_not_accept_it(short: Played) -> None:
    short.servicenow.add_member("Change Management", "carol.risk")
    await short.world.put_policy(policy("github_team: acme/risk", change=True))
    pull = await short.propose()
    await known(short, pull, "carol")
    await link(short, "carol.risk", "carol")
    await short.approve(pull, "bob")
    await short.approve_change("carol.risk")
    await short.says(pull, WAITS, "1 approval from risk-managers", without="needed in ServiceNow")


async def _consent(played: Played) -> Consent:
    """The only one that came from an approval in ServiceNow."""
    statement = text("SELECT consent_json FROM grants WHERE object LIKE 'approval:%'")
    (row,) = await played.service.database.read(lambda tx: tx.all(statement))
    return msgspec.json.decode(row.consent_json, type=Consent)
