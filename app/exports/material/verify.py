#!/usr/bin/env python3
"""Checks an export of an audit log against the root in its checkpoint. Nothing but the standard library is needed.

The signature on the checkpoint is not checked here: README.md shows how with OpenSSL.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

HERE = Path(sys.argv[1] if len(sys.argv) > 1 else ".")


def leaf_hash(record: bytes) -> bytes:
    return sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def checkpoint(name: str | Path = "checkpoint") -> tuple[int, bytes]:
    """Its size and root."""
    lines = (HERE / name).read_text(encoding="utf-8").split("\n")
    return int(lines[1]), base64.b64decode(lines[2], validate=True)


def tile_path(level: int | str, index: int, width: int) -> Path:
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return HERE / "tile" / str(level) / ("/".join(groups) + (f".p/{width}" if width < 256 else ""))


def tiles(level: int | str, size: int) -> Iterator[tuple[Path, int]]:
    """The paths of a level's tiles for a tree of that size, and how many hashes or records each holds."""
    count = size >> (8 * level) if isinstance(level, int) else size
    for index in range((count + 255) // 256):
        width = min(256, count - 256 * index)
        yield tile_path(level, index, width), width


def records(size: int) -> Iterator[bytes]:
    for path, width in tiles("entries", size):
        data, at, found = path.read_bytes(), 0, 0
        while at < len(data):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if end > len(data):
                sys.exit(f"{path}: cut short")
            yield data[at + 2 : end]
            at, found = end, found + 1
        if found != width:
            sys.exit(f"{path}: expected {width} records, found {found}")


def root_of(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1."""
    while len(hashes) > 1:
        pairs = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]
        hashes = pairs + (hashes[-1:] if len(hashes) % 2 else [])
    return hashes[0]


def check_tiles(level: int, hashes: list[bytes], size: int) -> None:
    stored = b"".join(path.read_bytes() for path, _ in tiles(level, size))
    if stored != b"".join(hashes):
        sys.exit(f"tile/{level}: these are not the hashes of the records")


def check_chains(size: int) -> list[bytes]:
    """Numbers without a gap, and in every trace each record naming the one before. Answers the leaf hashes."""
    leaves: list[bytes] = []
    traces: dict[str, tuple[int, str]] = {}
    for seq, data in enumerate(records(size)):
        record = json.loads(data)
        tseq, prev = traces.get(record["trace_id"], (0, "0" * 64))
        if (record["seq"], record["tseq"], record["prev"]) != (seq, tseq, prev):
            sys.exit(f"record {seq}: its number or its place in trace {record['trace_id']} is wrong")
        leaves.append(leaf_hash(data))
        traces[record["trace_id"]] = (tseq + 1, leaves[-1].hex())
    return leaves


def whole() -> None:
    size, root = checkpoint()
    leaves = check_chains(size)
    if root_of(leaves) != root:
        sys.exit("the records do not lead to the root in the checkpoint")
    level, hashes = 0, leaves
    while hashes:
        check_tiles(level, hashes, size)
        hashes = [root_of(hashes[at : at + 256]) for at in range(0, len(hashes) // 256 * 256, 256)]
        level += 1
    earlier = 0
    for path in (HERE / "consistency").glob("*.checkpoint"):
        old, old_root = checkpoint(path.relative_to(HERE))
        if root_of(leaves[:old]) != old_root:
            sys.exit(f"{path}: not a beginning of this log")
        earlier += 1
    print(f"{size} records lead to the root in the checkpoint; {earlier} earlier checkpoints are its beginnings.")


def root_from(index: int, size: int, leaf: bytes, proof: list[bytes]) -> bytes | None:
    """RFC 9162 section 2.1.3.2."""
    last, found = size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if index & 1 or index == last:
            found = node_hash(sibling, found)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        index, last = index >> 1, last >> 1
    return found if last == 0 else None


def selection() -> None:
    size, root = checkpoint()
    lines = (HERE / "index.jsonl").read_text(encoding="utf-8").splitlines()
    for line in map(json.loads, lines):
        data = (HERE / line["record"]).read_bytes()
        head, _, under = (HERE / line["proof"]).read_text(encoding="utf-8").partition("\n\n")
        form, index, *proof = head.split("\n")
        hashes = [base64.b64decode(one, validate=True) for one in proof]
        if form != "c2sp.org/tlog-proof@v1" or index != f"index {json.loads(data)['seq']}":
            sys.exit(f"{line['proof']}: not the proof of this record")
        if under != (HERE / "checkpoint").read_text(encoding="utf-8"):
            sys.exit(f"{line['proof']}: under another checkpoint")
        if root_from(line["seq"], size, leaf_hash(data), hashes) != root:
            sys.exit(f"{line['record']}: not in the log")
    print(f"{len(lines)} records are in the log of {size}.")


if not (HERE / "checkpoint").is_file():
    sys.exit(f"expected the folder of an export, found no checkpoint in {HERE}; usage: python3 verify.py [folder]")
if (HERE / "tile").is_dir():
    whole()
else:
    selection()
