"""Reading who a policy counts: groups of persons and trusted signers of evidence."""

from __future__ import annotations

import base64
import binascii
import hashlib

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Read, Reader
from manifests.located_yaml_values import Form, form, integer, many, text
from manifests.policy import Group, TrustedSigner
from manifests.policy_parser_forms import FINGERPRINT, GROUP_NAME, LOGIN, MAX_ID, MAX_LINE, TEAM
from manifests.release_parser_forms import EVIDENCE_TYPE

GROUP_KEYS = ("github_team", "github_team_id", "servicenow_group", "members")
SIGNER_KEYS = ("key", "who", "public_key", "person")


def groups(reader: Reader) -> Read[dict[str, Group]]:
    """Name → group."""

    def read(node: Node, name: str) -> dict[str, Group]:
        return {
            entry.key.text: _group(reader, entry.value, entry.key.text)
            for entry in reader.entries(node, name)
            if _named(reader, entry.key, GROUP_NAME, "groups")
        }

    return read


def trust(reader: Reader) -> Read[dict[str, tuple[TrustedSigner, ...]]]:
    """Evidence type (or ``lineage``) → the signers that make it count."""
    signers = many(reader, _signer(reader), least=1, unique=lambda signer: signer.key)

    def read(node: Node, name: str) -> dict[str, tuple[TrustedSigner, ...]]:
        return {
            entry.key.text: signers(entry.value, entry.key.text[:MAX_LINE]) or ()
            for entry in reader.entries(node, name)
            if _named(reader, entry.key, EVIDENCE_TYPE, "trust")
        }

    return read


def _named(reader: Reader, key: Node, shape: Form, name: str) -> bool:
    return form(reader, shape)(key, name) is not None


def _group(reader: Reader, node: Node, name: str) -> Group:
    fields = reader.fields(node, f"the group {name}", GROUP_KEYS)
    if not any(fields.has(key) for key in ("github_team", "servicenow_group", "members")):
        reader.refuse(
            node,
            "policy.empty_group",
            f"Expected a source of the group {name}, found none.",
            "Add `github_team`, `servicenow_group` or `members`.",
        )
    if fields.has("github_team_id") and not fields.has("github_team"):
        reader.refuse(
            fields.at("github_team_id"),
            "policy.team_id_alone",
            "Expected `github_team` beside `github_team_id`, found none.",
            "Add the team's organisation/slug.",
        )
    members = many(reader, form(reader, LOGIN), least=1, unique=str.lower)
    return Group(
        github_team=fields.optional("github_team", form(reader, TEAM), None),
        github_team_id=fields.optional("github_team_id", integer(reader, 1, MAX_ID), None),
        servicenow_group=fields.optional("servicenow_group", text(reader, MAX_LINE), None),
        members=fields.optional("members", members, ()),
    )


def _signer(reader: Reader) -> Read[TrustedSigner]:
    def read(node: Node, name: str) -> TrustedSigner | None:
        fields = reader.fields(node, f"a signer of {name}", SIGNER_KEYS)
        key = fields.required("key", form(reader, FINGERPRINT), None)
        public_key = fields.optional("public_key", text(reader, 8_192), None)
        if key is not None and public_key is not None and fingerprint(public_key) != key:
            reader.refuse(
                fields.at("public_key"),
                "policy.key_mismatch",
                f"Expected the OpenSSH public key with the fingerprint {key}, found another or none.",
                "Correct one of them.",
            )
        who = fields.required("who", text(reader, MAX_LINE), "")
        person = fields.optional("person", form(reader, LOGIN), None)
        return None if key is None else TrustedSigner(key, who, public_key, person)

    return read


def fingerprint(public_key: str) -> str | None:
    """The OpenSSH SHA-256 fingerprint of a public key line (``type base64 [comment]``), or None."""
    words = public_key.split(" ")
    if len(words) < 2:
        return None
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    length = len(words[0])
    if blob[: 4 + length] != length.to_bytes(4, "big") + words[0].encode():
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
