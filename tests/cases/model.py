"""Black-box cases: a policy, a pull request and what happens to it, and what the check has to say then.

Written as YAML beside this file (``tables/*.yaml``), so that who knows the field and no Python can read and add them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

TABLES = Path(__file__).with_name("tables")


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One history. ``covers`` says what it shows (a hole of other systems, a row of the threats, a predicate).

    ``policy`` is the text of the policy or the name of one under ``policies``; None: there is none. ``teams`` are
    the members of the teams that the policy writes as ``$name``. ``release`` alters the manifest. ``steps`` each hold
    one act, or one expectation under ``expect``; the pull request is opened by alice unless the first step opens it.
    """

    name: str
    steps: tuple[dict[str, Any], ...]
    covers: tuple[str, ...] = ()
    policy: str | None = "default"
    teams: dict[str, tuple[str, ...]] = {}
    release: dict[str, Any] = {}
    base: dict[str, str] = {}
    adopted: bool = True


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of cases. ``policies`` are texts by name; ``teams`` the members of teams in every case."""

    cases: tuple[Case, ...]
    policies: dict[str, str] = {}
    teams: dict[str, tuple[str, ...]] = {}

    def policy_of(self, case: Case) -> str | None:
        return None if case.policy is None else self.policies.get(case.policy, case.policy)


def tables() -> dict[str, Table]:
    """Every file of cases by its name."""
    return {
        path.stem: msgspec.convert(yaml.safe_load(path.read_text()), Table) for path in sorted(TABLES.glob("*.yaml"))
    }
