"""Reading what policies are made of: the files of one policy one after the other, and then all of it together."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from manifests.located_yaml_reader import Fields
from manifests.policy import Freeze, Group, Rule
from manifests.policy_parser_groups import Reference, check_references, groups
from manifests.policy_parser_names import Names
from manifests.policy_parser_rules import rules
from manifests.policy_parser_seats import Defaults, defaults
from manifests.policy_parser_sources import Signers, trust
from manifests.policy_parser_time import freezes

COMMON_KEYS = ("schema", "defaults", "groups", "trust", "rules", "freezes")


class Common(msgspec.Struct, frozen=True):
    """What repositories' policies, included files and the tenant policy have in common."""

    groups: dict[str, Group]
    trust: dict[str, Signers]
    rules: tuple[Rule, ...]
    freezes: tuple[Freeze, ...]


def common(parts: Sequence[Fields], known_groups: Collection[str]) -> Common:
    """Everything in the files of one policy. They may name each other's groups; a name that stands in two of them has
    to mean the same, and is reported where it stands last."""
    named, trusted = _groups(parts, known_groups), _trust(parts)
    ruled: dict[str, Rule] = {}
    frozen: dict[str, Freeze] = {}
    read_rules: list[Rule] = []
    for part in parts:
        names = Names(frozenset((*named, *known_groups)), frozenset(trusted), frozenset(ruled))
        found = part.optional("rules", rules(part.reader, names, _defaults(part)), ())
        read_rules += found
        ruled.update((rule.name, rule) for rule in found)
        frozen.update((one.name, one) for one in part.optional("freezes", freezes(part.reader, frozen), ()))
    return Common(named, trusted, tuple(read_rules), tuple(frozen.values()))


def _groups(parts: Sequence[Fields], known_groups: Collection[str]) -> dict[str, Group]:
    found: dict[str, Group] = {}
    references: list[Reference] = []
    for part in parts:
        found.update(part.optional("groups", groups(part.reader, found, references), {}))
    check_references(references, frozenset((*found, *known_groups)))
    return found


def _trust(parts: Sequence[Fields]) -> dict[str, Signers]:
    found: dict[str, Signers] = {}
    for part in parts:
        found.update(part.optional("trust", trust(part.reader, found), {}))
    return found


def _defaults(part: Fields) -> Defaults:
    return part.optional("defaults", defaults(part.reader), Defaults())
