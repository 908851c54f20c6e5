"""Reading the times of a policy: recurrences, freezes, deadlines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_scalars import FIRST_YEAR, LAST_YEAR
from manifests.located_yaml_values import Form, boolean, duration, form, instant, many, one_or_many, text
from manifests.policy import Freeze
from manifests.policy_parser_forms import MAX_EXPIRY_S, MAX_LIST, MAX_NAME, MAX_SPAN_S, TIMEZONE
from manifests.policy_parser_names import Names, group_names, refuse_other
from manifests.policy_parser_rrule import faults, until
from manifests.policy_terms import DeadlineRule, Recurrence
from manifests.release_parser_forms import ENVIRONMENT

RECURRENCE_KEYS = ("rule", "start", "duration", "timezone", "except")
FREEZE_KEYS = ("name", "start", "end", "recurrence", "environments", "emergency")
DEADLINE_KEYS = ("within", "remind", "escalate")
MAX_EXCEPTIONS = 366
LOCAL_TIME = Form(
    re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"),
    "a local time without a zone, such as 2026-12-01T18:00:00",
    unambiguous=True,
)
LOCAL_DATE = Form(re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "a date, such as 2026-12-24", unambiguous=True)
# No place on earth is further from UTC than this.
_FARTHEST = timedelta(hours=15)


def recurrence(reader: Reader) -> Read[Recurrence]:
    """Spans that come again. Time zones are judged by their form alone: which there are, the machine's tables say."""
    dates = many(reader, _calendar(reader, LOCAL_DATE), least=1, most=MAX_EXCEPTIONS, unique=str)
    read_start, read_zone = _calendar(reader, LOCAL_TIME), form(reader, TIMEZONE)
    read_duration, read_rule = duration(reader, 1, MAX_SPAN_S), _rule(reader)

    def read(node: Node, name: str) -> Recurrence:
        fields = reader.fields(node, f"`{name}`", RECURRENCE_KEYS)
        rule = fields.required("rule", read_rule, "")
        start = fields.required("start", read_start, "")
        _refuse_ended(fields, rule, start)
        return Recurrence(
            rule=rule,
            start=start,
            duration=fields.required("duration", read_duration, 0),
            timezone=fields.optional("timezone", read_zone, "UTC"),
            except_dates=fields.optional("except", dates, ()),
        )

    return read


def _rule(reader: Reader) -> Read[str]:
    read_text = text(reader, 1_000)

    def read(node: Node, name: str) -> str | None:
        rule = read_text(node, name)
        found = () if rule is None else faults(rule)
        for fault in found:
            reader.refuse(node, "policy.recurrence", f"`{name}`: {fault.message}", fault.remedy)
        return None if found else rule

    return read


def _calendar(reader: Reader, shape: Form) -> Read[str]:
    """A date or local time that the calendar has."""
    read_form = form(reader, shape)

    def read(node: Node, name: str) -> str | None:
        found = read_form(node, name)
        if found is None:
            return None
        moment = _moment(found)
        if moment is not None and FIRST_YEAR <= moment.year < LAST_YEAR:
            return found
        expected = f"{shape.expected}, in the years {FIRST_YEAR} to {LAST_YEAR - 1}"
        reader.refuse(node, "field.form", f"`{name}`: expected {expected}, found {found!r}.", "Correct it.")
        return None

    return read


def _moment(found: str) -> datetime | None:
    try:
        return datetime.fromisoformat(found)
    except ValueError:
        return None


def _refuse_ended(fields: Fields, rule: str, start: str) -> None:
    last, first = until(rule) if rule else None, _moment(start)
    if last is not None and first is not None and last + _FARTHEST < first:
        fields.reader.refuse(
            fields.at("rule"),
            "policy.recurrence_ended",
            f"`rule`: expected UNTIL after `start` ({start}), found it before.",
            "Correct one of them: this would never occur.",
        )


def freezes(reader: Reader, earlier: Mapping[str, Freeze]) -> Read[tuple[Freeze, ...]]:
    """The freezes, each name once; ``earlier`` are those of files read before."""
    environments = one_or_many(reader, form(reader, ENVIRONMENT))
    read_instant, read_recurrence = instant(reader), recurrence(reader)

    def read(node: Node, name: str) -> Freeze:
        fields = reader.fields(node, "a freeze", FREEZE_KEYS)
        again = fields.optional("recurrence", read_recurrence, None)
        start, end = (0, 0) if fields.has("recurrence") else _once(fields, read_instant)
        _refuse_both(fields)
        freeze = Freeze(
            name=fields.required("name", text(reader, MAX_NAME), ""),
            start=start,
            end=end,
            environments=fields.optional("environments", environments, ()),
            recurrence=again,
            emergency=fields.optional("emergency", boolean(reader), False),
        )
        refuse_other(reader, fields.at("name"), "freeze", freeze.name, freeze, earlier)
        return freeze

    return many(reader, read, unique=lambda freeze: freeze.name or object())


def _once(fields: Fields, read_instant: Read[int]) -> tuple[int, int]:
    start = fields.required("start", read_instant, 0)
    end = fields.required("end", read_instant, 0)
    if start and end and start >= end:
        fields.reader.refuse(
            fields.at("end"),
            "policy.freeze_order",
            "Expected `end` after `start`, found it before or equal.",
            "Correct one of them.",
        )
    return start, end


def _refuse_both(fields: Fields) -> None:
    for key in ("start", "end"):
        if fields.has("recurrence") and fields.has(key):
            fields.reader.refuse(
                fields.keys[key],
                "policy.freeze_twice",
                f"Expected `start` and `end`, or `recurrence`; found `{key}` beside `recurrence`.",
                "Remove one of them; a recurrence has its own start.",
            )


def deadline(reader: Reader, names: Names) -> Read[DeadlineRule]:
    """How soon approvals are expected."""
    read_within = duration(reader, 1, MAX_EXPIRY_S)
    reminders = many(reader, read_within, least=1, most=MAX_LIST, unique=int)
    groups = group_names(reader, names.groups)

    def read(node: Node, name: str) -> DeadlineRule:
        fields = reader.fields(node, "`deadline`", DEADLINE_KEYS)
        within = fields.required("within", read_within, 0)
        remind = fields.optional("remind", reminders, ())
        if within and any(after >= within for after in remind):
            reader.refuse(
                fields.at("remind"),
                "policy.late_reminder",
                "`remind`: expected times shorter than `within`, found a longer or equal one.",
                "Remind earlier, or allow more time.",
            )
        return DeadlineRule(within, remind, fields.optional("escalate", groups, ()))

    return read
