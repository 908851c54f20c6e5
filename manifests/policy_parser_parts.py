"""Reading what policies are made of: the files of one policy one after the other, and then all of it together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from manifests.located_yaml_reader import Fields
from manifests.policy import Freeze, Group, Rule
from manifests.policy_parser_forms import MAX_RECURRENCES
from manifests.policy_parser_groups import Reference, check_references
from manifests.policy_parser_groups import groups as read_groups
from manifests.policy_parser_names import AnyGroup, Names
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


def common(parts: Sequence[Fields], known_groups: Collection[str], *, is_whole: bool = True) -> Common:
    """Everything in the files of one policy. They may name each other's groups; a name that stands in two of them has
    to mean the same, and is reported where it stands last. While a file is missing (not ``is_whole``), groups that it
    may define are not held against the others."""
    named, references = _groups(parts)
    groups: frozenset[str] = frozenset((*named, *known_groups)) if is_whole else AnyGroup()
    check_references(references, groups)
    trusted = _trust(parts)
    ruled: dict[str, Rule] = {}
    frozen: dict[str, Freeze] = {}
    read_rules: list[Rule] = []
    for part in parts:
        names = Names(groups, frozenset(trusted), frozenset(ruled))
        found = part.optional("rules", rules(part.reader, names, _defaults(part)), ())
        read_rules += found
        ruled.update((rule.name, rule) for rule in found)
        frozen.update((one.name, one) for one in part.optional("freezes", freezes(part.reader, frozen), ()))
    _expect_few_recurrences(parts[-1], read_rules, frozen.values())
    return Common(named, trusted, tuple(read_rules), tuple(frozen.values()))


def _expect_few_recurrences(part: Fields, read: Iterable[Rule], frozen: Iterable[Freeze]) -> None:
    """Expanding one takes up to a tenth of a second."""
    found = {span for rule in read for span in rule.windows}
    found |= {freeze.recurrence for freeze in frozen if freeze.recurrence is not None}
    if len(found) > MAX_RECURRENCES:
        part.reader.refuse(
            None, "policy.too_many_recurrences",
            f"Expected at most {MAX_RECURRENCES} different recurrences, found {len(found)}.",
            "Let one recurrence stand for several, or name each span by its start and end.",
        )  # fmt: skip


def _groups(parts: Sequence[Fields]) -> tuple[dict[str, Group], list[Reference]]:
    found: dict[str, Group] = {}
    references: list[Reference] = []
    for part in parts:
        found.update(part.optional("groups", read_groups(part.reader, found, references), {}))
    return found, references


def _trust(parts: Sequence[Fields]) -> dict[str, Signers]:
    found: dict[str, Signers] = {}
    for part in parts:
        found.update(part.optional("trust", trust(part.reader, found), {}))
    return found


def _defaults(part: Fields) -> Defaults:
    return part.optional("defaults", defaults(part.reader), Defaults())
