from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import checkpoint, merkle, note, strict_base64
from manifests.checkpoint import Checkpoint
from manifests.errors import ManifestError
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from tests.manifests.signing.vectors import load
from tests.requirements import need

VECTORS = load("notes.json")
TESSERA = VerifierKey.parse(VECTORS["tessera_vkey"][0])
KEY, OTHER = PrivateKey.generate("ed25519"), PrivateKey.generate("ed25519")
NAME = "log.example/tenant"
VKEY, OTHER_VKEY = VerifierKey(NAME, KEY.public), VerifierKey(NAME, OTHER.public)
POINT = Checkpoint(NAME, 3, merkle.leaf_hash(b"x"))


@pytest.mark.parametrize("case", VECTORS["valid"], ids=lambda case: case["name"])
def test_notes_signed_by_others_verify_with_all_their_keys(case: dict[str, Any]) -> None:
    keys = [VerifierKey.parse(text) for text in case["vkeys"]]
    found = note.parse(case["note"].encode())
    assert note.verified_by(found, keys) == set(keys)
    assert found.encode() == case["note"].encode()
    assert [key.encode() for key in keys] == case["vkeys"]


def test_the_checkpoint_of_sum_golang_org_reads() -> None:
    case = next(case for case in VECTORS["valid"] if case["name"] == "sum.golang.org-real-checkpoint")
    keys = [VerifierKey.parse(text) for text in case["vkeys"]]
    found = checkpoint.verify(case["note"].encode(), "go.sum database tree", keys)
    assert (found.size, found.root[:3].hex()) == (35225469, "bede53")


def test_the_tree_description_of_go_reads() -> None:
    tree = VECTORS["go_tree"][0]
    expected = Checkpoint("go.sum database tree", tree["n"], checkpoint.parse_text(tree["text"]).root)
    assert expected.text() == tree["text"]


@pytest.mark.parametrize("number", range(len(VECTORS["tessera_checkpoints"])))
def test_tesseras_checkpoints_verify_and_hold_our_root_of_its_entries(number: int) -> None:
    data = VECTORS["tessera_checkpoints"][number].encode()
    found = checkpoint.verify(data, "example.com/log/testdata", [TESSERA])
    leaves = [merkle.leaf_hash(entry.encode()) for entry in VECTORS["tessera_entries"][: found.size]]
    assert (found.size, found.root) == (number, merkle.root(leaves))


@pytest.mark.parametrize(
    "text",
    [
        *VECTORS["bad_vkeys"],
        "",
        "name",
        VKEY.encode().replace("+", " "),
        VKEY.encode()[:-4],
        VKEY.encode().replace(VKEY.key_id.hex(), VKEY.key_id.hex().upper() + "0"),
        f"name+{VKEY.key_id.hex()}+" + strict_base64.encode(b"\x01" + KEY.public.raw()),
        f"name+00000000+{strict_base64.encode(bytes([1]) + bytes(32))}",
    ],
    ids=lambda _: "case",
)
def test_bad_verifier_keys_are_refused(text: str) -> None:
    with pytest.raises(ManifestError):
        VerifierKey.parse(text)


def test_a_checkpoint_verifies_with_any_known_key_and_ignores_unknown_ones() -> None:
    data = checkpoint.sign(POINT, [(NAME, KEY), (NAME, OTHER), ("witness.example", OTHER)])
    for known in ([VKEY], [OTHER_VKEY], [VKEY, OTHER_VKEY]):
        assert checkpoint.verify(data, NAME, known) == POINT


@pytest.mark.parametrize("known", [[], [OTHER_VKEY], [VerifierKey("other.example", KEY.public)]], ids=lambda _: "case")
def test_a_checkpoint_without_a_known_signature_is_refused(known: list[VerifierKey]) -> None:
    with pytest.raises(ManifestError) as refused:
        checkpoint.verify(checkpoint.sign(POINT, [(NAME, KEY)]), NAME, known)
    assert refused.value.problems[0].code == "checkpoint.unsigned"


def test_a_checkpoint_of_another_log_is_refused() -> None:
    with pytest.raises(ManifestError) as refused:
        checkpoint.verify(checkpoint.sign(POINT, [(NAME, KEY)]), "log.example/other", [VKEY])
    assert refused.value.problems[0].code == "checkpoint.origin"


def test_a_bad_signature_of_a_known_key_spoils_the_note_even_beside_a_good_one() -> None:
    good = note.parse(checkpoint.sign(POINT, [(NAME, KEY), (NAME, OTHER)]))
    first, second = good.signatures
    swapped = note.NoteSignature(second.name, second.key_id, first.signature)
    with pytest.raises(ManifestError):
        note.verified_by(note.Note(good.text, (first, swapped)), [VKEY, OTHER_VKEY])


@pytest.mark.parametrize("flip", [0x01, 0x10, 0x80])
def test_no_changed_byte_of_a_checkpoint_is_accepted(flip: int) -> None:
    data = checkpoint.sign(POINT, [(NAME, KEY)])
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= flip
        with pytest.raises(ManifestError):
            checkpoint.verify(bytes(changed), NAME, [VKEY])


NAMES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="+"), min_size=1)


@given(NAMES, st.integers(0, 2**53), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_reads_back(origin: str, size: int, root: bytes) -> None:
    point = Checkpoint(origin, size, root)
    assert checkpoint.parse(checkpoint.sign(point, [(origin, KEY)]))[0] == point
    assert VerifierKey.parse(VerifierKey(origin, KEY.public).encode()).name == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n3\n",
        "o\n03\n" + strict_base64.encode(bytes(32)) + "\n",
        "o\n-3\n" + strict_base64.encode(bytes(32)) + "\n",
        "o\n3\n" + strict_base64.encode(bytes(31)) + "\n",
        "\n3\n" + strict_base64.encode(bytes(32)) + "\n",
        "o\n3\n" + strict_base64.encode(bytes(32)),
        "o\n3\n" + strict_base64.encode(bytes(32)) + "\n\nx\n",
        "o\n٣\n" + strict_base64.encode(bytes(32)) + "\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ManifestError):
        checkpoint.parse_text(text)


def test_extension_lines_of_others_are_kept() -> None:
    text = POINT.text() + "more\n"
    assert checkpoint.parse_text(text).extensions == ("more",)
    assert checkpoint.parse_text(text).text() == text


@pytest.mark.parametrize(
    ("name", "kind"), [("a b", "ed25519"), ("a+b", "ed25519"), ("", "ed25519"), ("a", "ecdsa-p256")]
)
def test_a_name_or_key_that_notes_cannot_carry_is_refused(name: str, kind: Any) -> None:
    with pytest.raises(ManifestError):
        note.sign("text\n", [(name, PrivateKey.generate(kind))])


@pytest.mark.parametrize("text", ["", "no line break", "tab\there\n", "\x00\n"])
def test_a_text_that_cannot_be_a_note_is_refused(text: str) -> None:
    with pytest.raises(ManifestError):
        note.sign(text, [(NAME, KEY)])


def test_openssl_alone_checks_a_checkpoint(tmp_path: Path) -> None:
    tool = need("openssl")
    data = checkpoint.sign(POINT, [(NAME, KEY)])
    text, _, lines = data.partition(b"\n\n")
    (tmp_path / "log.pem").write_bytes(KEY.public.to_pem())
    (tmp_path / "text").write_bytes(text + b"\n")
    encoded = lines.decode().split(" ")[-1].strip()
    (tmp_path / "signature").write_bytes(strict_base64.decode(encoded, "it")[4:])
    command = [tool, "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "log.pem", "-in", "text"]
    run = [*command, "-sigfile", "signature"]
    assert subprocess.run(run, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "text").write_bytes(text)
    assert subprocess.run(run, cwd=tmp_path, capture_output=True, check=False).returncode != 0
