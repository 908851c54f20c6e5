"""Signed documents of cases: about exactly the artifacts of the release, unless a case says otherwise."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from manifests import dsse, reports, test_results
from manifests.attestation import STATEMENT_TYPE, FileDigest
from manifests.keys import PrivateKey
from manifests.lineage_record import Commit, Recipe, build_lineage

STRANGE = PrivateKey.generate("ed25519")
"""A key that no policy trusts."""

LINEAGE = "lineage"
FORMS = {"test-result": test_results.PREDICATE_TYPE, "report": reports.PREDICATE_TYPE, "scan": reports.SCANS[0]}
_CODE = hashlib.sha1(b"the training code", usedforsecurity=False).hexdigest()


def document(said: dict[str, Any], subjects: dict[str, str], trusted: PrivateKey) -> bytes:
    """A DSSE envelope about ``subjects`` (name → SHA-256), of the ``form`` that is said: ``test-result`` (the default),
    ``report``, ``scan`` or ``lineage``. ``said`` may have other ``subjects``, the whole ``predicate`` or what it has
    ``more``, and with ``signed_by: stranger`` another key signs."""
    about = said.get("subjects", subjects)
    form = said.get("form", "test-result")
    payload = _lineage(about, said) if form == LINEAGE else _report(about, said, form)
    key = STRANGE if said.get("signed_by") == "stranger" else trusted
    return dsse.encode(dsse.sign(dsse.IN_TOTO, payload, [key], carry_public_key=True))


def _report(about: dict[str, str], said: dict[str, Any], form: str) -> bytes:
    usual = {
        "test-result": {"result": "PASSED", "configuration": []},
        "report": {"type": said.get("type"), "result": "PASSED"},
        "scan": {"scanner": {"uri": "pkg:generic/scanner", "result": []}},
    }[form]
    subject = [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in about.items()]
    body = {"_type": STATEMENT_TYPE, "subject": subject, "predicateType": FORMS[form]}
    return json.dumps({**body, "predicate": {**said.get("predicate", usual), **said.get("more", {})}}).encode()


def _lineage(about: dict[str, str], said: dict[str, Any]) -> bytes:
    data = said.get("dataset", hashlib.sha256(b"the data").hexdigest())
    recipe = Recipe(
        subjects=tuple(FileDigest(name, sha256) for name, sha256 in about.items()),
        datasets=(FileDigest("dataset:prices.csv", data),),
        parameters={"method": "least squares"},
        code=Commit("git+https://github.com/acme/training", _CODE),
        builder_id="https://training.acme.example/cluster",
        triggered_by=said.get("triggered_by"),
    )
    return build_lineage(recipe)
