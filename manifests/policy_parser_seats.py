"""Reading the seats of a rule, and what a policy's rules and seats are where they leave a key out."""

from __future__ import annotations

import msgspec

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Read, Reader
from manifests.located_yaml_values import choice, duration, form, integer, many
from manifests.policy import DEFAULT_EXPIRY_S, GATE_NAMES, STRENGTHS, GateName, Rule, Seat, Strength, Way
from manifests.policy_parser_forms import MAX_EXPIRY_S, MAX_LIST, MAX_SEATS, WAYS
from manifests.policy_parser_names import Names, group_name
from manifests.release_parser_forms import EVIDENCE_TYPE

SEAT_KEYS = ("group", "count", "signature", "accept", "shown")
DEFAULTS_KEYS = ("expires", "signature", "accept", "gates")


class Defaults(msgspec.Struct, frozen=True):
    """What rules and seats of one file have where they say nothing. It is only read, never part of a policy."""

    expires: int = DEFAULT_EXPIRY_S
    gates: tuple[GateName, ...] = Rule(name="").gates
    signature: Strength | None = None
    accept: tuple[Way, ...] = Seat(group="").accept


def defaults(reader: Reader) -> Read[Defaults]:
    def read(node: Node, name: str) -> Defaults:
        fields = reader.fields(node, "`defaults`", DEFAULTS_KEYS)
        usual = Defaults()
        read_gates: Read[tuple[GateName, ...]] = many(reader, choice(reader, GATE_NAMES), unique=str)
        return Defaults(
            expires=fields.optional("expires", duration(reader, 1, MAX_EXPIRY_S), usual.expires),
            gates=fields.optional("gates", read_gates, usual.gates),
            signature=fields.optional("signature", choice(reader, STRENGTHS), usual.signature),
            accept=fields.optional("accept", _ways(reader), usual.accept),
        )

    return read


def seats(reader: Reader, names: Names, usual: Defaults) -> Read[tuple[Seat, ...]]:
    """The seats of one rule."""
    read_group, read_count = group_name(reader, names.groups), integer(reader, 1, MAX_SEATS)
    read_strength, read_ways = choice(reader, STRENGTHS), _ways(reader)
    read_types = many(reader, form(reader, EVIDENCE_TYPE), least=1, most=MAX_LIST, unique=str)

    def read(node: Node, name: str) -> Seat:
        fields = reader.fields(node, "a seat", SEAT_KEYS)
        return Seat(
            group=fields.required("group", read_group, ""),
            count=fields.optional("count", read_count, 1),
            signature=fields.optional("signature", read_strength, usual.signature),
            accept=fields.optional("accept", read_ways, usual.accept),
            shown=fields.optional("shown", read_types, ()),
        )

    return many(reader, read)


def _ways(reader: Reader) -> Read[tuple[Way, ...]]:
    return many(reader, choice(reader, WAYS), least=1, unique=str)
