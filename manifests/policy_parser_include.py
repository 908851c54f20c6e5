"""Policies that are part of others: which they are, and reading them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from manifests import paths
from manifests.located_yaml import Mapping as Table
from manifests.located_yaml import Node, Scalar, Sequence, compose
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import choice, form, many, text
from manifests.policy import SCHEMA, Include
from manifests.policy_parser_forms import MAX_INCLUDES, ONE_REPOSITORY, REF
from manifests.policy_parser_parts import COMMON_KEYS
from manifests.release_parser_forms import SHA256

MAX_BYTES = 512 * 1024
INCLUDE_KEYS = ("path", "sha256", "repository", "ref")


def includes_of(data: bytes, path: str) -> tuple[Include, ...]:
    """What a policy includes, for whoever fetches it before the policy is read; at most 16.

    Never raises: what cannot be read is left out here and reported by ``parse_policy``.
    """
    # A key can only be written otherwise with a backslash.
    if b"include" not in data and b"\\" not in data:
        return ()
    root, _ = compose(data, path, MAX_BYTES)
    entries = root.entries if isinstance(root, Table) else ()
    node = next((entry.value for entry in entries if entry.key.text == "include"), None)
    return () if node is None else includes(Reader(path))(node, "include") or ()


def includes(reader: Reader) -> Read[tuple[Include, ...]]:
    """The value of `include`, each file once."""
    read_path, read_sha256 = _path(reader), form(reader, SHA256)
    read_repository, read_ref = form(reader, ONE_REPOSITORY), form(reader, REF)

    def read(node: Node, name: str) -> Include | None:
        fields = reader.fields(node, "an entry of `include`", INCLUDE_KEYS)
        path = fields.required("path", read_path, None)
        sha256 = fields.required("sha256", read_sha256, None)
        repository = fields.optional("repository", read_repository, None)
        ref = fields.optional("ref", read_ref, None)
        if fields.has("repository") and not fields.has("ref"):
            reader.refuse(
                node,
                "policy.include_ref",
                "Expected `ref` beside `repository`, found none.",
                "Say at which commit, tag or branch of the other repository the file is.",
            )
        return None if path is None or sha256 is None else Include(path, sha256, repository, ref)

    return many(reader, read, least=1, most=MAX_INCLUDES, unique=lambda include: include.sha256)


def _path(reader: Reader) -> Read[str]:
    read_text = text(reader, paths.MAX_LENGTH)

    def read(node: Node, name: str) -> str | None:
        found = read_text(node, name)
        if found is None:
            return None
        try:
            paths.check(found)
        except paths.PathError as error:
            reader.refuse(node, "field.path", f"`{name}`: {error.reason}", error.remedy)
            return None
        return found

    return read


class Included(NamedTuple):
    """What a policy includes: the files, those that can be read with their readers' problems, and whether these are
    all."""

    include: tuple[Include, ...]
    parts: tuple[Fields, ...]
    is_whole: bool


def included_parts(fields: Fields, included: Mapping[str, bytes]) -> Included:
    """Read the files that a policy includes. ``included`` are their bytes by the digest that the policy names."""
    found = fields.optional("include", includes(fields.reader), ())
    # A file that is named twice is reported already.
    once = {include.sha256: include for include in found}.values()
    parts = [_part(fields, include, included.get(include.sha256)) for include in once]
    read = tuple(part for part in parts if part is not None)
    node = fields.at("include")
    written = len(node.items) if isinstance(node, Sequence) else int(fields.has("include"))
    return Included(found, read, is_whole=len(read) == written)


def _part(fields: Fields, include: Include, data: bytes | None) -> Fields | None:
    if not _is_as_pinned(fields, include, data) or data is None:
        return None
    reader = Reader(include.path if include.repository is None else f"{include.repository}:{include.path}")
    root = reader.load(data, MAX_BYTES)
    if root is None:
        fields.reader.absorb(reader)
        return None
    part = reader.fields(root, "an included policy", COMMON_KEYS)
    part.required("schema", choice(reader, (SCHEMA,)), "")
    return part


def _is_as_pinned(fields: Fields, include: Include, data: bytes | None) -> bool:
    found = None if data is None else hashlib.sha256(data).hexdigest()
    if found == include.sha256:
        return True
    node = _digest_of(fields.at("include"), include.sha256)
    if found is None:
        message = f"Expected a file {include.path} with the SHA-256 {include.sha256}, found none."
        remedy = "Correct its path or digest, or put the file there."
        fields.reader.refuse(node, "policy.include_missing", message, remedy)
    else:
        message = f"Expected {include.path} to have the SHA-256 {include.sha256}, found {found}."
        remedy = f"Read what the file says now, and if it is right write sha256: {found}."
        fields.reader.refuse(node, "policy.include_altered", message, remedy)
    return False


def _digest_of(node: Node, sha256: str) -> Node:
    """Where the digest stands."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Scalar) and one.text == sha256:
            return one
        if isinstance(one, Table):
            waiting += [entry.value for entry in one.entries]
        elif not isinstance(one, Scalar):
            waiting += getattr(one, "items", ())
    return node
