"""Reading the rules and freezes of a policy."""

from __future__ import annotations

from collections.abc import Collection

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Fields, Read, Reader, did_you_mean, shown
from manifests.located_yaml_values import (
    boolean,
    choice,
    duration,
    form,
    instant,
    integer,
    many,
    one_or_many,
    text,
)
from manifests.policy import (
    DEFAULT_EXPIRY_S,
    GATE_NAMES,
    STRENGTHS,
    Freeze,
    GateName,
    Rule,
    Seat,
    Way,
    When,
)
from manifests.policy_parser_forms import (
    GROUP_NAME,
    MAX_EXPIRY_S,
    MAX_LINE,
    MAX_NAME,
    MAX_SEATS,
    PATTERN,
    WAYS,
)
from manifests.policy_terms import ChangeRule
from manifests.release import ChangeType
from manifests.release_parser_forms import CHANGE_TYPES, ENVIRONMENT, EVIDENCE_TYPE, KINDS

RULE_KEYS = ("name", "when", "seats", "expires", "gates", "evidence", "change")
WHEN_KEYS = ("kind", "name", "environment", "paths", "base_ref")
SEAT_KEYS = ("group", "count", "signature", "accept")
CHANGE_KEYS = ("type", "assignment_group", "cab", "approvals")
FREEZE_KEYS = ("name", "start", "end", "environments")
DEFAULT_GATES = Rule(name="").gates
DEFAULT_WAYS = Seat(group="").accept


def rules(reader: Reader, groups: Collection[str], trusted: Collection[str]) -> Read[tuple[Rule, ...]]:
    """The rules, each name once. Seats name one of ``groups``; ``trusted`` are the types under `trust`."""
    read_gates: Read[tuple[GateName, ...]] = many(reader, choice(reader, GATE_NAMES), unique=str)

    def read(node: Node, name: str) -> Rule:
        fields = reader.fields(node, "a rule", RULE_KEYS)
        rule_name = fields.required("name", text(reader, MAX_NAME), "")
        gates = fields.optional("gates", read_gates, DEFAULT_GATES)
        return Rule(
            name=rule_name,
            when=fields.optional("when", _when(reader), When()),
            seats=fields.optional("seats", many(reader, _seat(reader, groups)), ()),
            expires=fields.optional("expires", duration(reader, 1, MAX_EXPIRY_S), DEFAULT_EXPIRY_S),
            gates=gates,
            evidence=_evidence(fields, gates, trusted),
            change=_change(fields, gates),
        )

    # A name that could not be read is reported already and stands in as "".
    return many(reader, read, unique=lambda rule: rule.name or object())


def freezes(reader: Reader) -> Read[tuple[Freeze, ...]]:
    """The freezes, each name once."""
    environments = one_or_many(reader, form(reader, ENVIRONMENT))

    def read(node: Node, name: str) -> Freeze:
        fields = reader.fields(node, "a freeze", FREEZE_KEYS)
        start = fields.required("start", instant(reader), 0)
        end = fields.required("end", instant(reader), 0)
        if start and end and start >= end:
            reader.refuse(
                fields.at("end"),
                "policy.freeze_order",
                "Expected `end` after `start`, found it before or equal.",
                "Correct one of them.",
            )
        return Freeze(
            name=fields.required("name", text(reader, MAX_NAME), ""),
            start=start,
            end=end,
            environments=fields.optional("environments", environments, ()),
        )

    return many(reader, read, unique=lambda freeze: freeze.name or object())


def _when(reader: Reader) -> Read[When]:
    patterns = one_or_many(reader, form(reader, PATTERN))

    def read(node: Node, name: str) -> When:
        fields = reader.fields(node, "`when`", WHEN_KEYS)
        return When(
            kind=fields.optional("kind", one_or_many(reader, choice(reader, KINDS)), ()),
            name=fields.optional("name", patterns, ()),
            environment=fields.optional("environment", one_or_many(reader, form(reader, ENVIRONMENT)), ()),
            paths=fields.optional("paths", patterns, ()),
            base_ref=fields.optional("base_ref", patterns, ()),
        )

    return read


def _seat(reader: Reader, groups: Collection[str]) -> Read[Seat]:
    ways: Read[tuple[Way, ...]] = many(reader, choice(reader, WAYS), least=1, unique=str)

    def read(node: Node, name: str) -> Seat:
        fields = reader.fields(node, "a seat", SEAT_KEYS)
        group = fields.required("group", form(reader, GROUP_NAME), None)
        if group is not None and group not in groups:
            remedy = did_you_mean(group, sorted(groups)) if groups else "Define it under `groups`."
            message = f"`group`: expected a defined group, found {shown(group)}."
            reader.refuse(fields.at("group"), "policy.unknown_group", message, remedy)
        return Seat(
            group=group or "",
            count=fields.optional("count", integer(reader, 1, MAX_SEATS), 1),
            signature=fields.optional("signature", choice(reader, STRENGTHS), None),
            accept=fields.optional("accept", ways, DEFAULT_WAYS),
        )

    return read


def _evidence(fields: Fields, gates: Collection[str], trusted: Collection[str]) -> tuple[str, ...]:
    reader = fields.reader
    types = many(reader, form(reader, EVIDENCE_TYPE), least=1, unique=str)
    if fields.has("evidence"):
        _needs_gate(fields, "evidence", gates)
        return fields.optional("evidence", types, ())
    default = tuple(sorted(name for name in trusted if name != "lineage"))
    if "evidence" in gates and not default:
        reader.refuse(
            fields.at("gates"),
            "policy.no_evidence_types",
            "Expected the types of evidence the rule asks for, found none under `evidence` or `trust`.",
            "Add `evidence: [test-result]`.",
        )
    return default if "evidence" in gates else ()


def _change(fields: Fields, gates: Collection[str]) -> ChangeRule | None:
    if fields.has("change"):
        _needs_gate(fields, "change", gates)
        return fields.optional("change", _change_rule(fields.reader), None)
    return ChangeRule() if "change" in gates else None


def _needs_gate(fields: Fields, gate: str, gates: Collection[str]) -> None:
    """A requirement that no gate reads would look like protection and be none."""
    if gate not in gates:
        fields.reader.refuse(
            fields.at(gate),
            "policy.gate_missing",
            f"Expected the gate {gate} in `gates`, because the rule has `{gate}:`; found it missing.",
            f"Add {gate} to `gates`, or remove `{gate}:`.",
        )


def _change_rule(reader: Reader) -> Read[ChangeRule]:
    read_type: Read[ChangeType] = choice(reader, CHANGE_TYPES)
    default = ChangeRule()

    def read(node: Node, name: str) -> ChangeRule:
        fields = reader.fields(node, "`change`", CHANGE_KEYS)
        kind: ChangeType = fields.optional("type", read_type, default.type)
        approvals = fields.optional("approvals", integer(reader, 0, MAX_SEATS), default.approvals)
        if approvals == 0 and kind != "standard":
            reader.refuse(
                fields.at("approvals"),
                "policy.no_approvals",
                f"Expected at least 1 approval of a {kind} change, found 0.",
                "Write 1 or more; only a standard change is approved beforehand.",
            )
        return ChangeRule(
            type=kind,
            assignment_group=fields.optional("assignment_group", text(reader, MAX_LINE), None),
            cab=fields.optional("cab", boolean(reader), default.cab),
            approvals=approvals,
        )

    return read
