"""Reading the ways around a rule: approvals that are kept over a push, delegation, and breaking the glass."""

from __future__ import annotations

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Read, Reader
from manifests.located_yaml_values import duration, form, integer, one_or_many
from manifests.policy_parser_forms import MAX_EXPIRY_S, MAX_REVIEW_S, MAX_SEATS, PATTERN
from manifests.policy_parser_names import Names, group_name, group_names
from manifests.policy_terms import MAX_BREAK_GLASS_S, BreakGlassRule, DelegationRule, KeepRule

KEEP_KEYS = ("unless_changed",)
DELEGATION_KEYS = ("longest",)
BREAK_GLASS_KEYS = ("groups", "review_by", "count", "valid", "review_within")
LEAST_COUNT = 2
"""One person who breaks the glass would be one pair of eyes."""


def keep(reader: Reader) -> Read[KeepRule]:
    patterns = one_or_many(reader, form(reader, PATTERN))

    def read(node: Node, name: str) -> KeepRule:
        return KeepRule(reader.fields(node, "`keep`", KEEP_KEYS).optional("unless_changed", patterns, ()))

    return read


def delegation(reader: Reader) -> Read[DelegationRule]:
    longest = duration(reader, 1, MAX_EXPIRY_S)

    def read(node: Node, name: str) -> DelegationRule:
        fields = reader.fields(node, "`delegation`", DELEGATION_KEYS)
        return DelegationRule(fields.optional("longest", longest, DelegationRule().longest))

    return read


def break_glass(reader: Reader, names: Names) -> Read[BreakGlassRule]:
    read_count, read_valid = integer(reader, LEAST_COUNT, MAX_SEATS), duration(reader, 1, MAX_BREAK_GLASS_S)
    read_within = duration(reader, 1, MAX_REVIEW_S)
    read_groups, read_group = group_names(reader, names.groups), group_name(reader, names.groups)
    default = BreakGlassRule((), "")

    def read(node: Node, name: str) -> BreakGlassRule:
        fields = reader.fields(node, "`break_glass`", BREAK_GLASS_KEYS)
        return BreakGlassRule(
            groups=fields.required("groups", read_groups, ()),
            review_by=fields.required("review_by", read_group, ""),
            count=fields.optional("count", read_count, default.count),
            valid=fields.optional("valid", read_valid, default.valid),
            review_within=fields.optional("review_within", read_within, default.review_within),
        )

    return read
