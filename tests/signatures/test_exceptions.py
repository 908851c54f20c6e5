"""Exceptions to findings: who grants them, for what was found, and for how long."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from app.clock import SECOND
from app.facts.view import PullView, ReleaseView
from app.pulls import powers
from app.pulls.powers import Giver, Power, Refused
from app.sandbox.documents import FOLDER, MANIFEST, train
from app.sandbox.outsiders import unescaped
from app.sandbox.world import REPOSITORY
from gates.model import (
    Contributor,
    Contributors,
    FindingException,
    FoundIssue,
    GroupFacts,
    Member,
    Policies,
    PullFacts,
    ReleaseFacts,
    SignedDocument,
)
from gates.terms import EffectiveRule, GroupTerms
from integrations.github.port import Pull
from manifests import dsse
from manifests.policy import Group
from manifests.policy_terms import FindingsRule
from manifests.reports import SCANS
from tests.signatures.around import prepare, signed
from tests.signatures.stage import Stage
from tests.signatures.test_delegating import started

TYPE, CVE, DAY = "vulnerability-report", "CVE-2026-1234", 86_400
AT = 1_800_000_000 * SECOND
CONTROL = "It is not reachable from the network."
REPORT = SignedDocument("v.json", TYPE, "a" * 64, findings=(FoundIssue(CVE, "high"), FoundIssue("CVE-2", "low")))
PULL = PullFacts(1, "acme/models", 7, "open", False, "main", "b" * 40, AT)
WANTED = FindingException(TYPE, CVE, CONTROL)
HEAD = Pull(7, "open", False, False, "Release", None, "b" * 40, 1, "main", "c" * 40, 1, None, AT)
CAROL = Giver("carol", "github:3", AT)


def view(*reports: SignedDocument) -> ReleaseView:
    """carol and dana are in risk, alice asked for the release."""
    people = {"github:3": "carol", "github:4": "dana", "github:1": "alice"}
    members = tuple(Member(account, person, person, since=0) for account, person in people.items())
    requester = Contributors((Contributor("github:1", "alice", "requester"),))
    facts = ReleaseFacts("releases/a/release.yaml", None, "c" * 64, AT)
    found = tuple(GroupFacts(name, members) for name in ("risk", "security"))
    return ReleaseView(facts, requester, evidence=reports, groups={"production": found})


def rule(*findings: FindingsRule) -> EffectiveRule:
    groups = tuple(GroupTerms(name, Group(github_team=f"acme/{name}")) for name in ("risk", "security"))
    return EffectiveRule(("r",), (), 3600, ("findings",), (TYPE,), None, groups, (), 0, 60, findings=findings)


def granted(
    terms: EffectiveRule, release: ReleaseView, giver: Giver = CAROL, until: int | None = None,
    wanted: FindingException = WANTED,
) -> Power | Refused:  # fmt: skip
    whole = PullView(HEAD, PULL, "", Policies(None, None), None, (release,), AT)
    at = powers.setting(whole, release, "production", terms, ())
    return powers.grant_exception(at, giver, wanted, until)


ONE = FindingsRule("high", (TYPE,), "risk", 30 * DAY)
SHORTER = FindingsRule("low", (TYPE, "licences"), "security", 7 * DAY)


@pytest.mark.parametrize(
    ("rules", "until", "end", "groups"),
    [
        ((ONE,), None, 30 * DAY, ("risk",)),
        ((ONE,), AT + 5 * DAY * SECOND, 5 * DAY, ("risk",)),
        ((ONE,), AT + 31 * DAY * SECOND, 30 * DAY, ("risk",)),
        ((ONE, SHORTER), None, 7 * DAY, ("risk", "security")),
        ((ONE, FindingsRule("low", (TYPE,), None)), None, 30 * DAY, ("risk",)),
    ],
)
def test_an_exception_ends_when_asked_and_never_later_than_the_rule_lets_it(
    rules: tuple[FindingsRule, ...], until: int | None, end: int, groups: tuple[str, ...]
) -> None:
    assert granted(rule(*rules), view(REPORT), until=until) == Power(groups, AT + end * SECOND)


SILENT = msgspec.structs.replace(REPORT, findings=None)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (granted(rule(), view(REPORT)), "statement.no_exceptions"),
        (granted(rule(FindingsRule("high", (TYPE,), None)), view(REPORT)), "statement.no_exceptions"),
        (granted(rule(FindingsRule("high", ("licences",), "risk")), view(REPORT)), "statement.no_exceptions"),
        (granted(rule(ONE), view()), "statement.finding"),
        (granted(rule(ONE), view(SILENT)), "statement.finding"),
        (granted(rule(ONE), view(REPORT), wanted=FindingException(TYPE, "CVE-3", CONTROL)), "statement.finding"),
        (granted(rule(ONE), view(REPORT), wanted=FindingException(TYPE, CVE, " ")), "statement.control"),
        (granted(rule(ONE), view(REPORT), until=AT), "statement.until"),
        (granted(rule(ONE), view(REPORT), Giver("mallory", "github:9", AT)), "statement.not_a_member"),
        (granted(rule(ONE), view(REPORT), Giver("dana", "github:3", AT)), "statement.not_a_member"),
        (granted(rule(ONE), view(REPORT), Giver("alice", "github:1", AT)), "statement.had_a_hand"),
    ],
)
def test_an_exception_that_cannot_be_is_refused(found: Power | Refused, code: str) -> None:
    assert isinstance(found, Refused)
    assert found.code == code
    assert found.remedy


def finding(policy: str) -> str:
    evidence = "    evidence: [test-result]"
    assert evidence in policy
    asked = "{from: high, types: [test-result], exceptions: {by: risk-managers}}"
    return policy.replace("evidence, freeze]", "evidence, freeze, findings]") + f"    findings: {asked}\n"


async def test_nothing_is_excepted_that_was_not_found(tmp_path: Path) -> None:
    async with started(tmp_path, amend=finding) as stage:
        key = await stage.enrolled("carol")
        wanted = {"type": "test-result", "finding": CVE, "control": CONTROL}
        assert (await prepare(stage, key, "except", **wanted)).code == "statement.finding"
        bobs = await stage.enrolled("bob")
        assert (await prepare(stage, bobs, "except", **wanted)).code == "statement.not_a_member"
        other = await prepare(stage, key, "except", **{**wanted, "type": "licences"})
        assert other.code == "statement.no_exceptions"


def scanned(policy: str) -> str:
    """A second type of evidence, signed by the key of the first, whose findings stop a release."""
    trusted = next(line for line in policy.splitlines() if "who: back-test service" in line)
    policy = policy.replace("  test-result:\n", f"  {TYPE}:\n{trusted}\n  test-result:\n")
    asked = f"{{from: high, types: [{TYPE}], exceptions: {{by: risk-managers}}}}"
    return policy.replace("evidence, freeze]", "evidence, freeze, findings]") + f"    findings: {asked}\n"


def scan(stage: Stage) -> bytes:
    """A scan of the release's model that found something serious."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1", "predicateType": SCANS[0],
        "subject": [{"name": "policy.json", "digest": {"sha256": train().sha256}}],
        "predicate": {"scanner": {"result": [{"id": CVE, "severity": [{"method": "nvd", "score": "8.1"}]}]}},
    }  # fmt: skip
    payload = json.dumps(statement).encode()
    return dsse.encode(dsse.sign(dsse.IN_TOTO, payload, [stage.world.testing], carry_public_key=True))


@pytest.mark.parametrize("take_back", ["/revoke", "/reject"])
async def test_a_finding_stops_a_release_until_somebody_independent_excepts_it_and_again_when_they_take_it_back(
    tmp_path: Path, take_back: str
) -> None:
    async with started(tmp_path, amend=scanned) as stage:
        named = b"evidence:\n  - {type: %s, path: scan.dsse.json}\n" % TYPE.encode()
        manifest = stage.files[MANIFEST].replace(b"evidence:\n", named)
        stage.world.github.push(
            REPOSITORY, "release", {MANIFEST: manifest, f"{FOLDER}/scan.dsse.json": scan(stage)}, author="alice"
        )
        key = await stage.enrolled("carol")
        wanted = {"type": TYPE, "finding": CVE, "control": CONTROL}
        await stage.until(lambda: _has(stage, f"has the high finding {CVE}"))
        assert (await signed(stage, key, "except", **wanted)).status in (200, 201)
        await stage.until(lambda: _has(stage, "carol excepts it until", absent="or worse stops"))
        await stage.next_second()
        stage.say("carol", take_back)
        await stage.until(lambda: _has(stage, "or worse stops", absent="carol excepts it until"))


async def _has(stage: Stage, words: str, absent: str = "") -> bool:
    """Whether the newest check says so, and not that."""
    github = stage.world.github
    runs = github.checks(REPOSITORY, github.pull(REPOSITORY, stage.pull.number).head_sha)
    said = unescaped(runs[-1].summary or "") if runs else ""
    return words in said and not (absent and absent in said)
