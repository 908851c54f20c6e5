"""The recipes for checking with other tools, run as they are shown."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec

from app.keys import listing
from app.keys.model import KeySet, ServerKeys
from app.signatures import envelope
from manifests import checkpoint, dsse, sshsig, statement
from manifests.attestation import FileDigest
from manifests.checkpoint import Checkpoint
from manifests.keys import PrivateKey
from manifests.statement import ConsentPredicate
from manifests.vsa import Reference, Vsa, build_vsa
from tests.docs.pages import ROOT, blocks
from tests.requirements import need

KEYS = ServerKeys(KeySet(PrivateKey.generate("ecdsa-p256")), KeySet(PrivateKey.generate("ed25519")))
ORIGIN = "countersign.dev/log/acme"
SUMMARY = Vsa(
    verifier_id="https://countersign.example.com",
    resource_uri="git+https://github.com/acme/models@main",
    policy=Reference("git+https://github.com/acme/models@main", "0" * 64),
    subjects=(FileDigest("policy.pt", "1" * 64),),
    time_verified=1_800_000_000_000_000,
    expires_at=1_800_000_900_000_000,
    environment="production",
    decision_id="decision",
)


def run(page: str, having: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The shell block of a page that contains ``having``, in ``folder``, whose programs come first."""
    found = [block.text for block in blocks(ROOT / "docs" / page) if block.language == "sh" and having in block.text]
    assert len(found) == 1
    env = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-ec", found[0]], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_checkpoints_recipe_tells_a_true_one_from_an_altered_one(tmp_path: Path) -> None:
    need("openssl")
    signed = checkpoint.sign(Checkpoint(ORIGIN, 3, b"r" * 32), [(ORIGIN, KEYS.log)])
    (tmp_path / "log.pem").write_bytes(KEYS.log.public.to_pem())
    kept = tmp_path / "checkpoint-2026-11"
    kept.write_bytes(signed)
    done = run("audit-log.md", "openssl pkeyutl", tmp_path)
    assert (done.returncode, "Verified Successfully" in done.stdout) == (0, True), done
    kept.write_bytes(signed.replace(b"\n3\n", b"\n2\n"))
    assert run("audit-log.md", "openssl pkeyutl", tmp_path).returncode != 0


def test_the_summarys_recipe_tells_a_true_one_from_an_altered_one(tmp_path: Path) -> None:
    need("openssl")
    (tmp_path / "keys.json").write_bytes(msgspec.json.encode(listing.held(KEYS, ("acme",))))
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\ncat "$(dirname "$0")/keys.json"\n')
    curl.chmod(0o700)
    envelope = dsse.encode(dsse.sign(dsse.IN_TOTO, build_vsa(SUMMARY), [KEYS.gate]))
    summary = tmp_path / "vsa.dsse.json"
    summary.write_bytes(envelope)
    done = run("gate-api.md", "openssl dgst", tmp_path)
    assert (done.returncode, done.stdout) == (0, "Verified OK\n"), done
    other = msgspec.structs.replace(SUMMARY, environment="staging")
    forged = dsse.sign(dsse.IN_TOTO, build_vsa(other), [PrivateKey.generate("ecdsa-p256")])
    summary.write_bytes(dsse.encode(forged))
    assert run("gate-api.md", "openssl dgst", tmp_path).returncode != 0


def test_the_statements_recipe_tells_a_persons_signature_from_anothers(tmp_path: Path) -> None:
    need("ssh-keygen")
    carol = PrivateKey.generate("ed25519")
    consent = statement.parse(statement.build((FileDigest("policy.pt", "1" * 64),), approval(carol)))
    armored = sshsig.sign(carol, statement.signed_message(consent.payload))
    stored = envelope.write(envelope.expect_signed(consent, armored), armored)
    (tmp_path / "statement.dsse.json").write_bytes(stored)
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(f'carol namespaces="{sshsig.NAMESPACE}" {carol.public.to_openssh()}\n')
    done = run("signing.md", "ssh-keygen -Y verify", tmp_path)
    assert (done.returncode, done.stdout.startswith("Good ")) == (0, True), done
    other = PrivateKey.generate("ed25519")
    allowed.write_text(f'carol namespaces="{sshsig.NAMESPACE}" {other.public.to_openssh()}\n')
    assert run("signing.md", "ssh-keygen -Y verify", tmp_path).returncode != 0


def approval(key: PrivateKey) -> ConsentPredicate:
    return ConsentPredicate(
        tenant="acme",
        repository_id=1,
        repository="acme/models",
        pull_number=7,
        base_ref="main",
        head_commit="a" * 40,
        head_tree="b" * 40,
        manifest_path="releases/intraday/release.yaml",
        revision="c" * 64,
        effective_rule="d" * 64,
        decision="approve",
        environments=("production",),
        groups=("risk-managers",),
        person="person",
        account="github:3",
        key=key.public.fingerprint,
        memberships="e" * 64,
        displayed="f" * 64,
        way="cli",
        nonce="0123456789abcdef",
        issued_at=1_800_000_000_000_000,
        not_after=1_800_000_100_000_000,
    )
