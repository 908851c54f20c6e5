"""Black-box cases: a policy, a pull request and what happens to it, and what the check has to say then.

Written as YAML beside this file (``tables/*.yaml``), so that who knows the field and no Python can read and add them.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

TABLES = Path(__file__).with_name("tables")
_BLANK = re.compile(r"<[a-z_]+>")


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One history. ``covers`` says what it shows, in the words of ``vocabulary``.

    ``policy`` is the text of the policy or the name of one under ``policies``; None: there is none. ``fill`` has what
    stands in the policy for ``<word>``; a line with a word that is not filled is left out. ``teams`` are the members
    of the teams that the policy writes as ``$name``. ``release`` alters the manifest, ``reports`` are signed reports
    beside it, ``base`` further files of the base branch. ``steps`` each hold one act, or one expectation under
    ``expect``; the pull request is opened by alice unless a step opens it. ``alone``: in a world of its own, because
    it moves the clock to a date.
    """

    name: str
    steps: tuple[dict[str, Any], ...]
    covers: tuple[str, ...] = ()
    policy: str | None = "default"
    fill: dict[str, str] = {}
    teams: dict[str, tuple[str, ...]] = {}
    release: dict[str, Any] = {}
    reports: dict[str, dict[str, Any]] = {}
    base: dict[str, str] = {}
    adopted: bool = True
    alone: bool = False


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of cases. ``policies`` are texts by name; ``teams`` the members of teams in every case."""

    cases: tuple[Case, ...]
    policies: dict[str, str] = {}
    teams: dict[str, tuple[str, ...]] = {}

    def policy_of(self, case: Case) -> str | None:
        return None if case.policy is None else self.filled(case.policy, case)

    def filled(self, policy: str, case: Case) -> str:
        """A policy by its name or text, with what the case fills in."""
        text = self.policies.get(policy, policy)
        for word, said in case.fill.items():
            text = text.replace(f"<{word}>", said)
        return "".join(line for line in text.splitlines(keepends=True) if not _BLANK.search(line))


@cache
def tables() -> dict[str, Table]:
    """Every file of cases by its name."""
    return {path.stem: _read(path) for path in sorted(TABLES.glob("*.yaml"))}


def _read(path: Path) -> Table:
    # The reader that is written in C takes a tenth of the time of the other, and is not always there.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return msgspec.convert(yaml.load(path.read_text(), loader), Table)
