"""Reading the groups of a policy, and what they are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from manifests.located_yaml import Node, Scalar
from manifests.located_yaml import Sequence as List
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import boolean, choice, form, integer, many, text
from manifests.policy import PERMISSIONS, Group
from manifests.policy_parser_forms import (
    GROUP_NAME,
    LOGIN,
    MAX_GROUP_DEPTH,
    MAX_ID,
    MAX_LINE,
    MAX_LIST,
    ORGANISATION,
    TEAM,
)
from manifests.policy_parser_names import refuse_other, refuse_unknown

SOURCES = ("github_team", "github_org", "permission", "codeowners", "servicenow_group", "idp_group", "members")
COMPOSITIONS = ("any_of", "all_of")
GROUP_KEYS = ("github_team", "github_team_id", *SOURCES[1:], *COMPOSITIONS)


class Reference(msgspec.Struct, frozen=True):
    """The group ``owner`` is made of the group ``target``, as it says at ``node``."""

    reader: Reader
    node: Node
    key: str
    owner: str
    target: str


def groups(reader: Reader, earlier: Mapping[str, Group], references: list[Reference]) -> Read[dict[str, Group]]:
    """Name → group. ``references`` is added to; ``earlier`` are the groups of files read before."""
    read_group = _group(reader, references)

    def read(node: Node, name: str) -> dict[str, Group]:
        found: dict[str, Group] = {}
        for entry in reader.entries(node, name):
            if form(reader, GROUP_NAME)(entry.key, "groups") is None:
                continue
            group = read_group(entry.value, entry.key.text)
            if group is not None:
                found[entry.key.text] = group
                refuse_other(reader, entry.key, "group", entry.key.text, group, earlier)
        return found

    return read


def _group(reader: Reader, references: list[Reference]) -> Read[Group]:
    read_line = text(reader, MAX_LINE)
    read_team, read_organisation = form(reader, TEAM), form(reader, ORGANISATION)
    read_id, read_permission = integer(reader, 1, MAX_ID), choice(reader, PERMISSIONS)
    read_members = many(reader, form(reader, LOGIN), least=1, unique=str.lower)
    read_names = many(reader, form(reader, GROUP_NAME), least=1, most=MAX_LIST, unique=str)

    def read(node: Node, name: str) -> Group:
        fields = reader.fields(node, f"the group {name}", GROUP_KEYS)
        group = Group(
            github_team=fields.optional("github_team", read_team, None),
            github_team_id=fields.optional("github_team_id", read_id, None),
            servicenow_group=fields.optional("servicenow_group", read_line, None),
            members=fields.optional("members", read_members, ()),
            github_org=fields.optional("github_org", read_organisation, None),
            permission=fields.optional("permission", read_permission, None),
            codeowners=fields.optional("codeowners", boolean(reader), False),
            idp_group=fields.optional("idp_group", read_line, None),
            any_of=fields.optional("any_of", read_names, ()),
            all_of=fields.optional("all_of", read_names, ()),
        )
        _refuse_empty(fields, name)
        references.extend(_references(fields, name, group))
        return group

    return read


def _refuse_empty(fields: Fields, name: str) -> None:
    named = [key for key in (*SOURCES, *COMPOSITIONS) if fields.has(key)]
    if named == ["codeowners"] and _is_false(fields.at("codeowners")):
        named = []
    if not named:
        fields.reader.refuse(
            fields.node,
            "policy.empty_group",
            f"Expected a source of the group {name}, found none.",
            f"Add one of {', '.join(SOURCES)}, or name the groups that it is made of under `any_of` or `all_of`.",
        )
    if fields.has("github_team_id") and not fields.has("github_team"):
        fields.reader.refuse(
            fields.at("github_team_id"),
            "policy.team_id_alone",
            "Expected `github_team` beside `github_team_id`, found none.",
            "Add the team's organisation/slug.",
        )


def _is_false(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text == "false"


def _references(fields: Fields, owner: str, group: Group) -> list[Reference]:
    found: list[Reference] = []
    for key, targets in (("any_of", group.any_of), ("all_of", group.all_of)):
        node = fields.at(key)
        items = node.items if targets and isinstance(node, List) else ()
        found += [
            Reference(fields.reader, item, key, owner, item.text)
            for item in items
            if isinstance(item, Scalar) and item.text in targets
        ]
    return found


def check_references(references: Sequence[Reference], known: Collection[str]) -> None:
    """Report groups that are not defined, that are made of themselves, or of too many layers."""
    made_of: dict[str, list[Reference]] = {}
    for reference in references:
        if reference.target not in known:
            refuse_unknown(reference.reader, reference.node, reference.key, reference.target, known)
        else:
            made_of.setdefault(reference.owner, []).append(reference)
    heights: dict[str, int] = {}
    for name in made_of:
        _height(name, made_of, heights, (name,))


def _height(
    name: str, made_of: Mapping[str, Sequence[Reference]], heights: dict[str, int], path: tuple[str, ...]
) -> int:
    """How many layers of groups are below ``name``; ``path`` leads to it."""
    if name in heights:
        return heights[name]
    height = 0
    for reference in made_of.get(name, ()):
        below = heights.get(reference.target)
        if reference.target in path:
            _refuse_circle(reference, path[path.index(reference.target) :])
        elif len(path) + (below or 0) > MAX_GROUP_DEPTH:
            _refuse_depth(reference)
        else:
            if below is None:
                below = _height(reference.target, made_of, heights, (*path, reference.target))
            height = max(height, below + 1)
    heights[name] = height
    return height


def _refuse_circle(reference: Reference, circle: tuple[str, ...]) -> None:
    reference.reader.refuse(
        reference.node,
        "policy.group_circle",
        f"Expected a group that is not made of itself, found {' → '.join((*circle, reference.target))}.",
        "Remove one of these names.",
    )


def _refuse_depth(reference: Reference) -> None:
    reference.reader.refuse(
        reference.node,
        "policy.group_depth",
        f"Expected at most {MAX_GROUP_DEPTH} layers of groups made of groups, found more.",
        "Name the groups at the bottom directly.",
    )
