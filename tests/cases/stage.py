"""One service and its neighbours for all cases of a module, each case in a repository of its own."""

from __future__ import annotations

from pydantic import SecretStr

from app.sandbox.world import World
from app.settings.model import IdentitySettings, Settings
from integrations.identity.simulator import IdentitySimulator

PEOPLE = ("alice", "bob", "carol", "dana", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "agent")
"""carol manages alice, and alice manages frank; of erin the identity provider tells no manager. What ``agent`` does
no human does by hand."""
BOTS = ("release-bot[bot]",)
LINES = (("carol", "boss"), ("alice", "carol"), ("frank", "alice"), ("bob", "boss"), ("dana", "boss"), ("erin", ""))


class CaseWorld(World):
    """The tenant lists ``main`` and ``stable`` of every repository of acme."""

    identity: IdentitySimulator

    async def start_neighbours(self) -> None:
        self.identity = IdentitySimulator()
        self.identity.add_user("boss")
        for name, manager in LINES:
            self.identity.add_user(name, manager=manager)
        self.identity.people["erin"].enterprise = False
        await self.identity.start()
        await super().start_neighbours()

    async def stop(self) -> None:
        await super().stop()
        await self.identity.stop()

    def settings(self, github_url: str) -> Settings:
        settings = super().settings(github_url)
        settings.tenants[0].policy.write_text(f"""\
schema: countersign/policy/v1
base_refs:
  - {{repository: "acme/*", refs: [main, stable]}}
installations: [{self.installation.id}]
people: {{membership_age: 0s, key_cooldown: 0s, machines: [agent]}}
rules:
  - name: the policy itself
    when: {{kind: policy}}
    seats: [{{group: policy-owners, count: 2, signature: attested}}]
    gates: [rationale]
groups:
  policy-owners: {{members: [grace, heidi]}}
""")
        provider = IdentitySettings(url=self.identity.base_url, token=SecretStr(self.identity.token))
        tenant = settings.tenants[0].model_copy(update={"identity": provider})
        return settings.model_copy(update={"tenants": (tenant,)})

    def _populate_github(self) -> None:
        super()._populate_github()
        for login in (*PEOPLE, *BOTS):
            self.github.create_user(login)

    def _populate_servicenow(self) -> None:
        super()._populate_servicenow()
        for name in PEOPLE:
            self.servicenow.add_user(f"{name}.now")
