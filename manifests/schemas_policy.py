"""The JSON Schemas of a repository's policy and of the tenant policy."""

from __future__ import annotations

from manifests import policy_parser_forms as forms
from manifests.policy import GATE_NAMES, SCHEMA, STRENGTHS
from manifests.release_parser_forms import CHANGE_TYPES, ENVIRONMENT, EVIDENCE_TYPE, KINDS
from manifests.schemas_shapes import (
    DURATION,
    INSTANT,
    Schema,
    choice,
    document,
    line,
    many,
    named,
    one_or_many,
    table,
    whole,
    word,
)


def policy_schema() -> Schema:
    """The JSON Schema of `.github/countersign.yaml`."""
    return document("Countersign policy", SCHEMA, table(_common(), ("schema",)))


def tenant_policy_schema() -> Schema:
    """The JSON Schema of a tenant policy."""
    entry = table(
        {"repository": word(forms.REPOSITORY), "refs": one_or_many(word(forms.BASE_REF))},
        ("repository", "refs"),
    )
    properties: dict[str, Schema] = {
        **_common(),
        "base_refs": many(entry, "the branches whose pull requests can be allowed", least=1),
        "installations": many(whole(1, forms.MAX_ID), "allowed GitHub installation ids", least=1),
        "people": table({"membership_age": DURATION, "key_cooldown": DURATION}),
        "freshness": DURATION,
        "release_glob": word(forms.PATTERN, "which files are release manifests"),
        "workflows": many(word(forms.WORKFLOW), "the workflows that may deploy"),
        "anchored": many(word(ENVIRONMENT), "where nothing is allowed before its approvals are anchored"),
    }
    return document("Countersign tenant policy", f"{SCHEMA}/tenant", table(properties, ("schema",)))


def _common() -> dict[str, Schema]:
    return {
        "schema": choice([SCHEMA]),
        "groups": named(forms.GROUP_NAME, _group(), "sets of persons that seats name"),
        "trust": named(EVIDENCE_TYPE, many(_signer(), least=1), "whose signatures make evidence count"),
        "rules": many(_rule(), "what releases need; every rule that matches applies"),
        "freezes": many(_freeze(), "when nothing may be deployed"),
    }


def _group() -> Schema:
    properties: dict[str, Schema] = {
        "github_team": word(forms.TEAM),
        "github_team_id": whole(1, forms.MAX_ID, "pins the team whatever its name becomes"),
        "servicenow_group": line(forms.MAX_LINE),
        "members": many(word(forms.LOGIN), "GitHub logins", least=1),
    }
    sources: list[Schema] = [{"required": [key]} for key in ("github_team", "servicenow_group", "members")]
    return {**table(properties), "anyOf": sources, "dependentRequired": {"github_team_id": ["github_team"]}}


def _signer() -> Schema:
    properties: dict[str, Schema] = {
        "key": word(forms.FINGERPRINT),
        "who": line(forms.MAX_LINE, "whose key it is"),
        "public_key": line(8_192, "an OpenSSH public key line"),
        "person": word(forms.LOGIN, "the GitHub login of the human who holds the key"),
    }
    return table(properties, ("key", "who"))


def _rule() -> Schema:
    properties: dict[str, Schema] = {
        "name": line(forms.MAX_NAME),
        "when": _when(),
        "seats": many(_seat(), "the consents the rule asks for"),
        "expires": DURATION,
        "gates": many(choice(GATE_NAMES)),
        "evidence": many(word(EVIDENCE_TYPE), "the types of evidence the gate evidence asks for", least=1),
        "change": _change(),
    }
    return table(properties, ("name",))


def _when() -> Schema:
    patterns = one_or_many(word(forms.PATTERN))
    properties: dict[str, Schema] = {
        "kind": one_or_many(choice(KINDS)),
        "name": patterns,
        "environment": one_or_many(word(ENVIRONMENT)),
        "paths": patterns,
        "base_ref": patterns,
    }
    return table(properties, (), "which releases the rule is for; a key left out means any")


def _seat() -> Schema:
    properties: dict[str, Schema] = {
        "group": word(forms.GROUP_NAME),
        "count": whole(1, forms.MAX_SEATS, "how many distinct persons"),
        "signature": choice(STRENGTHS, "personal for production if left out, else attested"),
        "accept": many(choice(forms.WAYS), "how consent may be given", least=1),
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


def _freeze() -> Schema:
    properties: dict[str, Schema] = {
        "name": line(forms.MAX_NAME),
        "start": INSTANT,
        "end": INSTANT,
        "environments": one_or_many(word(ENVIRONMENT)),
    }
    return table(properties, ("name", "start", "end"))
