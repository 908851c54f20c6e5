"""The log of three records that docs/audit-log.md works through. ``python -m tests.exports.example`` prints it."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.audit import proofs
from app.audit.proofs import Consistency, Inclusion
from app.audit.sequence import LogSequencer
from app.db.tx import Tx
from app.exports.model import Ask
from app.exports.outside import reader
from app.exports.run import export
from manifests import merkle
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from manifests.record import Draft, facts
from tests.db.opened import opened

SEED = bytes(range(32))
AT = 1_795_168_800_000_000
DRAFTS = (
    Draft(
        trace_id="release-7", ts=AT, stage="propose", event="release.proposed", component="pulls", action="proposed",
        resource="release/7", actor_ref="github:1001", outcome="ok",
    ),
    Draft(
        trace_id="service", ts=AT + 250_000, stage="system", event="service.started", component="service",
        action="started", resource="service", actor_ref="service:countersign", outcome="ok",
    ),
    Draft(
        trace_id="release-7", ts=AT + 60_000_000, stage="approve", event="grant.recorded", component="grants",
        action="approve", resource="release/7", actor_ref="p-4f1c", outcome="active",
        data=facts({"environments": ["staging"], "seat": "risk-managers"}),
    ),
)  # fmt: skip


class Example(NamedTuple):
    bodies: list[bytes]
    leaves: list[bytes]
    node: bytes
    vkey: str
    checkpoint: str
    inclusion: Inclusion
    consistency: Consistency
    bundle: bytes


def key() -> PrivateKey:
    """Everybody's: its seed is the bytes 0 to 31."""
    made = Ed25519PrivateKey.from_private_bytes(SEED)
    return PrivateKey.from_pem(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


async def example(folder: Path) -> Example:
    """Written by the service's own code, two batches, then exported."""
    url, signer = f"sqlite:///{folder}/example.db", key()
    async with opened(url, LogSequencer([signer])) as database:
        for batch in (DRAFTS[:2], DRAFTS[2:]):

            def unit(tx: Tx, batch: tuple[Draft, ...] = batch) -> None:
                for draft in batch:
                    tx.stage("acme", draft)

            await database.write(unit)
        inclusion = await database.read(lambda tx: proofs.inclusion(tx, "acme", 2))
        bodies = [(await database.read(lambda tx, seq=seq: proofs.inclusion(tx, "acme", seq))).body for seq in range(3)]  # type: ignore[misc]
        consistency = await database.read(lambda tx: proofs.consistency(tx, "acme", 2, 3))
    vkey = VerifierKey("countersign.dev/log/acme", signer.public)
    await asyncio.to_thread(_export, url, folder / "export", vkey)
    leaves = [merkle.leaf_hash(body) for body in bodies]
    return Example(
        bodies, leaves, merkle.node_hash(leaves[0], leaves[1]), vkey.encode(), inclusion.checkpoint, inclusion,
        consistency, (folder / "export/tile/entries/000.p/3").read_bytes(),
    )  # fmt: skip


def _export(url: str, to: Path, vkey: VerifierKey) -> None:
    with reader(url) as read:
        export(read, Ask("acme"), to, (vkey,), lambda done, total: None)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        found = asyncio.run(example(Path(made)))
        for body, leaf in zip(found.bodies, found.leaves, strict=True):
            print(body.decode(), leaf.hex(), base64.b64encode(leaf).decode(), len(body), sep="\n", end="\n\n")
        print(found.node.hex(), found.vkey, found.checkpoint, sep="\n")
        print(found.inclusion.tlog_proof(), found.consistency.witness_request(), found.bundle[:4].hex(), sep="\n")
