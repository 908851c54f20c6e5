"""The JSON Schema of a rule's conditions."""

from __future__ import annotations

from manifests import policy_parser_forms as forms
from manifests.policy import RISKS
from manifests.policy_parser_when import DECLARED, NOT_KEYS
from manifests.release_parser_forms import ENVIRONMENT, KINDS
from manifests.schemas_shapes import Schema, choice, line, many, one_or_many, table, whole, word


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _facts() -> dict[str, Schema]:
    patterns = one_or_many(word(forms.PATTERN))
    least = whole(1, forms.MAX_SIZE)
    return {
        "kind": one_or_many(choice(KINDS)),
        "name": patterns,
        "environment": one_or_many(word(ENVIRONMENT)),
        "paths": patterns,
        "base_ref": patterns,
        "repository": patterns,
        "head_ref": one_or_many(word(forms.HEAD_REF)),
        "labels": one_or_many(line(forms.MAX_NAME), "the pull request has one of them"),
        "risk": choice(RISKS, "this or more; undeclared counts as high"),
        "size": {**table({"files": least, "lines": least}, (), "at least so many changed"), "minProperties": 1},
        "changed": patterns,
        "requester": one_or_many(word(forms.GROUP_NAME), "who asks is in one of these groups"),
    }


def _level(facts: dict[str, Schema], nested: str) -> dict[str, Schema]:
    entries = many({**_reference(nested), "minProperties": 1}, least=1)
    negated: Schema = {**_reference("not"), "minProperties": 1}
    return {**facts, "all": entries, "any": entries, "not": negated}


def _definitions() -> dict[str, Schema]:
    facts = _facts()
    undeclared = {key: shape for key, shape in facts.items() if key in NOT_KEYS}
    refused = f"only what no author declares: not {', '.join(DECLARED)}"
    return {
        "when": table(_level(facts, "when"), (), "which releases the rule is for; a key left out means any"),
        "not": table(_level(undeclared, "not"), (), refused),
    }


DEFINITIONS = _definitions()
WHEN = _reference("when")
