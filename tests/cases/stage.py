"""One service and one simulated GitHub for all cases of a module, each case in a repository of its own."""

from __future__ import annotations

from app.sandbox.world import World
from app.settings.model import Settings

PEOPLE = ("alice", "bob", "carol", "dana", "erin", "frank", "grace", "heidi", "mallory")
BOTS = ("release-bot[bot]",)


class CaseWorld(World):
    """The tenant lists ``main`` and ``stable`` of every repository of acme."""

    def settings(self, github_url: str) -> Settings:
        settings = super().settings(github_url)
        settings.tenants[0].policy.write_text(f"""\
schema: countersign/policy/v1
base_refs:
  - {{repository: "acme/*", refs: [main, stable]}}
installations: [{self.installation.id}]
people: {{membership_age: 0s, key_cooldown: 0s}}
rules:
  - name: the policy itself
    when: {{kind: policy}}
    seats: [{{group: policy-owners, count: 2, signature: attested}}]
    gates: [rationale]
groups:
  policy-owners: {{members: [grace, heidi]}}
""")
        return settings

    def _populate_github(self) -> None:
        super()._populate_github()
        for login in (*PEOPLE, *BOTS):
            self.github.create_user(login)
