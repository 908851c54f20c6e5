"""A world with a repository for each history, whose policy uses what loosens and what tightens, and people with keys.

The policies differ in what they let people do; ``SEATS`` and the sets beside it say that a second time, for oracles.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from app.sandbox.world import REPOSITORY, TENANT, World
from app.settings.model import Settings
from app.tokens.model import Permission, Scope
from tests.signatures import signers
from tests.signatures.signers import PersonKey
from tests.stateful.lively import Lively

ENVIRONMENTS = ("staging", "production")
KINDS = ("plain", "keep", "strict")
LABEL = "risky"
OWNER = "owner"
"""Who looks after the teams, and has no hand in anything."""
LEADS = ("bob", "dana", "mallory")
REVIEW_WITHIN_S = 6 * 3600
LOOSE = ("plain", "keep")
"""Policies that let people act for others and break the glass; ``keep`` keeps approvals over pushes as well."""

_WAYS = "signature: attested, accept: [review, command, cli]"
_POWERS = (
    "    delegation: {longest: 3d}\n"
    "    break_glass: {groups: [senior-developers, risk-managers], review_by: leads, review_within: 6h}\n"
)
_KEEP = '    keep: {unless_changed: ["src/**"]}\n'


def seats(kind: str, environment: str, labelled: bool) -> dict[str, int]:
    """How many of which team have to approve."""
    if environment == "staging":
        return {"senior-developers": 1}
    return {"senior-developers": 1, "risk": 2 if labelled or kind == "strict" else 1}


class Playground(World):
    """``policies`` are the three policies by kind."""

    def settings(self, github_url: str) -> Settings:
        found = super().settings(github_url)
        path = found.tenants[0].policy
        text = path.read_text()
        assert "acme/models" in text
        path.write_text(text.replace("acme/models", "acme/*"))
        return found

    def on(self, database_url: str) -> None:
        """Start the service on this database from now on."""
        self._database_url = database_url

    def text(self, kind: str) -> bytes:
        loosened = _POWERS if kind in LOOSE else ""
        loosened += _KEEP if kind == "keep" else ""
        risk = 2 if kind == "strict" else 1
        return f"""\
schema: countersign/policy/v1
groups:
  senior-developers: {{github_team: acme/senior-developers}}
  risk-managers: {{github_team: acme/risk}}
  leads: {{members: [{", ".join(LEADS)}]}}
trust:
  lineage: [{{key: "{self.training.public.fingerprint}", who: training cluster}}]
  test-result: [{{key: "{self.testing.public.fingerprint}", who: back-test service}}]
rules:
  - name: production
    when: {{environment: production}}
    seats:
      - {{group: senior-developers, {_WAYS}}}
      - {{group: risk-managers, count: {risk}, {_WAYS}}}
    gates: [artifacts, lineage, rationale, evidence, freeze]
    evidence: [test-result]
{loosened}\
  - name: labelled
    when: {{environment: production, labels: [{LABEL}]}}
    seats:
      - {{group: risk-managers, count: 2, {_WAYS}}}
    gates: [artifacts]
{loosened}\
  - name: staging
    when: {{environment: staging}}
    seats:
      - {{group: senior-developers, {_WAYS}}}
    gates: [artifacts, lineage]
{loosened}""".encode()


class Answer(msgspec.Struct, frozen=True):
    status: int
    body: Any

    @property
    def code(self) -> str:
        found: str = self.body.get("code", "") if isinstance(self.body, dict) else ""
        return found


class Desk:
    """Where people sign and pipelines ask: over HTTP, with keys that ssh-keygen made."""

    def __init__(self, lively: Lively, people: tuple[str, ...]) -> None:
        self.lively = lively
        self.keys: dict[str, PersonKey] = {}
        lively.github.create_user(OWNER)
        self._tokens = {
            name: self._token(name, Scope(permissions))
            for name, permissions in {
                "reader": (Permission.RELEASE_READ,),
                "pipeline": (Permission.GATE_DECIDE, Permission.GATE_REDEEM, Permission.RELEASE_READ),
                "first": (Permission.PEOPLE_MANAGE,),
                "second": (Permission.PEOPLE_MANAGE,),
            }.items()
        }
        self._meet(people)
        for login in people:
            self._enrol(login)

    def _token(self, name: str, scope: Scope) -> str:
        """Long enough for all the time that passes in histories."""
        tokens = self.lively.service.tokens
        return self.lively.run(tokens.create(TENANT, name, scope, by="service:test", days=365)).text

    def _meet(self, people: tuple[str, ...]) -> None:
        """Have the service know their accounts."""
        github = self.lively.github
        github.push(REPOSITORY, "hello", self.lively.world.release_files(folder="releases/hello"), author="alice")
        pull = github.open_pull(REPOSITORY, "hello", author="alice", base="main")
        self.lively.settle()
        for login in people:
            github.comment(REPOSITORY, pull.number, by=login, body="/status")
        self.lively.settle()
        github.close_pull(REPOSITORY, pull.number, by="alice")
        self.lively.settle()

    def _enrol(self, login: str) -> None:
        key = self.keys[login] = signers.make(self.lively.world.folder, f"key-{login}")
        made = self.ask("POST", "/api/v1/people/keys", {"person_account": login, "public_key": key.line}, "first")
        assert made.status == 201, made.body
        path = f"/api/v1/people/keys/{quote(key.fingerprint, safe='')}/confirmation"
        assert self.ask("POST", path, None, "second").status == 200

    def ask(self, method: str, path: str, body: object = None, token: str = "reader") -> Answer:
        return self.lively.run(self._ask(method, path, body, token))

    async def _ask(self, method: str, path: str, body: object, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {self._tokens[token]}"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.lively.service.address + path, json=body, headers=headers) as answer,
        ):
            found = await answer.read()
            return Answer(answer.status, msgspec.json.decode(found) if found else None)

    def sign(self, release: str, who: str, decision: str, **more: str) -> Answer:
        """What the service answers to a statement that it was asked for, signed."""
        key = self.keys[who]
        asked = {"key": key.fingerprint, "decision": decision, "reason": "so it is", **more}
        prepared = self.ask("GET", f"/api/v1/releases/{release}/statement?{urlencode(asked)}")
        if prepared.status != 200:
            return prepared
        payload = base64.b64decode(prepared.body["payload"])
        sent = {"payload": prepared.body["payload"], "signature": key.sign(payload), "reason": "so it is"}
        return self.ask("POST", "/api/v1/statements", sent)
