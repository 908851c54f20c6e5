"""Reading what the change request of a release shall say."""

from __future__ import annotations

from typing import Literal

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Read, Reader
from manifests.located_yaml_values import choice, instant, text
from manifests.release import ChangePlan, Window
from manifests.release_parser_forms import CHANGE_TYPES, MAX_TEXT

MAX_WINDOW_DAYS = 31
RISKS: tuple[Literal["high", "moderate", "low"], ...] = ("high", "moderate", "low")
KEYS = ("type", "window", "implementation_plan", "backout_plan", "test_plan", "risk")
_DAY_US = 86_400 * 1_000_000


def change_plan(reader: Reader) -> Read[ChangePlan]:
    plan = text(reader, MAX_TEXT, least=0)

    def read(node: Node, name: str) -> ChangePlan:
        fields = reader.fields(node, "`change`", KEYS)
        return ChangePlan(
            type=fields.optional("type", choice(reader, CHANGE_TYPES), "normal"),
            window=fields.optional("window", _window(reader), None),
            implementation_plan=fields.optional("implementation_plan", plan, ""),
            backout_plan=fields.optional("backout_plan", plan, ""),
            test_plan=fields.optional("test_plan", plan, ""),
            risk=fields.optional("risk", choice(reader, RISKS), None),
        )

    return read


def _window(reader: Reader) -> Read[Window]:
    def read(node: Node, name: str) -> Window | None:
        fields = reader.fields(node, "`window`", ("start", "end"))
        start = fields.required("start", instant(reader), None)
        end = fields.required("end", instant(reader), None)
        if start is None or end is None:
            return None
        if start >= end:
            reader.refuse(
                fields.at("end"),
                "release.window_order",
                "Expected `end` after `start`, found it before or equal.",
                "Correct one of them.",
            )
        elif end - start > MAX_WINDOW_DAYS * _DAY_US:
            reader.refuse(
                fields.at("end"),
                "release.window_length",
                f"Expected a window of at most {MAX_WINDOW_DAYS} days, found a longer one.",
                "Shorten it.",
            )
        return Window(start, end)

    return read
