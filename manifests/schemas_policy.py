"""The JSON Schemas of a repository's policy and of the tenant policy."""

from __future__ import annotations

from manifests import policy_parser_forms as forms
from manifests.paths import MAX_LENGTH
from manifests.policy import PERMISSIONS, SCHEMA
from manifests.policy_parser_groups import COMPOSITIONS, SOURCES
from manifests.release_parser_forms import ENVIRONMENT, EVIDENCE_TYPE, SHA256
from manifests.schemas_policy_rules import GATES, SIGNATURE, WAYS, rule
from manifests.schemas_policy_time import freeze
from manifests.schemas_policy_when import DEFINITIONS
from manifests.schemas_shapes import (
    DURATION,
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
    properties = {**_common(), "include": many(_include(), "files that are part of this policy", least=1)}
    body = {**table(properties, ("schema",)), "$defs": DEFINITIONS}
    return document("Countersign policy", SCHEMA, body)


def tenant_policy_schema() -> Schema:
    """The JSON Schema of a tenant policy."""
    entry = table(
        {"repository": word(forms.REPOSITORY), "refs": one_or_many(word(forms.BASE_REF))},
        ("repository", "refs"),
    )
    machines = many(word(forms.MACHINE), "logins of accounts that no human uses by hand; they never count")
    properties: dict[str, Schema] = {
        **_common(),
        "base_refs": many(entry, "the branches whose pull requests can be allowed", least=1),
        "installations": many(whole(1, forms.MAX_ID), "allowed GitHub installation ids", least=1),
        "people": table({"membership_age": DURATION, "key_cooldown": DURATION, "machines": machines}),
        "freshness": DURATION,
        "release_glob": word(forms.PATTERN, "which files are release manifests"),
        "workflows": many(word(forms.WORKFLOW), "the workflows that may deploy"),
        "anchored": many(word(ENVIRONMENT), "where nothing is allowed before its approvals are anchored"),
    }
    body = {**table(properties, ("schema",)), "$defs": DEFINITIONS}
    return document("Countersign tenant policy", f"{SCHEMA}/tenant", body)


def _common() -> dict[str, Schema]:
    return {
        "schema": choice([SCHEMA]),
        "defaults": _defaults(),
        "groups": named(forms.GROUP_NAME, _group(), "sets of persons that seats name"),
        "trust": named(EVIDENCE_TYPE, many(_signer(), least=1), "whose signatures make evidence count"),
        "rules": many(rule(), "what releases need; every rule that matches applies"),
        "freezes": many(freeze(), "when nothing may be deployed"),
    }


def _defaults() -> Schema:
    properties = {"expires": DURATION, "signature": SIGNATURE, "accept": WAYS, "gates": GATES}
    return table(properties, (), "what this file's rules and seats have where they leave the key out")


def _group() -> Schema:
    names = many(word(forms.GROUP_NAME), least=1)
    properties: dict[str, Schema] = {
        "github_team": word(forms.TEAM),
        "github_team_id": whole(1, forms.MAX_ID, "pins the team whatever its name becomes"),
        "github_org": word(forms.ORGANISATION, "all members of the organisation"),
        "permission": choice(PERMISSIONS, "everybody with at least this permission on the repository"),
        "codeowners": {"type": "boolean", "description": "the owners that the base branch's CODEOWNERS names"},
        "servicenow_group": line(forms.MAX_LINE),
        "idp_group": line(forms.MAX_LINE, "the group's name or id at the identity provider"),
        "members": many(word(forms.LOGIN), "GitHub logins", least=1),
        "any_of": {**names, "description": "the members of these groups too"},
        "all_of": {**names, "description": "only who is in each of these groups"},
    }
    sources: list[Schema] = [{"required": [key]} for key in (*SOURCES, *COMPOSITIONS)]
    return {**table(properties), "anyOf": sources, "dependentRequired": {"github_team_id": ["github_team"]}}


def _signer() -> Schema:
    properties: dict[str, Schema] = {
        "key": word(forms.FINGERPRINT),
        "who": line(forms.MAX_LINE, "whose key it is"),
        "public_key": line(8_192, "an OpenSSH public key line"),
        "person": word(forms.LOGIN, "the GitHub login of the human who holds the key"),
    }
    return table(properties, ("key", "who"))


def _include() -> Schema:
    properties: dict[str, Schema] = {
        "path": line(MAX_LENGTH, "the file's path from the root of its repository"),
        "sha256": word(SHA256, "the digest of its exact bytes"),
        "repository": word(forms.ONE_REPOSITORY, "another repository; needs ref"),
        "ref": word(forms.REF),
    }
    return {**table(properties, ("path", "sha256")), "dependentRequired": {"repository": ["ref"]}}
