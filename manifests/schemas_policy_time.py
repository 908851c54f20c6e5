"""The JSON Schemas of recurrences and freezes."""

from __future__ import annotations

from manifests import policy_parser_forms as forms
from manifests.policy_parser_rrule import MAX_LENGTH
from manifests.policy_parser_time import LOCAL_DATE, LOCAL_TIME
from manifests.release_parser_forms import ENVIRONMENT
from manifests.schemas_shapes import DURATION, INSTANT, Schema, line, many, one_or_many, table, word


def recurrence() -> Schema:
    """Spans that come again."""
    properties: dict[str, Schema] = {
        "rule": line(MAX_LENGTH, "an RFC 5545 recurrence rule, such as FREQ=WEEKLY;BYDAY=SA,SU"),
        "start": word(LOCAL_TIME),
        "duration": DURATION,
        "timezone": word(forms.TIMEZONE),
        "except": many(word(LOCAL_DATE), "local dates on which none begins", least=1),
    }
    return table(properties, ("rule", "start", "duration"))


def freeze() -> Schema:
    """No deployments from start until before end, or in each occurrence."""
    properties: dict[str, Schema] = {
        "name": line(forms.MAX_NAME),
        "start": INSTANT,
        "end": INSTANT,
        "recurrence": recurrence(),
        "environments": one_or_many(word(ENVIRONMENT)),
        "emergency": {"type": "boolean", "description": "an approved emergency change goes live all the same"},
    }
    once: Schema = {"required": ["start", "end"], "not": {"required": ["recurrence"]}}
    again: Schema = {"required": ["recurrence"], "not": {"anyOf": [{"required": ["start"]}, {"required": ["end"]}]}}
    return {**table(properties, ("name",)), "oneOf": [once, again]}
