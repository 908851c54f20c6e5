"""What the verdict on a pull request depends on beside its code and what people say, kept with the pull request: what
else happens at GitHub need not be looked into."""

from __future__ import annotations

import msgspec

from manifests.policy_terms import RequiredCheck

ANY_APP = "any"
TEAMS, ORGANISATIONS, ROLES, OWNERS = "team", "organisation", "role", "owners"


class Watches(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ``checks`` that some rule requires; whether some condition asks for ``labels``; whether the ``title`` says
    why (of a changed policy); the ``groups`` that are asked, as ``team:<organisation/slug>``, ``team:<id>``,
    ``organisation:<login>`` in lower case, ``role`` for those of permissions and ``owners`` for those of files."""

    checks: tuple[RequiredCheck, ...] = ()
    labels: bool = False
    title: bool = False
    groups: tuple[str, ...] = ()

    def requires(self, name: str, app: str) -> bool:
        return any(check.name == name and check.app in (ANY_APP, app) for check in self.checks)


def encode(found: Watches) -> str:
    return msgspec.json.encode(found).decode()


def decode(text: str) -> Watches | None:
    """None for a pull request that was judged before this was kept: then everything matters."""
    return msgspec.json.decode(text, type=Watches) if text else None
