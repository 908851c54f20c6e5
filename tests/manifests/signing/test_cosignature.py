"""Cosignatures of witnesses, ours and one that Sunlight's authors published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import checkpoint, cosignature
from manifests.checkpoint import Checkpoint
from manifests.cosignature import WitnessKey
from manifests.errors import ManifestError
from manifests.keys import PrivateKey

# From the test data of FiloSottile/sunlight (cmd/skylight, commit ed0bc38): a checkpoint, its witness and its key.
SUNLIGHT_TEXT = "rome2026h1.example.org\n300\nlCkHUpkmVBEms2r2T1K6Og69+wUuuN3MIEW1/ezu2v0=\n"
SUNLIGHT_LINE = (
    "— witness.example.org uKLPIAAAAABpVGeAhm2bOvKc3LaB9PFN1ruG19Y5yqslmcAAbhftnn1Zznmo0LXFZq4LGvqKqLX8jWlwLKasxEGTLIq"
    "AVusneCBmBw==\n"
)
SUNLIGHT_KEY = "witness.example.org+b8a2cf20+BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN"

KEY = PrivateKey.generate("ed25519")
WITNESS = WitnessKey("witness.example/one", KEY.public)
TEXT = Checkpoint("countersign.dev/log/acme", 17, b"r" * 32).text()


def test_a_published_cosignature_verifies() -> None:
    found = cosignature.verify(SUNLIGHT_TEXT, SUNLIGHT_LINE, WitnessKey.parse(SUNLIGHT_KEY))
    assert (found.time, found.line) == (0x69546780, SUNLIGHT_LINE)


@given(at=st.integers(0, 2**63 - 1), size=st.integers(0, 2**53))
def test_what_a_witness_signs_verifies_and_nothing_else(at: int, size: int) -> None:
    signed = Checkpoint("a.example/log", size, b"x" * 32).text()
    made = cosignature.sign(signed, WITNESS.name, KEY, at)
    assert cosignature.verify(signed, made.line, WITNESS) == made
    with pytest.raises(ManifestError):
        cosignature.verify(Checkpoint("a.example/log", size + 1, b"x" * 32).text(), made.line, WITNESS)


def test_the_time_is_signed() -> None:
    early, late = (cosignature.sign(TEXT, WITNESS.name, KEY, at).line for at in (1, 2))
    forged = cosignature.sign(TEXT, WITNESS.name, PrivateKey.generate("ed25519"), 1).line
    assert early != late
    with pytest.raises(ManifestError, match="expected a valid cosignature of witness"):
        cosignature.verify(TEXT, forged, WITNESS)


def test_lines_of_others_are_ignored() -> None:
    other = cosignature.sign(TEXT, "somebody.example", PrivateKey.generate("ed25519"), 5).line
    mine = cosignature.sign(TEXT, WITNESS.name, KEY, 6)
    log = checkpoint.sign(Checkpoint("countersign.dev/log/acme", 17, b"r" * 32), [("countersign.dev/log/acme", KEY)])
    lines = log.decode().partition("\n\n")[2]
    assert cosignature.verify(TEXT, lines + other + mine.line, WITNESS) == mine


def test_a_key_is_read_back_from_its_text() -> None:
    assert WitnessKey.parse(WITNESS.encode()) == WITNESS
    assert WitnessKey.parse(SUNLIGHT_KEY).encode() == SUNLIGHT_KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "witness.example.org",
        SUNLIGHT_KEY.replace("b8a2cf20", "b8a2cf21"),
        SUNLIGHT_KEY[:-4],
        "a+b8a2cf20+AVLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN",
    ],
)
def test_a_key_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ManifestError):
        WitnessKey.parse(text)
