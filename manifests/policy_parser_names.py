"""What the names in a policy stand for, and names that are given twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

import msgspec

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Read, Reader, did_you_mean, shown
from manifests.located_yaml_values import form, many
from manifests.policy_parser_forms import GROUP_NAME, MAX_LIST

T = TypeVar("T")


class AnyGroup(frozenset[str]):
    """Groups of which not all are known, because a file that may define them could not be read: none is unknown."""

    def __contains__(self, name: object) -> bool:
        return True


class Names(msgspec.Struct, frozen=True):
    """The groups that can be named, the types under `trust`, and the rules of the files read before."""

    groups: Collection[str]
    trusted: Collection[str] = ()
    rules: Collection[str] = ()


def group_name(reader: Reader, groups: Collection[str]) -> Read[str]:
    """The name of a group that is defined."""
    read_name = form(reader, GROUP_NAME)

    def read(node: Node, name: str) -> str | None:
        group = read_name(node, name)
        if group is None or group in groups:
            return group
        refuse_unknown(reader, node, name, group, groups)
        return None

    return read


def group_names(reader: Reader, groups: Collection[str]) -> Read[tuple[str, ...]]:
    """At least one defined group, each once."""
    return many(reader, group_name(reader, groups), least=1, most=MAX_LIST, unique=str)


def refuse_unknown(reader: Reader, node: Node, name: str, group: str, groups: Collection[str]) -> None:
    remedy = did_you_mean(group, sorted(groups)) if groups else "Define it under `groups`."
    message = f"`{name}`: expected a defined group, found {shown(group)}."
    reader.refuse(node, "policy.unknown_group", message, remedy)


def refuse_other(reader: Reader, node: Node, what: str, name: str, value: T, earlier: Mapping[str, T]) -> None:
    """Report a name that a file read before defines otherwise."""
    if name in earlier and earlier[name] != value:
        reader.refuse(
            node,
            "policy.defined_twice",
            f"Expected the {what} {shown(name)} as an included file defines it, found another definition.",
            "Remove one of them, or give it another name.",
        )
