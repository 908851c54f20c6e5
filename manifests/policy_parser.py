"""Reading policies (schema countersign/policy/v1): bytes in, the policy or every mistake out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import choice, duration, form, integer, many, one_or_many
from manifests.policy import DEFAULT_RELEASE_GLOB, SCHEMA, BaseRefs, PeopleRules, Policy, TenantPolicy
from manifests.policy_parser_forms import (
    BASE_REF,
    MACHINE,
    MAX_FRESHNESS_S,
    MAX_ID,
    MAX_KEY_COOLDOWN_S,
    MAX_MEMBERSHIP_AGE_S,
    PATTERN,
    REPOSITORY,
    WORKFLOW,
)
from manifests.policy_parser_include import MAX_BYTES, included_parts, includes_of
from manifests.policy_parser_parts import COMMON_KEYS, common
from manifests.release_parser_forms import ENVIRONMENT

__all__ = ["MAX_BYTES", "includes_of", "parse_policy", "parse_tenant_policy"]

POLICY_KEYS = (*COMMON_KEYS, "include")
TENANT_KEYS = (
    *COMMON_KEYS,
    "base_refs",
    "installations",
    "people",
    "freshness",
    "release_glob",
    "workflows",
    "anchored",
)
PEOPLE_KEYS = ("membership_age", "key_cooldown", "machines")
NOTHING: Mapping[str, bytes] = {}


def parse_policy(
    text: bytes, path: str, known_groups: Collection[str] = (), included: Mapping[str, bytes] = NOTHING
) -> Policy:
    """The policy of a repository, with what it includes. Raises ManifestError with every problem and its place.

    Seats may name the policy's own groups and ``known_groups``, which are the tenant policy's. ``included`` are the
    files that ``includes_of`` tells, by the SHA-256 that it tells. More than 512 KiB each are refused.
    """
    reader = Reader(path)
    root = reader.load(text, MAX_BYTES)
    return reader.finish(None if root is None else _policy(reader, root, known_groups, included))


def parse_tenant_policy(text: bytes, path: str) -> TenantPolicy:
    """The policy over all of a tenant's repositories. Raises ManifestError as ``parse_policy`` does."""
    reader = Reader(path)
    root = reader.load(text, MAX_BYTES)
    return reader.finish(None if root is None else _tenant_policy(reader, root))


def _policy(reader: Reader, root: Node, known_groups: Collection[str], included: Mapping[str, bytes]) -> Policy:
    fields = reader.fields(root, "the policy", POLICY_KEYS)
    schema = _schema(fields)
    include, parts, is_whole = included_parts(fields, included)
    found = common((*parts, fields), known_groups, is_whole=is_whole)
    for part in parts:
        reader.absorb(part.reader)
    return Policy(schema, found.groups, found.trust, found.rules, found.freezes, include)


def _tenant_policy(reader: Reader, root: Node) -> TenantPolicy:
    fields = reader.fields(root, "the tenant policy", TENANT_KEYS)
    schema = _schema(fields)
    found = common((fields,), ())
    default = TenantPolicy(schema)
    installations = many(reader, integer(reader, 1, MAX_ID), least=1, unique=int)
    return TenantPolicy(
        schema=schema,
        base_refs=fields.optional("base_refs", _base_refs(reader), ()),
        installations=fields.optional("installations", installations, ()),
        people=fields.optional("people", _people(reader), default.people),
        freshness=fields.optional("freshness", duration(reader, 1, MAX_FRESHNESS_S), default.freshness),
        release_glob=fields.optional("release_glob", form(reader, PATTERN), DEFAULT_RELEASE_GLOB),
        workflows=fields.optional("workflows", many(reader, form(reader, WORKFLOW), unique=str), ()),
        anchored=fields.optional("anchored", many(reader, form(reader, ENVIRONMENT), unique=str), ()),
        groups=found.groups,
        trust=found.trust,
        rules=found.rules,
        freezes=found.freezes,
    )


def _schema(fields: Fields) -> str:
    return fields.required("schema", choice(fields.reader, (SCHEMA,)), "")


def _base_refs(reader: Reader) -> Read[tuple[BaseRefs, ...]]:
    refs = one_or_many(reader, form(reader, BASE_REF))

    def read(node: Node, name: str) -> BaseRefs:
        fields = reader.fields(node, "an entry of `base_refs`", ("repository", "refs"))
        return BaseRefs(
            repository=fields.required("repository", form(reader, REPOSITORY), ""),
            refs=fields.required("refs", refs, ()),
        )

    return many(reader, read, least=1, unique=lambda entry: entry.repository.lower() or object())


def _people(reader: Reader) -> Read[PeopleRules]:
    read_age = duration(reader, 0, MAX_MEMBERSHIP_AGE_S)
    read_cooldown = duration(reader, 0, MAX_KEY_COOLDOWN_S)
    machines = many(reader, form(reader, MACHINE), unique=str.lower)

    def read(node: Node, name: str) -> PeopleRules:
        fields = reader.fields(node, "`people`", PEOPLE_KEYS)
        default = PeopleRules()
        return PeopleRules(
            membership_age=fields.optional("membership_age", read_age, default.membership_age),
            key_cooldown=fields.optional("key_cooldown", read_cooldown, default.key_cooldown),
            machines=fields.optional("machines", machines, ()),
        )

    return read
