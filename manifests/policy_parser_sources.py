"""Reading whose signatures a policy counts: the trusted signers of evidence."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping

from manifests.located_yaml import Node
from manifests.located_yaml_reader import Read, Reader
from manifests.located_yaml_values import form, many, text
from manifests.policy import TrustedSigner
from manifests.policy_parser_forms import FINGERPRINT, LOGIN, MAX_LINE
from manifests.policy_parser_names import refuse_other
from manifests.release_parser_forms import EVIDENCE_TYPE

SIGNER_KEYS = ("key", "who", "public_key", "person")


Signers = tuple[TrustedSigner, ...]


def trust(reader: Reader, earlier: Mapping[str, Signers]) -> Read[dict[str, Signers]]:
    """Evidence type (or ``lineage``) → the signers that make it count; ``earlier`` are those of files read before."""
    signers = many(reader, _signer(reader), least=1, unique=lambda signer: signer.key)

    def read(node: Node, name: str) -> dict[str, Signers]:
        found: dict[str, Signers] = {}
        for entry in reader.entries(node, name):
            if form(reader, EVIDENCE_TYPE)(entry.key, "trust") is not None:
                named = signers(entry.value, entry.key.text[:MAX_LINE]) or ()
                found[entry.key.text] = named
                refuse_other(reader, entry.key, "trusted type", entry.key.text, named, earlier)
        return found

    return read


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
