"""The JSON Schema of a rule."""

from __future__ import annotations

from manifests import policy_parser_forms as forms
from manifests.policy import GATE_NAMES, STRENGTHS
from manifests.policy_parser_evidence import LISTED, OPERATORS, ORDERED
from manifests.policy_parser_rules import EXCLUSIONS
from manifests.policy_parser_ways import LEAST_COUNT
from manifests.policy_terms import SEVERITIES
from manifests.release_parser_forms import CHANGE_TYPES, EVIDENCE_TYPE
from manifests.schemas_policy_time import recurrence
from manifests.schemas_policy_when import WHEN
from manifests.schemas_shapes import DURATION, Schema, choice, line, many, one_or_many, table, whole, word

SIGNATURE = choice(STRENGTHS, "personal for production if left out, else attested")
WAYS = many(choice(forms.WAYS), "how consent may be given", least=1)
GATES = many(choice(GATE_NAMES))
GROUP = word(forms.GROUP_NAME)
GROUPS = many(GROUP, least=1)
TYPES = many(word(EVIDENCE_TYPE), least=1)


def rule() -> Schema:
    """One entry of `rules`."""
    properties: dict[str, Schema] = {
        "name": line(forms.MAX_NAME),
        "when": WHEN,
        "seats": many(_seat(), "the consents the rule asks for"),
        "expires": DURATION,
        "gates": GATES,
        "evidence": many(_evidence(), "the types of evidence the gate evidence asks for", least=1),
        "change": _change(),
        "veto": {**GROUPS, "description": "members of these groups may reject and hold without a seat"},
        "exclude": one_or_many(choice(EXCLUSIONS)),
        "required_checks": many(_check(), "checks that have to be green at the head", least=1),
        "findings": _findings(),
        "review_time": DURATION,
        "deadline": _deadline(),
        "windows": many(recurrence(), "when deployments may happen: in any of them", least=1),
        "keep": table({"unless_changed": one_or_many(word(forms.PATTERN))}),
        "delegation": table({"longest": DURATION}),
        "break_glass": _break_glass(),
    }
    return table(properties, ("name",))


def _seat() -> Schema:
    properties: dict[str, Schema] = {
        "group": GROUP,
        "count": whole(1, forms.MAX_SEATS, "how many distinct persons"),
        "signature": SIGNATURE,
        "accept": WAYS,
        "shown": {**TYPES, "description": "documents that the person must have been shown"},
    }
    return table(properties, ("group",))


def _change() -> Schema:
    properties: dict[str, Schema] = {
        "type": choice(CHANGE_TYPES),
        "assignment_group": line(forms.MAX_LINE),
        "cab": {"type": "boolean"},
        "approvals": whole(0, forms.MAX_SEATS, "human approvals of the change; 0 only for standard changes"),
    }
    return table(properties)


def _evidence() -> Schema:
    comparisons = many(_comparison(), "what every report of the type has to say", least=1)
    entry = table({"type": word(EVIDENCE_TYPE), "require": comparisons}, ("type", "require"))
    return {"anyOf": [word(EVIDENCE_TYPE), entry]}


def _comparison() -> Schema:
    words = many(line(forms.MAX_LINE), least=1)
    properties: dict[str, Schema] = {
        "field": word(forms.FIELD),
        **{name: {"type": "string", "description": form.expected} for name, form in ORDERED.items()},
        **dict.fromkeys(LISTED, words),
        "is": {"type": "boolean"},
    }
    return {**table(properties, ("field",)), "oneOf": [{"required": [key]} for key in OPERATORS]}


def _check() -> Schema:
    return table({"name": line(forms.MAX_LINE), "app": word(forms.APP)}, ("name", "app"))


def _findings() -> Schema:
    exceptions = table({"by": GROUP, "longest": DURATION}, ("by",), "who can let a finding pass")
    properties = {"from": choice(SEVERITIES, "this severity or worse"), "types": TYPES, "exceptions": exceptions}
    return table(properties, ("from", "types"))


def _deadline() -> Schema:
    return table({"within": DURATION, "remind": many(DURATION, least=1), "escalate": GROUPS}, ("within",))


def _break_glass() -> Schema:
    properties: dict[str, Schema] = {
        "groups": GROUPS,
        "review_by": GROUP,
        "count": whole(LEAST_COUNT, forms.MAX_SEATS),
        "valid": DURATION,
        "review_within": DURATION,
    }
    return table(properties, ("groups", "review_by"))
