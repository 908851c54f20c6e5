"""Reading what the gates change and required_checks ask for, and that gates and what they ask for come together."""

from __future__ import annotations

from collections.abc import Collection

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import boolean, choice, form, integer, many, text
from manifests.policy_parser_forms import APP, MAX_LINE, MAX_LIST, MAX_SEATS
from manifests.policy_terms import ChangeRule, RequiredCheck
from manifests.release import ChangeType
from manifests.release_parser_forms import CHANGE_TYPES

CHANGE_KEYS = ("type", "assignment_group", "cab", "approvals")
CHECK_KEYS = ("name", "app")
WITHOUT_DEFAULT = ("findings", "required_checks")
"""Gates that have nothing to ask for unless the rule says what."""


def needs_gate(fields: Fields, gate: str, gates: Collection[str]) -> None:
    """A requirement that no gate reads would look like protection and be none."""
    if fields.has(gate) and gate not in gates:
        fields.reader.refuse(
            fields.at(gate),
            "policy.gate_missing",
            f"Expected the gate {gate} in `gates`, because the rule has `{gate}:`; found it missing.",
            f"Add {gate} to `gates`, or remove `{gate}:`.",
        )


def needs_terms(fields: Fields, gates: Collection[str]) -> None:
    """And so would a gate that asks for nothing."""
    for gate in WITHOUT_DEFAULT:
        if gate in gates and not fields.has(gate):
            fields.reader.refuse(
                fields.at("gates"),
                "policy.terms_missing",
                f"Expected `{gate}:` in the rule, because it has the gate {gate}; found none.",
                f"Add `{gate}:`, or remove {gate} from `gates`.",
            )


def change_rule(reader: Reader) -> Read[ChangeRule]:
    """What the gate change asks for."""
    read_type: Read[ChangeType] = choice(reader, CHANGE_TYPES)
    read_group, read_count = text(reader, MAX_LINE), integer(reader, 0, MAX_SEATS)
    default = ChangeRule()

    def read(node: Node, name: str) -> ChangeRule:
        fields = reader.fields(node, "`change`", CHANGE_KEYS)
        kind: ChangeType = fields.optional("type", read_type, default.type)
        approvals = fields.optional("approvals", read_count, default.approvals)
        if approvals == 0 and kind != "standard":
            reader.refuse(
                fields.at("approvals"),
                "policy.no_approvals",
                f"Expected at least 1 approval of a {kind} change, found 0.",
                "Write 1 or more; only a standard change is approved beforehand.",
            )
        return ChangeRule(
            type=kind,
            assignment_group=fields.optional("assignment_group", read_group, None),
            cab=fields.optional("cab", boolean(reader), default.cab),
            approvals=approvals,
        )

    return read


def required_checks(reader: Reader) -> Read[tuple[RequiredCheck, ...]]:
    """The checks that have to be green, each once."""
    read_name, read_app = text(reader, MAX_LINE), form(reader, APP)

    def read(node: Node, name: str) -> RequiredCheck:
        fields = reader.fields(node, "a required check", CHECK_KEYS)
        return RequiredCheck(fields.required("name", read_name, ""), fields.required("app", read_app, ""))

    return many(reader, read, least=1, most=MAX_LIST, unique=lambda check: check if check.name else object())
