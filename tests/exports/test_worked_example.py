"""The numbers of docs/audit-log.md: they are what we write, and hashlib alone leads from the records to the root."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.docs.pages import ROOT, text_of
from tests.exports.example import Example, example

PAGE = ROOT / "docs/audit-log.md"
SECTION = text_of(PAGE).split("## A worked example\n")[1].split("\n## ")[0]
BLOCKS = [part.split("\n", 1)[1] for part in SECTION.split("```")[1::2]]
RECORDS = [block.replace("\n", "").encode() for block in BLOCKS[:3]]
HASHES = [bytes.fromhex(line.split()[-1]) for line in BLOCKS[3].splitlines()]
VKEY, CHECKPOINT, INCLUSION, CONSISTENCY = (BLOCKS[4].strip(), *BLOCKS[5:])


@pytest.fixture
async def made(tmp_path: Path) -> Example:
    return await example(tmp_path)


def test_the_page_shows_what_is_written(made: Example) -> None:
    assert made.bodies == RECORDS
    assert [*made.leaves, made.node] == HASHES
    assert (made.vkey, made.checkpoint) == (VKEY, CHECKPOINT)
    assert (made.inclusion.tlog_proof(), made.consistency.witness_request()) == (INCLUSION, CONSISTENCY)
    assert (len(made.bundle), made.bundle[:4].hex(" ")) == (1_000, "01 3b 7b 22")
    assert "has 1,000 bytes and begins with `01 3b 7b 22`" in SECTION


def test_whoever_reads_the_page_comes_to_the_same_root() -> None:
    leaves = [sha256(b"\0" + record).digest() for record in RECORDS]
    node = sha256(b"\1" + leaves[0] + leaves[1]).digest()
    root = sha256(b"\1" + node + leaves[2]).digest()
    assert [*leaves, node] == HASHES
    assert CHECKPOINT.splitlines()[2] == base64.b64encode(root).decode()
    assert INCLUSION.splitlines()[2] == base64.b64encode(node).decode()
    assert CONSISTENCY.splitlines()[1] == base64.b64encode(leaves[2]).decode()
    assert json.loads(RECORDS[2])["prev"] == leaves[0].hex()
    assert [f"{len(record)} bytes" in SECTION for record in RECORDS] == [True] * 3


def test_the_signature_is_over_the_first_three_lines() -> None:
    name, key_id, encoded = VKEY.split("+", 2)
    public = base64.b64decode(encoded)
    assert sha256(name.encode() + b"\n" + public).digest()[:4].hex() == key_id
    text, _, line = CHECKPOINT.partition("\n\n")
    signature = base64.b64decode(line.split(" ")[2])
    assert signature[:4].hex() == key_id
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature[4:], text.encode() + b"\n")


def test_everything_that_a_record_can_hold_is_described() -> None:
    from manifests.record import Record, Sealed

    section = text_of(PAGE).split("## A record\n")[1].split("\n## ")[0]
    assert [name for name in Record.__struct_fields__ + Sealed.__struct_fields__ if f"`{name}`" not in section] == []
