"""Reading what a case says of those who act for others, of exceptions and emergencies, of checks and managers."""

from __future__ import annotations

from app.policy import words
from app.policy.model import (
    CheckSaid,
    ChecksSaid,
    DelegationSaid,
    ExceptionSaid,
    GlassSaid,
    OwedSaid,
    Part,
    ReportingSaid,
    Word,
)
from app.policy.words import placed, time
from manifests.located_yaml import Node, Scalar, Sequence
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import boolean, choice, form, many, one_or_many, text
from manifests.policy import STRENGTHS
from manifests.policy_parser_forms import APP, GROUP_NAME, LOGIN, MAX_LINE
from manifests.release_parser_forms import ENVIRONMENT, EVIDENCE_TYPE

_NOBODY = Word("")


def delegation(reader: Reader) -> Read[DelegationSaid]:
    """`by` lets `to` act for them."""
    login, default = placed(form(reader, LOGIN)), DelegationSaid(_NOBODY, _NOBODY)

    def read(node: Node, name: str) -> DelegationSaid:
        fields = reader.fields(node, "a delegation", words.DELEGATION_KEYS)
        return DelegationSaid(
            by=fields.required("by", login, _NOBODY),
            to=fields.required("to", login, _NOBODY),
            groups=_groups(fields),
            at=fields.optional("at", time(reader), default.at),
            start=fields.optional("from", time(reader), None),
            until=fields.optional("until", time(reader), default.until),
            scope=fields.optional("scope", choice(reader, words.SCOPES), default.scope),
            environments=_environments(fields),
            strength=fields.optional("strength", choice(reader, STRENGTHS), default.strength),
            void=_sentence(fields, "void", ""),
        )

    return read


def exception(reader: Reader) -> Read[ExceptionSaid]:
    """Somebody lets a finding stay."""
    default = ExceptionSaid(_NOBODY)

    def read(node: Node, name: str) -> ExceptionSaid:
        fields = reader.fields(node, "an exception", words.EXCEPTION_KEYS)
        return ExceptionSaid(
            by=fields.required("by", placed(form(reader, LOGIN)), _NOBODY),
            type=fields.required("type", form(reader, EVIDENCE_TYPE), ""),
            finding=fields.required("finding", form(reader, words.FINDING), ""),
            control=_sentence(fields, "control", default.control, least=0),
            at=fields.optional("at", time(reader), default.at),
            until=fields.optional("until", time(reader), default.until),
            environments=_environments(fields),
            strength=fields.optional("strength", choice(reader, STRENGTHS), default.strength),
            void=_sentence(fields, "void", ""),
        )

    return read


def glass(reader: Reader) -> Read[GlassSaid]:
    """Somebody breaks the glass; one login alone says the rest by default."""
    login, default = placed(form(reader, LOGIN)), GlassSaid(_NOBODY)

    def read(node: Node, name: str) -> GlassSaid | None:
        if isinstance(node, Scalar):
            word = login(node, name)
            return None if word is None else GlassSaid(word)
        fields = reader.fields(node, "an entry of `glass`", words.GLASS_KEYS)
        parts: Read[tuple[Part, ...]] = one_or_many(reader, choice(reader, words.PARTS))
        return GlassSaid(
            by=fields.required("by", login, _NOBODY),
            incident=fields.optional("incident", text(reader, MAX_LINE, least=0), default.incident),
            reason=_sentence(fields, "reason", default.reason, least=0),
            at=fields.optional("at", time(reader), default.at),
            groups=_groups(fields),
            environments=_environments(fields),
            strength=fields.optional("strength", choice(reader, STRENGTHS), default.strength),
            changed_since=fields.optional("changed_since", parts, ()),
            void=_sentence(fields, "void", ""),
        )

    return read


def owed(reader: Reader) -> Read[OwedSaid]:
    """A broken glass that nobody has reviewed yet."""
    default = OwedSaid()

    def read(node: Node, name: str) -> OwedSaid:
        fields = reader.fields(node, "an entry of `retrospectives`", words.OWED_KEYS)
        return OwedSaid(
            due=fields.optional("due", time(reader), default.due),
            release=_sentence(fields, "release", default.release),
            environment=fields.optional("environment", form(reader, ENVIRONMENT), None),
            own=fields.optional("own", boolean(reader), False),
        )

    return read


def checks(reader: Reader) -> Read[ChecksSaid]:
    """A list of names, or of keys and values; or `problem`."""
    several = many(reader, _check(reader))

    def read(node: Node, name: str) -> ChecksSaid:
        if isinstance(node, Sequence):
            return ChecksSaid(several(node, name) or ())
        fields = reader.fields(node, "`checks`", words.CHECKS_KEYS)
        return ChecksSaid(problem=fields.required("problem", text(reader, words.MAX_SENTENCE), ""))

    return read


def _check(reader: Reader) -> Read[CheckSaid]:
    name_of = text(reader, MAX_LINE)

    def read(node: Node, name: str) -> CheckSaid | None:
        if isinstance(node, Scalar):
            found = name_of(node, name)
            return None if found is None else CheckSaid(found)
        fields = reader.fields(node, "a check", words.CHECK_KEYS)
        return CheckSaid(
            name=fields.required("name", name_of, ""),
            app=fields.optional("app", form(reader, APP), None),
            conclusion=fields.optional("conclusion", choice(reader, words.CONCLUSIONS), "success"),
            at_head=fields.optional("at_head", boolean(reader), True),
        )

    return read


def reporting(reader: Reader) -> Read[ReportingSaid]:
    """Who reports to whom."""
    login, several = form(reader, LOGIN), one_or_many(reader, placed(form(reader, LOGIN)), unique=lambda one: one.text)

    def lines(node: Node, name: str) -> dict[str, tuple[Word, ...]]:
        return {
            entry.key.text: several(entry.value, name) or ()
            for entry in reader.entries(node, name)
            if login(entry.key, name) is not None
        }

    def read(node: Node, name: str) -> ReportingSaid:
        fields = reader.fields(node, "`reporting`", words.REPORTING_KEYS)
        return ReportingSaid(
            managers=fields.optional("managers", lines, {}),
            unknown=fields.optional("unknown", several, ()),
            problem=_sentence(fields, "problem", ""),
        )

    return read


def _groups(fields: Fields) -> tuple[Word, ...] | None:
    named = many(fields.reader, placed(form(fields.reader, GROUP_NAME)), unique=lambda group: group.text)
    return fields.optional("groups", named, None)


def _environments(fields: Fields) -> tuple[str, ...] | None:
    return fields.optional("environments", one_or_many(fields.reader, form(fields.reader, ENVIRONMENT)), None)


def _sentence(fields: Fields, key: str, default: str, least: int = 1) -> str:
    return fields.optional(key, text(fields.reader, words.MAX_SENTENCE, least=least), default)
