"""Reading what a case says of people: accounts, groups, consents and who had a hand in the release."""

from __future__ import annotations

from app.policy import words
from app.policy.model import ConsentSaid, ContributorSaid, GroupSaid, MemberSaid, Part, PersonSaid, Time, Word
from app.policy.words import placed, time
from manifests.located_yaml import Node, Scalar, Sequence
from manifests.located_yaml_reader import Read, Reader
from manifests.located_yaml_values import boolean, choice, form, many, one_or_many, text
from manifests.policy import STRENGTHS
from manifests.policy_parser_forms import GROUP_NAME, LOGIN, WAYS
from manifests.release_parser_forms import ENVIRONMENT, EVIDENCE_TYPE


def people(reader: Reader) -> Read[dict[str, PersonSaid]]:
    """Login → what is known of the person; nothing at all is written `{}`."""
    login = form(reader, LOGIN)

    def one(node: Node) -> PersonSaid:
        fields = reader.fields(node, "a person", words.PERSON_KEYS)
        return PersonSaid(
            also=fields.optional("also", one_or_many(reader, login), ()),
            bot=fields.optional("bot", boolean(reader), False),
        )

    def read(node: Node, name: str) -> dict[str, PersonSaid]:
        return {
            entry.key.text: one(entry.value)
            for entry in reader.entries(node, name)
            if login(entry.key, name) is not None
        }

    return read


def groups(reader: Reader) -> Read[dict[str, GroupSaid]]:
    """Group → its members: a list, or keys and values where more has to be said."""
    shape, members = form(reader, GROUP_NAME), many(reader, _member(reader))

    def one(key: Scalar, node: Node) -> GroupSaid:
        word = Word(key.text, key.line, key.column)
        if isinstance(node, Sequence):
            return GroupSaid(word, members(node, key.text[:63]) or ())
        fields = reader.fields(node, f"the group {key.text[:63]}", words.GROUP_KEYS)
        return GroupSaid(
            word,
            fields.optional("members", members, ()),
            fields.optional("problem", text(reader, words.MAX_SENTENCE), ""),
        )

    def read(node: Node, name: str) -> dict[str, GroupSaid]:
        return {
            entry.key.text: one(entry.key, entry.value)
            for entry in reader.entries(node, name)
            if shape(entry.key, name) is not None
        }

    return read


def _member(reader: Reader) -> Read[MemberSaid]:
    login = placed(form(reader, LOGIN))

    def read(node: Node, name: str) -> MemberSaid | None:
        if isinstance(node, Scalar):
            word = login(node, name)
            return None if word is None else MemberSaid(word)
        fields = reader.fields(node, "a member", words.MEMBER_KEYS)
        return MemberSaid(
            login=fields.required("login", login, Word("")),
            since=fields.optional("since", time(reader), None),
            added_by=fields.optional("added_by", login, None),
        )

    return read


def consents(reader: Reader, keys: tuple[str, ...]) -> Read[ConsentSaid]:
    """An approval, rejection or hold with these keys; one login alone says the rest by default."""
    login = placed(form(reader, LOGIN))
    sentence, shown = text(reader, words.MAX_SENTENCE), placed(form(reader, EVIDENCE_TYPE))

    def read(node: Node, name: str) -> ConsentSaid | None:
        if isinstance(node, Scalar):
            word = login(node, name)
            return None if word is None else ConsentSaid(word)
        fields = reader.fields(node, f"an entry of `{name}`", keys)
        parts: Read[tuple[Part, ...]] = one_or_many(reader, choice(reader, words.PARTS))
        named = many(reader, placed(form(reader, GROUP_NAME)), unique=lambda group: group.text)
        return ConsentSaid(
            by=fields.required("by", login, Word("")),
            at=fields.optional("at", time(reader), Time(-3600)),
            way=fields.optional("way", choice(reader, WAYS), "command"),
            strength=fields.optional("strength", choice(reader, STRENGTHS), None),
            environments=fields.optional("environments", one_or_many(reader, form(reader, ENVIRONMENT)), None),
            groups=fields.optional("groups", named, None),
            changed_since=fields.optional("changed_since", parts, ()),
            via_app=fields.optional("via_app", boolean(reader), False),
            void=fields.optional("void", sentence, ""),
            reason=fields.optional("reason", sentence, ""),
            shown=fields.optional("shown", many(reader, shown, unique=lambda type: type.text), None),
            pushed=fields.optional("pushed", many(reader, form(reader, words.CHANGED), unique=str), None),
        )

    return read


def contributors(reader: Reader) -> Read[ContributorSaid]:
    """`{who, role}`, or `{unknown: why}`."""

    def read(node: Node, name: str) -> ContributorSaid:
        fields = reader.fields(node, "a contributor", words.CONTRIBUTOR_KEYS)
        if fields.has("unknown") and (fields.has("who") or fields.has("role")):
            message = "Expected `unknown` alone, found it beside `who` or `role`."
            reader.refuse(fields.at("unknown"), "cases.unknown_who", message, "Write two entries.")
        if not fields.has("unknown"):
            who = fields.required("who", placed(form(reader, LOGIN)), None)
            return ContributorSaid(who, fields.optional("role", choice(reader, words.ROLES), "author"))
        return ContributorSaid(unknown=fields.optional("unknown", text(reader, words.MAX_SENTENCE), ""))

    return read
