"""Signed reports of cases: about exactly the artifacts of the release, unless a case says otherwise."""

from __future__ import annotations

from typing import Any

from manifests import canonical, dsse, test_results
from manifests.attestation import STATEMENT_TYPE
from manifests.keys import PrivateKey

STRANGE = PrivateKey.generate("ed25519")
"""A key that no policy trusts."""


def report(said: dict[str, Any], subjects: dict[str, str], trusted: PrivateKey) -> bytes:
    """A DSSE envelope with a test result about ``subjects`` (name → SHA-256). ``said`` may have others, adds what is
    under ``predicate`` to its predicate, and with ``signed_by: stranger`` has another key sign it."""
    about = said.get("subjects", subjects)
    payload = canonical.encode(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in about.items()],
            "predicateType": test_results.PREDICATE_TYPE,
            "predicate": {"result": "PASSED", "configuration": [], **said.get("predicate", {})},
        }
    )
    key = STRANGE if said.get("signed_by") == "stranger" else trusted
    return dsse.encode(dsse.sign(dsse.IN_TOTO, payload, [key], carry_public_key=True))
