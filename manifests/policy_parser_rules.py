"""Reading the rules of a policy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import choice, duration, many, one_or_many, text
from manifests.policy import GATE_NAMES, GateName, Rule, When
from manifests.policy_parser_evidence import Asked, evidence, findings, requirements
from manifests.policy_parser_forms import MAX_EXPIRY_S, MAX_LIST, MAX_NAME, MAX_REVIEW_S
from manifests.policy_parser_names import Names, group_names
from manifests.policy_parser_seats import Defaults, seats
from manifests.policy_parser_terms import change_rule, needs_gate, needs_terms, required_checks
from manifests.policy_parser_time import deadline, recurrence
from manifests.policy_parser_ways import break_glass, delegation, keep
from manifests.policy_parser_when import when
from manifests.policy_terms import ChangeRule, Exclusion

RULE_KEYS = (
    "name", "when", "seats", "expires", "gates", "evidence", "change", "veto", "exclude", "required_checks", "findings",
    "review_time", "deadline", "windows", "keep", "delegation", "break_glass",
)  # fmt: skip
EXCLUSIONS: tuple[Exclusion, ...] = ("reporting-line",)


def rules(reader: Reader, names: Names, defaults: Defaults) -> Read[tuple[Rule, ...]]:
    """The rules, each name once, also among the rules of files read before."""
    reading = _Rules(reader, names, defaults)
    # A name that could not be read is reported already and stands in as "".
    return many(reader, reading.read, unique=lambda rule: rule.name or object())


def gates(reader: Reader) -> Read[tuple[GateName, ...]]:
    return many(reader, choice(reader, GATE_NAMES), unique=str)


class _Rules:
    """Reads one rule after the other. What reads a key is made once."""

    def __init__(self, reader: Reader, names: Names, defaults: Defaults) -> None:
        self._reader = reader
        self._names = names
        self._defaults = defaults
        self._name = text(reader, MAX_NAME)
        self._when = when(reader, names)
        self._seats = seats(reader, names, defaults)
        self._expires = duration(reader, 1, MAX_EXPIRY_S)
        self._gates = gates(reader)
        self._evidence = evidence(reader)
        self._change = change_rule(reader)
        self._rare = _rare(reader, names)

    def read(self, node: Node, name: str) -> Rule:
        fields = self._reader.fields(node, "a rule", RULE_KEYS)
        asked_gates = fields.optional("gates", self._gates, self._defaults.gates)
        asked = self._asked(fields, asked_gates)
        rule = Rule(
            name=self._rule_name(fields),
            when=fields.optional("when", self._when, When()),
            seats=fields.optional("seats", self._seats, ()),
            expires=fields.optional("expires", self._expires, self._defaults.expires),
            gates=asked_gates,
            evidence=tuple(one.type for one in asked),
            change=self._change_of(fields, asked_gates),
            requirements=requirements(asked),
        )
        return self._rich(fields, rule) if fields.keys.keys() & self._rare.keys() else rule

    def _rich(self, fields: Fields, rule: Rule) -> Rule:
        """The rule with the terms that few rules have."""
        needs_gate(fields, "required_checks", rule.gates)
        needs_gate(fields, "findings", rule.gates)
        found = {key: fields.optional(key, read, None) for key, read in self._rare.items() if fields.has(key)}
        return msgspec.structs.replace(rule, **{key: value for key, value in found.items() if value is not None})

    def _rule_name(self, fields: Fields) -> str:
        name = fields.required("name", self._name, "")
        if name in self._names.rules:
            self._reader.refuse(
                fields.at("name"),
                "policy.rule_twice",
                f"`name`: expected another name than those of the rules in included files, found {name!r}.",
                "Give one of the rules another name.",
            )
        return name

    def _change_of(self, fields: Fields, asked_gates: Collection[str]) -> ChangeRule | None:
        needs_gate(fields, "change", asked_gates)
        default = ChangeRule() if "change" in asked_gates else None
        return fields.optional("change", self._change, default)

    def _asked(self, fields: Fields, asked_gates: Collection[str]) -> tuple[Asked, ...]:
        needs_gate(fields, "evidence", asked_gates)
        needs_terms(fields, asked_gates)
        if fields.has("evidence"):
            return fields.optional("evidence", self._evidence, ())
        default = tuple(Asked(name) for name in sorted(self._names.trusted) if name != "lineage")
        if "evidence" in asked_gates and not default:
            self._reader.refuse(
                fields.at("gates"),
                "policy.no_evidence_types",
                "Expected the types of evidence the rule asks for, found none under `evidence` or `trust`.",
                "Add `evidence: [test-result]`.",
            )
        return default if "evidence" in asked_gates else ()


def _rare(reader: Reader, names: Names) -> Mapping[str, Read[Any]]:
    """What reads the terms that few rules have, by their names."""
    exclusions: Read[tuple[Exclusion, ...]] = one_or_many(reader, choice(reader, EXCLUSIONS))
    return {
        "veto": group_names(reader, names.groups),
        "exclude": exclusions,
        "required_checks": required_checks(reader),
        "findings": findings(reader, names),
        "review_time": duration(reader, 1, MAX_REVIEW_S),
        "deadline": deadline(reader, names),
        "windows": many(reader, recurrence(reader), least=1, most=MAX_LIST, unique=lambda window: window),
        "keep": keep(reader),
        "delegation": delegation(reader),
        "break_glass": break_glass(reader, names),
    }
