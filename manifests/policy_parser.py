"""Reading policies (schema countersign/policy/v1): bytes in, the policy or every mistake out."""

from __future__ import annotations

from collections.abc import Collection

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import choice, duration, form, integer, many, one_or_many
from manifests.policy import (
    DEFAULT_RELEASE_GLOB,
    SCHEMA,
    BaseRefs,
    Freeze,
    Group,
    PeopleRules,
    Policy,
    Rule,
    TenantPolicy,
    TrustedSigner,
)
from manifests.policy_parser_forms import (
    BASE_REF,
    MAX_FRESHNESS_S,
    MAX_ID,
    MAX_KEY_COOLDOWN_S,
    MAX_MEMBERSHIP_AGE_S,
    PATTERN,
    REPOSITORY,
    WORKFLOW,
)
from manifests.policy_parser_rules import freezes, rules
from manifests.policy_parser_sources import groups, trust
from manifests.release_parser_forms import ENVIRONMENT

MAX_BYTES = 512 * 1024
POLICY_KEYS = ("schema", "groups", "trust", "rules", "freezes")
TENANT_KEYS = (
    *POLICY_KEYS,
    "base_refs",
    "installations",
    "people",
    "freshness",
    "release_glob",
    "workflows",
    "anchored",
)


def parse_policy(text: bytes, path: str, known_groups: Collection[str] = ()) -> Policy:
    """The policy of a repository. Raises ManifestError with every problem and its place.

    Seats may name the policy's own groups and ``known_groups``, which are the tenant policy's. More than
    512 KiB are refused.
    """
    reader = Reader(path)
    root = reader.load(text, MAX_BYTES)
    return reader.finish(None if root is None else _policy(reader, root, known_groups))


def parse_tenant_policy(text: bytes, path: str) -> TenantPolicy:
    """The policy over all of a tenant's repositories. Raises ManifestError as ``parse_policy`` does."""
    reader = Reader(path)
    root = reader.load(text, MAX_BYTES)
    return reader.finish(None if root is None else _tenant_policy(reader, root))


def _policy(reader: Reader, root: Node, known_groups: Collection[str]) -> Policy:
    fields = reader.fields(root, "the policy", POLICY_KEYS)
    schema = _schema(fields)
    named, trusted, ruled, frozen = _common(fields, known_groups)
    return Policy(schema, named, trusted, ruled, frozen)


def _tenant_policy(reader: Reader, root: Node) -> TenantPolicy:
    fields = reader.fields(root, "the tenant policy", TENANT_KEYS)
    schema = _schema(fields)
    named, trusted, ruled, frozen = _common(fields, ())
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
        groups=named,
        trust=trusted,
        rules=ruled,
        freezes=frozen,
    )


def _schema(fields: Fields) -> str:
    return fields.required("schema", choice(fields.reader, (SCHEMA,)), "")


_Common = tuple[dict[str, Group], dict[str, tuple[TrustedSigner, ...]], tuple[Rule, ...], tuple[Freeze, ...]]


def _common(fields: Fields, known_groups: Collection[str]) -> _Common:
    reader = fields.reader
    named = fields.optional("groups", groups(reader), {})
    trusted = fields.optional("trust", trust(reader), {})
    ruled = fields.optional("rules", rules(reader, {*named, *known_groups}, trusted), ())
    return named, trusted, ruled, fields.optional("freezes", freezes(reader), ())


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
    def read(node: Node, name: str) -> PeopleRules:
        fields = reader.fields(node, "`people`", ("membership_age", "key_cooldown"))
        default = PeopleRules()
        return PeopleRules(
            membership_age=fields.optional(
                "membership_age", duration(reader, 0, MAX_MEMBERSHIP_AGE_S), default.membership_age
            ),
            key_cooldown=fields.optional("key_cooldown", duration(reader, 0, MAX_KEY_COOLDOWN_S), default.key_cooldown),
        )

    return read
