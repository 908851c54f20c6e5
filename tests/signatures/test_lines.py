"""Where the rule excludes the requester's reporting line, nobody in it lets others act for them, grants exceptions,
breaks the glass or lifts what another said; everybody else does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr

from app.facts.view import PullView
from app.pulls import powers
from app.pulls.admission import may_lift
from app.pulls.powers import Delegate, Giver, Glass, Power, Refused, Setting
from app.settings.model import IdentitySettings, Settings
from gates.model import Policies, ReportingFacts, ReportingLine
from gates.terms import SeatTerms
from integrations.identity.simulator import IdentitySimulator
from manifests.policy_terms import BreakGlassRule, DelegationRule
from tests.signatures.around import attested, prepare, signed
from tests.signatures.stage import Stage
from tests.signatures.test_delegating import until_shown
from tests.signatures.test_exceptions import AT, HEAD, ONE, PULL, REPORT, WANTED, rule, view

TERMS = msgspec.structs.replace(
    rule(ONE), seats=(SeatTerms("risk", 1, "personal", ("cli",)),), exclude=("reporting-line",),
    delegation=DelegationRule(), break_glass=BreakGlassRule(("risk",), "risk"),
)  # fmt: skip
KNOWN = tuple(ReportingLine(person, ("boss",)) for person in ("alice", "carol", "dana", "erin"))
BENEATH = ReportingLine("carol", ("alice", "boss"))
CAROL, ERIN = Giver("carol", "github:3", AT), Delegate("erin", "github:5", "erin", "User")
POWERS: dict[str, Callable[[Setting], Power | Refused]] = {
    "delegate": lambda at: powers.delegate(at, CAROL, ERIN, None),
    "except": lambda at: powers.grant_exception(at, CAROL, WANTED, None),
    "break-glass": lambda at: powers.break_glass(at, CAROL, "INC0012345", "It cannot wait."),
    "review": lambda at: powers.review(at, CAROL, Glass("g", (), "risk"), "It was right."),
}
FACTS = {
    "beside the line": (ReportingFacts(KNOWN), ""),
    "beneath the requester": (ReportingFacts((*KNOWN[:1], BENEATH, *KNOWN[2:])), "are in the reporting line"),
    "above the requester": (ReportingFacts((ReportingLine("alice", ("carol",)), *KNOWN[1:])), "are in the reporting"),
    "not known": (ReportingFacts((KNOWN[0], *KNOWN[2:])), "may be in the reporting line"),
    "the provider is away": (ReportingFacts(problem="it could not be read"), "may be in the reporting line"),
    "nobody asked it": (None, "no identity provider was asked"),
}


@pytest.mark.parametrize(("facts", "why"), FACTS.values(), ids=FACTS)
@pytest.mark.parametrize("power", POWERS.values(), ids=POWERS)
def test_who_is_in_the_line_or_may_be_has_no_such_power(
    facts: ReportingFacts | None, why: str, power: Callable[[Setting], Power | Refused]
) -> None:
    release = view(REPORT)
    whole = PullView(HEAD, PULL, "", Policies(None, None), None, (release,), AT)
    found = power(powers.setting(whole, release, "production", TERMS, (), facts))
    assert isinstance(found, Refused) == bool(why), found
    assert not why or (found.code == "statement.had_a_hand" and why in found.found), found  # type: ignore[union-attr]


def test_nobody_lets_somebody_of_the_line_act_for_them() -> None:
    facts = ReportingFacts((*KNOWN[:3], ReportingLine("erin", ("alice",))))
    release = view(REPORT)
    whole = PullView(HEAD, PULL, "", Policies(None, None), None, (release,), AT)
    found = powers.delegate(powers.setting(whole, release, "production", TERMS, (), facts), CAROL, ERIN, None)
    assert isinstance(found, Refused)
    assert found.code == "statement.delegate"


@pytest.mark.parametrize(("facts", "why"), FACTS.values(), ids=FACTS)
def test_who_is_in_the_line_or_may_be_lifts_nothing_of_others(facts: ReportingFacts | None, why: str) -> None:
    release = msgspec.structs.replace(view(REPORT), rules={"production": TERMS})
    whole = PullView(HEAD, PULL, "", Policies(None, None), None, (release,), AT)
    assert may_lift(whole, (), facts, ("risk",), CAROL.account, CAROL.person) is not bool(why)


class Connected(Stage):
    """alice reports to carol; bob, dana and mallory to boss."""

    def __init__(self, folder: Path, identity: IdentitySimulator) -> None:
        super().__init__(folder, amend=excluding)
        self._identity = identity

    def _configure(self, settings: Settings) -> Settings:
        settings = super()._configure(settings)
        provider = IdentitySettings(url=self._identity.base_url, token=SecretStr(self._identity.token))
        tenant = settings.tenants[0].model_copy(update={"identity": provider})
        return settings.model_copy(update={"tenants": (tenant,)})

    async def linked(self, *logins: str) -> None:
        for login in logins:
            self.say(login, "/status")
            body = {"account": f"idp:{login}", "person_account": login}

            async def made(body: dict[str, str] = body) -> bool:
                answer = await self.ask("POST", "/api/v1/people/links", body, "first")
                if answer.status == 201:
                    path = f"/api/v1/people/links/{answer.body['id']}/confirmation"
                    assert (await self.ask("POST", path, token="second")).status == 200
                return answer.status == 201

            await self.until(made)


def excluding(policy: str) -> str:
    glass = "    break_glass: {groups: [risk-managers], review_by: risk-managers}\n"
    return attested(policy) + glass + "    exclude: [reporting-line]\n"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Connected]:
    identity = IdentitySimulator()
    identity.add_user("boss")
    for name, manager in (
        ("carol", "boss"),
        ("alice", "carol"),
        *((name, "boss") for name in ("bob", "dana", "mallory")),
    ):
        identity.add_user(name, manager=manager)
    await identity.start()
    found = Connected(tmp_path, identity)
    try:
        await found.start()
        await found.linked("alice", "bob", "carol", "dana", "mallory")
        yield found
    finally:
        await found.world.stop()
        await identity.stop()


async def test_lines_are_asked_when_people_sign_and_when_they_comment(stage: Connected) -> None:
    carol, dana = await stage.enrolled("carol"), await stage.enrolled("dana")
    for decision, more in (
        ("delegate", {"to": "mallory"}),
        ("break-glass", {"incident": "INC0012345", "reason": "Now."}),
    ):
        assert (await prepare(stage, carol, decision, **more)).code == "statement.had_a_hand"
        found = await signed(stage, dana, decision, **more)
        assert found.status == 201, found.body
    stage.say("carol", "/delegate @mallory production")
    await until_shown(stage, "found you, who are in the reporting line of the requester")
    stage.say("bob", "/delegate @carol production")
    await until_shown(stage, "found somebody who are in the reporting line of the requester")
    stage.say("bob", "/delegate @mallory production")
    await until_shown(stage, "Recorded for production")
    stage.say("bob", "/hold")
    await stage.until_outcome("deny")
    stage.say("carol", f"/unhold {stage.pull.head_sha}")
    await until_shown(stage, "There is nothing here that you can lift")
